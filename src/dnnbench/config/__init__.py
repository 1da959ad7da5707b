"""Settings in params.yaml and device files, one module per section."""
