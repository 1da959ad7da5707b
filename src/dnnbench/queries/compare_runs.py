"""Comparison of two runs of a study: which cells became slower or faster.

A *run* is a folder of results as the workflow leaves it: study.csv and the records of each device.
A cell (device, variant, network, batch size) is compared if both runs measured it with the same
protocol. The rounds of two runs are not paired, so a cell's change is the ratio of its latencies
with the interval for two independent samples (:func:`dnnbench.stats.intervals.change`). The rules
for the verdicts are in :mod:`dnnbench.queries.changes`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnnbench.core.errors import UserError
from dnnbench.core.formatting import STABILITY_MARKS
from dnnbench.core.storage import read_rows
from dnnbench.queries import changes, environment_differences
from dnnbench.queries.changes import (
    Cell,
    CellChange,
    DeviceChange,
    MemoryChange,
    RunComparison,
    StatusChange,
)
from dnnbench.records import paths
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.study_records import StudyRow
from dnnbench.stats import disturbance, equivalence, intervals, session
from dnnbench.stats.intervals import Estimate
from dnnbench.tables import cell_lines
from dnnbench.tables.cell_lines import Timings
from dnnbench.tables.sound_records import SoundRecords
from dnnbench.tables.stability import worse


def is_run(path: Path) -> bool:
    """Return whether a folder holds the tables of a study."""
    return paths.under(path, paths.STUDY).is_file()


def compare_runs(
    before: Path, after: Path, device: str | None = None, margin: float = equivalence.MARGIN
) -> RunComparison:
    """Compare two runs, on ``device`` or on every device that both measured.

    Changes up to ``margin``, a share, do not matter. Raises UserError if the runs share no device,
    or measured one with different protocols.
    """
    tables = [_measured(run) for run in (before, after)]
    shared = [name for name in tables[0] if name in tables[1] and device in (None, name)]
    if not shared:
        has = [", ".join(table) or "none" for table in tables]
        what = f"device {device!r} was not measured" if device else "no device was measured"
        raise UserError(
            f"{before}, {after}: {what} in both runs. {before} has {has[0]}; {after} has {has[1]}."
        )
    pairs = [
        _Pair((before, after), name, (tables[0][name], tables[1][name]), margin) for name in shared
    ]
    cells = [cell for pair in pairs for cell in pair.cells()]
    return RunComparison(
        margin=margin,
        devices=[pair.device for pair in pairs],
        cells=sorted(cells, key=lambda cell: -cell.ratio),
        statuses=[status for pair in pairs for status in pair.statuses()],
        memory=[change for pair in pairs for change in pair.memory()],
        repeated=[cell for pair in pairs for cell in pair.repeated],
    )


_Key = tuple[str, str, int]


def _measured(run: Path) -> dict[str, dict[_Key, StudyRow]]:
    """Return a run's measured rows by device, then (variant, network, batch size)."""
    devices: dict[str, dict[_Key, StudyRow]] = {}
    for row in read_rows(paths.under(run, paths.STUDY), StudyRow):
        if row.source == "measured":
            key = row.variant, row.model, row.batch_size
            devices.setdefault(row.device, {})[key] = row
    return devices


@dataclass(frozen=True)
class _Timed:
    """A cell that both runs measured; a cell without ``lines`` lacks its records."""

    before: StudyRow
    after: StudyRow
    lines: tuple[list[LatencyLine], list[LatencyLine]]

    @property
    def other_code(self) -> bool:
        """Whether the code or the settings differ."""
        before, after = ({line.fingerprint for line in lines} for lines in self.lines)
        return before != after


