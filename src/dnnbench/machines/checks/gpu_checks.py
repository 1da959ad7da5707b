"""Checks of a GPU device, from its driver or board."""

from dnnbench.machines.checks.machine import Check, Seen, State
from dnnbench.records.environment_records import GpuEnvironment

_FLOAT = "If clocks follow load and heat, a network's latency depends on what ran before it."


def persistence(seen: Seen) -> Check:
    """Check that the driver stays loaded between cells (persistence mode)."""
    gpu = _gpu(seen)
    off = gpu.persistence is False
    return Check(
        name="persistence",
        state="unknown" if gpu.persistence is None else "warn" if off else "ok",
        seen="unavailable: the driver does not report it"
        if gpu.persistence is None
        else "off"
        if off
        else "on",
        why="Without persistence mode, an unused GPU loses its clocks and settings.",
        fix=f"To turn it on: sudo nvidia-smi -i {gpu.uuid} -pm 1" if off else None,
    )


def clocks(seen: Seen) -> Check:
    """Report the range of a GPU's clocks.

    The driver does not report whether they are locked.
    """
    gpu = _gpu(seen)
    shown = f"{gpu.clock_mhz:g} MHz at rest" if gpu.clock_mhz else "unavailable"
    if gpu.clock_mhz and gpu.max_clock_mhz:
        shown += f", up to {gpu.max_clock_mhz:g} MHz"
        shown += "; the driver does not report whether clocks are locked"
    fix = "To lock them, replace MHZ by a frequency that the GPU sustains under load:"
    fix += f" sudo nvidia-smi -i {gpu.uuid} -lgc MHZ"
    return Check(name="GPU clocks", state="unknown", seen=shown, why=_FLOAT, fix=gpu.uuid and fix)


def locked(seen: Seen) -> Check:
    """Check that a board's clocks are locked, including the memory clock.

    Reading the memory clock needs root.
    """
    states: dict[bool | None, tuple[State, str, str | None]] = {
        True: ("ok", "locked", None),
        False: ("warn", "not locked", "To lock them: sudo jetson_clocks"),
        None: (
            "unknown",
            "unavailable: this user cannot read all clocks",
            "To show them: sudo jetson_clocks --show",
        ),
    }
    state, shown, fix = states[_gpu(seen).clocks_locked]
    return Check(name="GPU clocks", state=state, seen=shown, why=_FLOAT, fix=fix)


def power_mode(seen: Seen) -> Check:
    """Report the power mode of a Jetson, which sets its cores, clocks and power."""
    mode = _gpu(seen).power_mode
    return Check(
        name="power mode",
        state="unknown" if mode is None else "ok",
        seen=mode or "unavailable: no nvpmodel",
        why="Latencies of different modes are not comparable.",
    )


def _gpu(seen: Seen) -> GpuEnvironment:
    assert seen.gpu is not None
    return seen.gpu


CARD = (persistence, clocks)
BOARD = (power_mode, locked)
