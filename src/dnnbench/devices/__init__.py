"""The hardware that networks run on, one module per backend."""
