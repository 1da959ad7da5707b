"""A network made ready to run, one module per engine."""