class _Pair:
    """One device in both runs; pairs are (before, after)."""

    def __init__(
        self,
        runs: tuple[Path, Path],
        device: str,
        rows: tuple[dict[_Key, StudyRow], dict[_Key, StudyRow]],
        margin: float,
    ) -> None:
        self._runs, self._name, self._rows, self._margin = runs, device, rows, margin
        variants = dict.fromkeys(variant for variant, _, _ in rows[0])
        lines = [
            {variant: cell_lines.read(run, device, variant) for variant in variants} for run in runs
        ]
        seen = [
            [line.disturbance for of in of_run.values() for line in of if line.disturbance]
            for of_run in lines
        ]
        self.repeated: list[Cell] = []
        self._timed = self._join(
            [{variant: Timings(of) for variant, of in of_run.items()} for of_run in lines]
        )
        estimates = self._estimates(0), self._estimates(1)
        self._changes = [intervals.change(*pair) for pair in zip(*estimates, strict=True)]
        self.device = self._device(*disturbance.reference_change(*seen))

    def _join(self, of: Sequence[Mapping[str, Timings]]) -> list[_Timed]:
        """Return the cells to compare; add those that are one measurement to ``repeated``."""
        timed = []
        for key, before in self._rows[0].items():
            after = self._rows[1].get(key)
            if after is None:
                continue
            if before.protocol != after.protocol:
                raise UserError(
                    f"{self._runs[1] / 'study.csv'}: protocol: {after.protocol!r} for {key[1]}, but"
                    f" {self._runs[0]} has {before.protocol!r}. Compare runs of one protocol."
                )
            if not (before.latency_ms and after.latency_ms):
                continue
            pair = of[0][key[0]].of(before), of[1][key[0]].of(after)
            if pair[0] == pair[1] and (pair[0] or before == after):
                self.repeated.append(Cell(**self._names(key)))
            else:
                timed.append(_Timed(before, after, pair))
        return timed

    def _estimates(self, run: int) -> list[Estimate]:
        """Return the latency of each timed cell in one run, in ms per pass."""
        lines: dict[str, list[LatencyLine]] = {}
        for timed in self._timed:
            lines.setdefault(timed.before.variant, []).extend(timed.lines[run])
        sessions = {variant: session.fit(of) for variant, of in lines.items()}
        found = []
        for timed in self._timed:
            row = (timed.before, timed.after)[run]
            cell = row.model, row.batch_size
            without = Estimate((row.latency_ms or 0.0) * row.batch_size, None, None)
            found.append(sessions[row.variant].get(cell, without))
        return found

    def cells(self) -> list[CellChange]:
        """Return the change of each cell that both runs measured."""
        return [
            self._cell(timed, change)
            for timed, change in zip(self._timed, changes.corrected(self._changes), strict=True)
        ]

    def statuses(self) -> list[StatusChange]:
        """Return the cells whose status differs between the runs."""
        before, after = self._rows
        found = []
        for key in dict.fromkeys([*before, *after]):
            statuses = [rows[key].status if key in rows else None for rows in (before, after)]
            if statuses[0] != statuses[1]:
                change = StatusChange(**self._names(key), before=statuses[0], after=statuses[1])
                found.append(change)
        return found

    def memory(self) -> list[MemoryChange]:
        """Return the memory of each cell in either run."""
        found = []
        for key in dict.fromkeys([*self._rows[0], *self._rows[1]]):
            before, after = (rows.get(key) for rows in self._rows)
            change = MemoryChange(
                **self._names(key),
                before=before.memory_status if before else None,
                after=after.memory_status if after else None,
                before_mib=before.memory_mib if before else None,
                after_mib=after.memory_mib if after else None,
                same_basis=bool(before and after and before.memory_basis == after.memory_basis),
            )
            found.append(change)
        return found

    def _names(self, key: _Key) -> dict[str, Any]:
        variant, model, batch_size = key
        return {
            "device": self._name,
            "variant": variant,
            "model": model,
            "batch_size": batch_size,
        }

    def _device(self, compute: float | None, memory: float | None) -> DeviceChange:
        """Return the change of the device as a whole, given that of its reference kernels."""
        found = [SoundRecords(run, self._name).environment() for run in self._runs]
        ratios = [change.ratio for change in self._changes]
        common, common_se = changes.common_change(ratios) or (None, None)
        return DeviceChange(
            device=self._name,
            reference_compute=compute,
            reference_memory=memory,
            common=common,
            common_se=common_se,
            machine=environment_differences.differences([one for one in found if one]),
            other_code=sum(timed.other_code for timed in self._timed),
            resolution=intervals.resolution(self._changes),
        )

    def _cell(self, timed: _Timed, change: intervals.Change) -> CellChange:
        ratio = change.ratio
        before, after = timed.before, timed.after
        assert before.latency_ms is not None and after.latency_ms is not None
        reasons = [
            f"{run}: {row.stability_reason}"
            for run, row in zip(self._runs, (before, after), strict=True)
            if row.stability in STABILITY_MARKS
        ]
        return CellChange(
            **self._names((before.variant, before.model, before.batch_size)),
            before_ms=before.latency_ms,
            after_ms=after.latency_ms,
            ratio=ratio.value,
            low=ratio.low,
            high=ratio.high,
            se=ratio.se,
            df=ratio.df,
            within_se=ratio.within[0] if ratio.within else None,
            within_df=ratio.within[1] if ratio.within else None,
            p=change.p,
            verdict=changes.verdict(change, self.device.own, self._margin),
            stability=worse(before.stability, after.stability),
            stability_reason="; ".join(reasons) or None,
        )
