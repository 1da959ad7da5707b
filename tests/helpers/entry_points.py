"""Made-up plugins: entry points of a distribution that is there for one test alone."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

from dnnbench.core import plugins
from helpers.paths import ROOT


def write(folder: Path, group: str, file: str, *constants: str) -> Path:
    """Put a distribution into a folder, with an entry point for each constant of a test's file.

    The module is called ``made_up_<file>``. Whoever has the folder on its path finds it; further
    calls add entry points.
    """
    module = f"made_up_{Path(file).stem}"
    if not (folder / f"{module}.py").exists():
        (folder / f"{module}.py").symlink_to(file)
    about = folder / "made_up-1.0.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
    with (about / "entry_points.txt").open("a") as entries:
        entries.write(f"[{group}]\n")
        entries.writelines(f"{name.lower()} = {module}:{name}\n" for name in constants)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """Variables for a process that finds the folder's plugins, and the modules of ``tests``."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (folder, ROOT / "tests")))}


@contextmanager
def installed(folder: Path):
    """Find the folder's plugins in this process, in here."""
    sys.path.insert(0, str(folder))
    forget()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        forget()


def forget() -> None:
    """Look for plugins again: those that were found are kept for the whole process."""
    for found in (plugins._declared, plugins._extend, plugins._find, plugins._modules):
        found.cache_clear()
