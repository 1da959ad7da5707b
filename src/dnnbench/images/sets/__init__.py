"""Data sets for measuring accuracy, one module each.

Each module declares a ``DATASET`` (:class:`dnnbench.config.dataset.Dataset`). Other distributions
add data sets through an entry point of group ``dnnbench.images.sets``.
"""
