"""Number of processes that measure a cell, and their order within a round.

The number depends on the cell's cost, which is known from its memory record before the session
starts. It never depends on latencies: stopping when an interval looks narrow invalidates the
interval.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

from dnnbench.core.storage import read_json
from dnnbench.measure import latency
from dnnbench.records import paths
from dnnbench.records.memory_records import MemoryCell, MemoryRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from dnnbench.config.latency_settings import Passes

# Time per round in which a cheap cell is measured repeatedly. The spread between processes is
# larger than the spread within one, so more processes help a cell more than more passes do.
_BUDGET_S = 0.85
_MOST_PER_ROUND = 4
_REFERENCES_S = 0.06  # The reference kernels before and after the passes.

Item = TypeVar("Item")


def memory_cells(folder: Path, models: Iterable[str]) -> dict[str, list[MemoryCell]]:
    """Return the memory cells recorded in ``folder``, by network.

    Networks without a record are left out.
    """
    files = {name: paths.in_folder(folder, paths.MEMORY, model=name) for name in models}
    return {
        name: read_json(file, MemoryRecord).cells for name, file in files.items() if file.exists()
    }


def cost_s(memory: MemoryCell | None, passes: Passes) -> float | None:
    """Return the approximate cost of one latency process, in seconds.

    ``memory`` is the cell's memory record; None if the cost is unknown.
    """
    if memory is None or memory.status != "ok":
        return None
    if memory.cell_s is None or memory.passes_s is None or memory.pass_s is None:
        return None
    passes_s = sum(
        # Until the passes have taken enough time, they end half a pass later on average.
        max(fewest * memory.pass_s, min(most * memory.pass_s, enough_ms / 1000 + memory.pass_s / 2))
        for fewest, most, enough_ms in latency.numbers_of_passes(passes)
    )
    return memory.cell_s - memory.passes_s + _REFERENCES_S + passes_s


def processes(cost_s: float | None, rounds: int) -> int:
    """Return the number of processes over all rounds, one to four per round.

    A cell of unknown cost has one per round.
    """
    if not cost_s:
        return rounds
    return min(max(round(rounds * _BUDGET_S / cost_s), rounds), _MOST_PER_ROUND * rounds)


def in_round(processes: int, number: int, rounds: int) -> int:
    """Return how many of a cell's processes round ``number`` of ``rounds`` runs."""
    return processes * number // rounds - processes * (number - 1) // rounds


def order(counts: Mapping[Item, int]) -> list[Item]:
    """Return each item as often as its count, in random order.

    The repetitions of an item are spread evenly, with jitter.
    """
    places = [
        ((place + random.random()) / count, item)
        for item, count in counts.items()
        for place in range(count)
    ]
    return [item for _, item in sorted(places, key=lambda pair: pair[0])]
