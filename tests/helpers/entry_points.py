"""Made-up plugins: entry points of a distribution that exists only during one test."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

from dnnbench.core import plugins
from helpers.paths import ROOT


def write(folder: Path, group: str, file: str, *constants: str) -> Path:
    """Write a distribution to a folder, with an entry point for each constant of a test file.

    The module is called ``made_up_<file>``. Processes with the folder on their path find it.
    Further calls add entry points.
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
    """Return variables for a process that finds the folder's plugins and modules of ``tests``."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (folder, ROOT / "tests")))}


@contextmanager
def installed(folder: Path):
    """Make this process find the folder's plugins inside the block."""
    sys.path.insert(0, str(folder))
    forget()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        forget()


def forget() -> None:
    """Clear the process-wide caches of plugins, so that they are searched again."""
    for found in (plugins._declared, plugins._extend, plugins._find, plugins._modules):
        found.cache_clear()
