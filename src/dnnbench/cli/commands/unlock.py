"""``dnnbench unlock``: what ``make study`` begins with."""

from pathlib import Path

import typer

from dnnbench.core import file_times
from dnnbench.core.errors import UserError
from dnnbench.records import paths


def unlock() -> None:
    """Remove the lock that a killed Snakemake left in this folder; refuse where one runs.

    Files of results that are dated in the future, since a clock was set back, are dated back.
    """
    import psutil

    here = Path.cwd()
    for process in psutil.process_iter(["pid", "cwd", "cmdline"]):
        command = " ".join(process.info["cmdline"] or [])
        if process.info["cwd"] == str(here) and "bin/snakemake" in command:
            raise UserError(
                f"{here}: Snakemake runs here (process {process.info['pid']});"
                " wait for it, or stop it"
            )
    for lock in paths.LOCKS.glob("*.lock"):
        lock.unlink()
    if late := file_times.forget_future([paths.RESULTS, paths.REPORTS]):
        typer.echo(
            f"{paths.RESULTS}, {paths.REPORTS}: {late} files were dated in the future: was the"
            " clock set back? They are checked again by what they depend on."
        )
