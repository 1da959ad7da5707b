"""Measure image classifiers on one machine, and choose one that fits its budget."""
