"""The figures of a study, one per module, each with a ``KIND``.

See ``figures.kind.Kind``.

Drawing code is imported inside functions, because listing file names imports these modules.
"""
