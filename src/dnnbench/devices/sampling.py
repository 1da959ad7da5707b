"""Clocks, temperature and power while a network runs, sampled by a thread.

The thread sleeps nearly all the time, and calls into a GPU's driver release the interpreter
lock. Each reading costs the thread that launches the GPU's work only microseconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dnnbench.records.disturbance_records import EnergyBasis

# A window with fewer steps of the energy counter, or fewer power readings, is too short.
_FEWEST_STEPS = 5
_FEWEST_READINGS = 8


@dataclass(frozen=True)
class Sample:
    """A device's readings at one moment, None if not reported.

    ``energy_mj`` is a counter.
    """

    at_s: float
    clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    energy_mj: float | None = None
    clock_reasons: frozenset[str] | None = None


class Sampler:
    """A thread that reads at once, every ``period_s`` seconds, and at the end."""

    def __init__(self, read: Callable[[], Sample], period_s: float) -> None:
        self._read = read
        self._samples = [read()]
        self._ended = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(period_s,), daemon=True)
        self._thread.start()

    def stop(self) -> list[Sample]:
        """Stop the thread and return all samples. Re-raises an error of a reading."""
        self._ended.set()
        self._thread.join()
        if self._error:
            raise self._error
        return [*self._samples, self._read()]

    def _run(self, period_s: float) -> None:
        try:
            while not self._ended.wait(period_s):
                self._samples.append(self._read())
        except Exception as error:
            self._error = error


def summary(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return fields of a Disturbance: clock ranges, temperature, power, reasons.

    The temperature is the maximum, the power the mean.
    """
    temperatures = list(_known(sample.temperature_c for sample in samples))
    powers = list(_known(sample.power_w for sample in samples))
    reasons = list(_known(sample.clock_reasons for sample in samples))
    return {
        "clock_mhz": _range(sample.clock_mhz for sample in samples),
        "memory_clock_mhz": _range(sample.memory_clock_mhz for sample in samples),
        "temperature_c": max(temperatures, default=None),
        "power_w": sum(powers) / len(powers) if powers else None,
        "clock_reasons": sorted(frozenset().union(*reasons)) if reasons else None,
    }


def mean_power_w(samples: Sequence[Sample]) -> tuple[float, EnergyBasis] | None:
    """Return mean power over a window, in W, and its source; None if unknown.

    The source is the energy counter, from its first step to its last because it does not change
    between steps. Without a counter, or with too few steps, the power readings are integrated over
    time. A result of 0 W means a broken sensor and is reported as None.
    """
    steps = [
        (later.at_s, later.energy_mj)
        for earlier, later in pairwise(samples)
        if earlier.energy_mj is not None
        and later.energy_mj is not None
        and later.energy_mj > earlier.energy_mj
    ]
    if len(steps) >= _FEWEST_STEPS:
        (first_s, first_mj), (last_s, last_mj) = steps[0], steps[-1]
        return (last_mj - first_mj) / 1000 / (last_s - first_s), "counter"
    readings = [(sample.at_s, sample.power_w) for sample in samples if sample.power_w is not None]
    if len(readings) >= _FEWEST_READINGS:
        energy_j = sum(
            (late_s - early_s) * (early_w + late_w) / 2
            for (early_s, early_w), (late_s, late_w) in pairwise(readings)
        )
        if energy_j > 0:
            return energy_j / (readings[-1][0] - readings[0][0]), "power"
    return None


def _range(values: Any) -> tuple[float, float] | None:
    found = list(_known(values))
    return (min(found), max(found)) if found else None


def _known(values: Any) -> Iterator[Any]:
    return (value for value in values if value is not None)
