"""Measure image classifiers on a machine, and choose one that fits its budget.

In Python, :func:`open` returns a finished study.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from dnnbench.api.opened_study import Study


def open(results: str | Path = "results") -> Study:
    """Return the study in a results folder, such as ``results``.

    Raises UserError if the folder does not hold the tables of a finished study.
    """
    # Imported here because it is slow, and most modules of this package do not need it.
    from dnnbench.api.opened_study import open_study

    return open_study(results)
