"""From the name of a network to a module with weights."""
