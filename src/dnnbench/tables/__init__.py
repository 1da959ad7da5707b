"""The study's tables, joined from records."""
