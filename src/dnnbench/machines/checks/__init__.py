"""Checks of a machine for anything that would disturb timings."""
