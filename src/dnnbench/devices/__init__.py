"""The hardware that networks run on, with one module per backend."""
