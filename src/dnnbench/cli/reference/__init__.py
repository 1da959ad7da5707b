"""Pages of docs/reference that follow from the program: commands, settings, results."""
