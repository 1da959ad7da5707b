"""Files dated in the future, for example after the machine's clock was set back.

Snakemake recreates files that are older than their inputs. A file dated in the future is never
older, so edits made since the clock was set back would go unnoticed.
"""

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from dnnbench.core.errors import UserError

# Clocks of file servers run ahead by less than this.
_TOLERANCE_S = 60


def check(folders: Sequence[Path]) -> None:
    """Raise UserError if a file below ``folders`` is dated in the future.

    Hidden files are ignored.
    """
    if late := _dated_in_future(folders):
        raise UserError(
            f"{', '.join(map(str, folders))}: files dated in the future: {len(late)}. If the clock"
            " was set back, edits made since would go unnoticed. Run: dnnbench unlock"
        )


def forget_future(folders: Iterable[Path]) -> int:
    """Set the date of future files below ``folders`` to 1970, and return their number.

    Snakemake then finds them older than their inputs, compares the content of the inputs with the
    content that it remembers, and recreates only files whose inputs changed.
    """
    late = _dated_in_future(folders)
    for file in late:
        os.utime(file, (1, 1))  # Snakemake treats 0 as unknown.
    return len(late)


def _dated_in_future(folders: Iterable[Path]) -> list[Path]:
    latest = time.time() + _TOLERANCE_S
    # Hidden files are not results and may disappear meanwhile.
    return [
        file
        for folder in folders
        for file in folder.rglob("[!.]*")
        if file.is_file() and file.stat().st_mtime > latest
    ]
