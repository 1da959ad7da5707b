"""Files dated in the future: what there is after a machine's clock was set back.

Snakemake makes a file again that is older than what it depends on. A file of the future is older
than nothing, so that an edit made since the clock was set back would go unnoticed.
"""

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from dnnbench.core.errors import UserError

# Clocks of file servers are ahead by less.
_TOLERANCE_S = 60


def check(folders: Sequence[Path]) -> None:
    """Raise UserError where files below ``folders`` are of the future; hidden ones aside."""
    if late := _of_the_future(folders):
        raise UserError(
            f"{', '.join(map(str, folders))}: {len(late)} files are dated in the future: was the"
            " clock set back? Edits made since would go unnoticed; run: dnnbench unlock"
        )


def forget_future(folders: Iterable[Path]) -> int:
    """Date the files below ``folders`` that are of the future back to 1970, and count them.

    Older than everything, they are held against the content of what they depend on, which
    Snakemake remembers: what did not change is not made again.
    """
    late = _of_the_future(folders)
    for file in late:
        os.utime(file, (1, 1))  # At 0, Snakemake takes the time for not known.
    return len(late)


def _of_the_future(folders: Iterable[Path]) -> list[Path]:
    latest = time.time() + _TOLERANCE_S
    # Hidden files are no results, and may go while they are looked at.
    return [
        file
        for folder in folders
        for file in folder.rglob("[!.]*")
        if file.is_file() and file.stat().st_mtime > latest
    ]
