"""Latencies of a session's cells, estimated together."""

from collections.abc import Iterable
from statistics import median

from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.published_study import STUDY
from dnnbench.stats import intervals
from dnnbench.stats.intervals import Estimate

Cell = tuple[str, int]


class Session:
    """Estimates of all cells, in ms per pass; a cell is a network and a batch size."""

    def __init__(self, estimates: dict[Cell, Estimate]) -> None:
        self._estimates = estimates

    def __contains__(self, cell: Cell) -> bool:
        return cell in self._estimates

    def estimate(self, cell: Cell) -> Estimate:
        """Return a cell's latency. Raises KeyError if the cell was not measured."""
        return self._estimates[cell]

    def ratio(self, a: Cell, b: Cell) -> Estimate:
        """Return latency of ``a`` / latency of ``b``, two cells of this session."""
        return intervals.ratio(self._estimates[a], self._estimates[b])


def fit(lines: Iterable[LatencyLine]) -> Session:
    """Estimate all cells of one device, variant and protocol from one or more sessions.

    Lines without a latency are ignored.
    """
    cells: dict[Cell, list[LatencyLine]] = {}
    for line in lines:
        if line.status == "ok":
            cells.setdefault((line.model, line.batch_size), []).append(line)
    return Session({cell: _estimate(of) for cell, of in cells.items()})


def _estimate(lines: list[LatencyLine]) -> Estimate:
    if lines[0].protocol == STUDY:
        return intervals.single_process(lines[0].samples_ms)
    return intervals.interval([median(line.samples_ms) for line in lines])
