"""What a reader sees: the page and its data."""
