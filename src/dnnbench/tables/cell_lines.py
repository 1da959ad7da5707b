"""Measured cells behind the rows of study.csv, round by round."""

from collections.abc import Iterable
from pathlib import Path
from statistics import median

from dnnbench.records import paths
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.study_records import StudyRow
from dnnbench.stats import session
from dnnbench.stats.intervals import Estimate
from dnnbench.stats.session import Cell
from dnnbench.tables.sound_records import SoundRecords


def read(results: Path, device: str, variant: str) -> list[LatencyLine]:
    """Return a device's valid cells of a variant; none for a published device."""
    numbers = map(paths.round_number, paths.rounds(results, device, variant))
    return SoundRecords(results, device).latency(variant, numbers)


class Timings:
    """Measured cells of one device and variant, by network, batch size and protocol."""

    def __init__(self, lines: Iterable[LatencyLine]) -> None:
        self._cells: dict[tuple[str, int, str], list[LatencyLine]] = {}
        for line in lines:
            key = line.model, line.batch_size, line.protocol
            self._cells.setdefault(key, []).append(line)
        self._fits: dict[str, dict[Cell, Estimate]] = {}

    def of(self, row: StudyRow) -> list[LatencyLine]:
        """Return the successful lines behind a row's latency."""
        return [line for line in self.tried(row) if line.status == "ok"]

    def tried(self, row: StudyRow) -> list[LatencyLine]:
        """Return the lines behind a row, with any status."""
        sessions = set((row.session or "").split("+"))
        lines = self._cells.get((row.model, row.batch_size, row.protocol or ""), [])
        return [line for line in lines if line.session in sessions]

    def estimate(self, row: StudyRow) -> Estimate:
        """Return a row's latency, in ms per pass. Raises KeyError without successful lines.

        It is estimated together with all cells of the same protocol.
        """
        protocol = row.protocol or ""
        if protocol not in self._fits:
            cells = (of for (_, _, own), of in self._cells.items() if own == protocol)
            self._fits[protocol] = session.fit(line for of in cells for line in of)
        return self._fits[protocol][row.model, row.batch_size]

    def medians(self, row: StudyRow) -> dict[tuple[str, int], float]:
        """Return a row's latency in each session and round, in ms per pass.

        This is the median of the process medians.
        """
        rounds: dict[tuple[str, int], list[float]] = {}
        for line in self.of(row):
            rounds.setdefault((line.session, line.round), []).append(median(line.samples_ms))
        return {key: median(times) for key, times in rounds.items()}
