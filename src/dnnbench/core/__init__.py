"""What is not specific to benchmarks: errors, processes, locks, downloads, files."""
