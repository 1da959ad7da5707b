"""Queries on finished tables: which networks fit, what changed, and what to expect."""
