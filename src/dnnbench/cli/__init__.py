"""The ``dnnbench`` command, one module per subcommand."""
