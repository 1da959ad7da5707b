"""The figures of a study, one module each, which declares a ``KIND`` (``figures.kind.Kind``).

What draws is imported inside functions only, since naming the files of a study lists these modules.
"""
