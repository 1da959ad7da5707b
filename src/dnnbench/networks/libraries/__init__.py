"""Libraries that networks outside the registry come from, one module per prefix of a model list.

Each module declares a ``LIBRARY`` (:class:`dnnbench.config.library.Library`). Listing
them imports these modules, so that they import the library itself inside functions only. Other
distributions add theirs by an entry point of group ``dnnbench.networks.libraries``.
"""
