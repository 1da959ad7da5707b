"""The figures of a study, one per module; each declares a ``KIND`` (``figures.kind.Kind``).

Drawing code is imported inside functions, because listing file names imports these modules.
"""
