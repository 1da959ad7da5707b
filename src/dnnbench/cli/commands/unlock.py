"""``dnnbench unlock``: remove a stale Snakemake lock; the first step of ``make study``."""

from pathlib import Path

import typer

from dnnbench.cli import messages
from dnnbench.core import file_times
from dnnbench.core.errors import UserError
from dnnbench.records import paths


def unlock() -> None:
    """Remove the lock that a killed Snakemake left in this folder.

    If Snakemake is running here, the command refuses and exits with 1. It also resets
    modification times in the future, which remain in results/ after a clock was set back.
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
        files = messages.several(late, "file")
        typer.echo(messages.FUTURE_FILES.format(folders=folders, files=files))
