"""Measurements, each in a separate process, and the records that store them."""
