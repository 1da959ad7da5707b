"""What is expensive to make, made once for all the processes that run tests."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return the folder ``name``, filled by ``make`` in whichever process asks first.

    The others wait for it. Tests only read what it holds, or copy it.
    """
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # A worker's own folder is in that of the whole run.
    folder, made = root / name, root / f"{name}.made"
    with FileLock(root / f"{name}.lock"):
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # What an earlier try left.
            folder.mkdir()
            make(folder)
            made.touch()
    return folder
