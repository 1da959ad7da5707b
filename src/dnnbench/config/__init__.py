"""What a user may write in params.yaml and device files, one module per section."""
