"""Measurements: one number from one process, and the records that keep it."""
