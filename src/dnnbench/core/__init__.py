"""General-purpose code, not specific to benchmarks: errors, processes, locks, downloads, files."""
