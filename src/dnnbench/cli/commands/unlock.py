"""``dnnbench unlock``: what ``make study`` begins with."""

from pathlib import Path

from dnnbench.core.errors import UserError


def unlock() -> None:
    """Remove the lock that a killed Snakemake left in this folder; refuse where one runs."""
    import psutil

    here = Path.cwd()
    for process in psutil.process_iter(["pid", "cwd", "cmdline"]):
        command = " ".join(process.info["cmdline"] or [])
        if process.info["cwd"] == str(here) and "bin/snakemake" in command:
            raise UserError(
                f"{here}: Snakemake runs here (process {process.info['pid']});"
                " wait for it, or stop it"
            )
    for lock in Path(".snakemake/locks").glob("*.lock"):
        lock.unlink()
