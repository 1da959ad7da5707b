"""Measure image classifiers on a machine, and choose one that fits its budget."""
