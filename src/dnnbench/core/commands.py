"""Commands of the system that may be missing, fail, or never end."""

import subprocess
from collections.abc import Sequence


def run(command: Sequence[str], limit_s: float) -> subprocess.CompletedProcess[str] | None:
    """Return the finished ``command`` with what it printed, without input.

    None where there is no such command, or where it takes longer than ``limit_s`` seconds.
    """
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=limit_s,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
