"""One module a command of ``dnnbench``, which is listed under the module's name.

The function of that name declares arguments, options and help, parses, calls the package and
prints. What takes long to import is imported in the function's body: a shell that completes an
option need not wait for it.
"""
