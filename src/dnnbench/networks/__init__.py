"""From a network's name to a module with weights."""
