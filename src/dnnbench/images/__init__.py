"""From labeled images to arrays."""
