"""Records joined into the study's tables."""
