"""Conversion factors between units."""

MIB_PER_GIB = 1024
