"""What disturbs timings on a GPU beside its host: what its driver, or the board, says of it."""

from dnnbench.machines.checks.machine import Check, Seen, State
from dnnbench.records.environment_records import GpuEnvironment

_FLOAT = "A clock that follows load and heat makes a network's time depend on what ran before it."


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


def clocks(seen: Seen) -> Check:
    """The range of a card's clocks: NVIDIA's driver does not tell whether they are held."""
    gpu = _gpu(seen)
    shown = f"from {gpu.clock_mhz:g} MHz at rest" if gpu.clock_mhz else "not shown"
    if gpu.clock_mhz and gpu.max_clock_mhz:
        shown += f" to {gpu.max_clock_mhz:g} MHz; the driver does not tell a lock"
    fix = f"sudo nvidia-smi -i {gpu.uuid} -lgc MHz, below what it holds under load"
    return Check(name="GPU clocks", state="unknown", seen=shown, why=_FLOAT, mend=gpu.uuid and fix)


def locked(seen: Seen) -> Check:
    """Whether a board's clocks are held, that of the memory too, which only root can read."""
    states: dict[bool | None, tuple[State, str, str | None]] = {
        True: ("ok", "locked", None),
        False: ("warn", "they float", "sudo jetson_clocks"),
        None: (
            "unknown",
            "not shown: a clock that this user cannot read",
            "sudo jetson_clocks --show",
        ),
    }
    state, shown, fix = states[_gpu(seen).clocks_locked]
    return Check(name="GPU clocks", state=state, seen=shown, why=_FLOAT, mend=fix)


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


CARD = (persistence, clocks)
BOARD = (power_mode, locked)
