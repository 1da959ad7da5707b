"""Environment of a stage whose variant chooses an allocator.

An allocator is chosen when a process starts, so the stage's script starts again with its variables.
The measuring processes are forks of the script.
"""

import os
import sys
from pathlib import Path

from dnnbench.config.allocators import ALLOCATORS
from dnnbench.config.variants import Variant
from dnnbench.core import speed_variables
from dnnbench.core.errors import UserError


def enter(variant: Variant) -> dict[str, str]:
    """Start this program again with the variables of the variant's allocator, unless they are set.

    Call this before torch is imported and before anything is measured. Returns the variables for
    records; a preloaded library is followed by its SHA-256. Raises UserError if the loader did not
    load it.
    """
    if variant.allocator is None:
        return {}
    allocator = ALLOCATORS[variant.allocator]
    wanted = allocator.environment
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        sys.stdout.flush()
        sys.stderr.flush()
        environment = speed_variables.of_user() | wanted
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)
    speed_variables.leave_out(wanted)
    if allocator.library is None:
        return wanted
    loaded = _loaded(allocator.library)
    if loaded is None:
        raise UserError(
            f"{variant.name!r}: {allocator.library}: the loader did not preload it. Reinstall"
            f" {allocator.package}, or remove this variant."
        )
    return wanted | {"LD_PRELOAD": speed_variables.with_digest(allocator.library, loaded)}


def _loaded(library: str) -> Path | None:
    """Return the file of a library in this process; None if it is not loaded."""
    lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    mapped = {Path(line.partition("/")[2]) for line in lines if "/" in line}
    stem = library.partition(".so")[0]
    return next((Path("/", file) for file in mapped if file.name.startswith(f"{stem}.so")), None)
