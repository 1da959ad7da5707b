"""From labeled pictures to arrays."""
