"""Subcommands of ``dnnbench``: one module each, listed under the module's name.

The function of the same name declares arguments, options and help, calls the package, and prints
the answer. Modules that are slow to import are imported inside the function, so that shell
completion does not have to wait for them.
"""
