"""What disturbs timings on a GPU beside its host: what its driver, or the board, says of it."""

from dnnbench.machines.checks.machine import Check, Seen
from dnnbench.records.environment_records import GpuEnvironment


def persistence(seen: Seen) -> Check:
    """Whether the driver stays loaded between two cells."""
    gpu = _gpu(seen)
    off = gpu.persistence is False
    return Check(
        name="persistence",
        state="unknown" if gpu.persistence is None else "warn" if off else "ok",
        seen="not shown" if gpu.persistence is None else "off" if off else "on",
        why="Without it the card's clocks and settings are lost whenever no process uses it.",
        mend=f"sudo nvidia-smi -i {gpu.uuid} -pm 1" if off else None,
    )


def locked(seen: Seen) -> Check:
    """Whether the clocks are held; NVIDIA's driver does not tell that a card's are."""
    gpu = _gpu(seen)
    why = "A clock that follows load and heat makes a network's time depend on what ran before it."
    if gpu.clocks_locked is None:
        shown = f"from {gpu.clock_mhz:g} MHz at rest" if gpu.clock_mhz else "not shown"
        if gpu.clock_mhz and gpu.max_clock_mhz:
            shown += f" to {gpu.max_clock_mhz:g} MHz; the driver does not tell a lock"
        mend = f"sudo nvidia-smi -i {gpu.uuid} -lgc MHz, below what it holds under load"
        return Check(
            name="GPU clocks", state="unknown", seen=shown, why=why, mend=gpu.uuid and mend
        )
    return Check(
        name="GPU clocks",
        state="ok" if gpu.clocks_locked else "warn",
        seen="locked" if gpu.clocks_locked else "they float",
        why=why,
        mend=None if gpu.clocks_locked else "sudo jetson_clocks",
    )


def power_mode(seen: Seen) -> Check:
    """The mode of a Jetson, which decides its cores, clocks and power."""
    mode = _gpu(seen).power_mode
    return Check(
        name="power mode",
        state="unknown" if mode is None else "ok",
        seen=mode or "not shown: no nvpmodel",
        why="Times of one mode say nothing of another.",
    )


def _gpu(seen: Seen) -> GpuEnvironment:
    assert seen.gpu is not None
    return seen.gpu


CARD = (persistence, locked)
BOARD = (power_mode, locked)
