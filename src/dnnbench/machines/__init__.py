"""The user's machines: check them, describe them, and merge their records."""
