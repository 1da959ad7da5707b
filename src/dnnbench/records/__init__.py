"""The shape of each result file, one module per stage."""
