"""Formats of the result files, one module per stage."""
