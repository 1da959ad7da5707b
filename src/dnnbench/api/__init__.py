"""A finished study in Python: :func:`dnnbench.open`, which the commands use too."""
