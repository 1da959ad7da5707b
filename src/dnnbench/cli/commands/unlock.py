"""``dnnbench unlock``: remove a stale Snakemake lock.

It is the first step of ``make study``.
"""

from pathlib import Path

import typer

from dnnbench.cli import messages
from dnnbench.core import file_times
from dnnbench.core.errors import UserError
from dnnbench.core.formatting import several
from dnnbench.records import paths


def unlock() -> None:
    """Remove the lock that a killed Snakemake left in this folder.

    The command refuses, with exit code 1, if Snakemake is running here. It also
    resets modification times that are in the future, because Snakemake would
    ignore edits made since. Such times remain after a clock was set back.
    """
    import psutil

    here = Path.cwd()
    for process in psutil.process_iter(["pid", "cwd", "cmdline"]):
        command = " ".join(process.info["cmdline"] or [])
        if process.info["cwd"] == str(here) and "bin/snakemake" in command:
            raise UserError(
                f"{here}: Snakemake is running here (process {process.info['pid']})."
                " Wait for it, or stop it."
            )
    for lock in paths.LOCKS.glob("*.lock"):
        lock.unlink()
    if late := file_times.forget_future([paths.RESULTS, paths.REPORTS]):
        folders = f"{paths.RESULTS}, {paths.REPORTS}"
        files = several(late, "file")
        typer.echo(messages.FUTURE_FILES.format(folders=folders, files=files))
