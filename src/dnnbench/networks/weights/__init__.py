"""Trained weights: sources, verification, and loading."""
