"""Queries on finished tables: what fits, what changed, what to expect."""
