"""Figures: tables in, Vega-Lite charts out, one function a figure.

Nothing is imported here, so that `dnnbench.figures.names`, which the Snakefile asks for its
output files, loads without Altair.
"""
