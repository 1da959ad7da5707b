"""Pages of docs/reference derived from the program: commands, settings, results."""
