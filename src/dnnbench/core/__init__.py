"""General-purpose code: errors, processes, locks, downloads, files."""
