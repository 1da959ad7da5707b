"""System commands that may be missing, fail or hang."""

import subprocess
from collections.abc import Sequence


def run(command: Sequence[str], limit_s: float) -> subprocess.CompletedProcess[str] | None:
    """Run ``command`` without input and return it with its output.

    Return None if there is no such command, or if it takes longer than ``limit_s`` seconds.
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
