"""Statistics: from samples to intervals and verdicts."""
