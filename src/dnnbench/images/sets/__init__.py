"""Data sets that accuracy may be measured on, one module each.

Each module declares a ``DATASET`` (:class:`dnnbench.config.dataset.Dataset`). Other distributions
add theirs by an entry point of group ``dnnbench.images.sets``.
"""
