"""Inference engines that prepare a network to run, with one module per engine."""
