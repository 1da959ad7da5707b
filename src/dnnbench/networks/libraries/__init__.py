"""Sources of networks outside the registry, one module per prefix.

Each module declares a ``LIBRARY`` (:class:`dnnbench.config.library.Library`). Listing the libraries
imports these modules, so they import the library itself only inside functions. Other distributions
add libraries through an entry point of group ``dnnbench.networks.libraries``.
"""
