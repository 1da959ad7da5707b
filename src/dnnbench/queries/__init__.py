"""Questions to finished tables: which network fits, what changed, what to expect."""
