"""Two runs of a study: what got slower from one to the other, and whether the machine can tell.

A *run* is a folder of results as the workflow leaves it: study.csv and, for each device, its
records. Compared are the cells (device, variant, network, batch size) that both timed by the same
protocol. Nothing pairs the rounds of two runs, so a cell's change is the ratio of its times with
the interval of two independent samples (:func:`dnnbench.stats.intervals.change`).

A run has about a hundred cells, and of a hundred 95 % intervals five miss by chance; and the
interval covers what varies between processes of one session, and nothing that lasts, such as a
neighbour or another clock. So a cell is ``slower`` or ``faster`` only where

- its p, corrected for the number of cells by the method of Benjamini and Hochberg (J. R. Stat. Soc.
  B 57, 1995), is below 5 %: of the cells so called about one in twenty is expected not to be; and
- its interval lies beyond the change of the machine itself, which is that of the two reference
  kernels that were timed beside every cell (the ratio of their medians).

A cell that is neither although its own interval leaves out 1 is ``cannot_tell``, as is one without
an interval; any other is the ``same`` as far as this machine can tell.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Literal

from scipy.stats import false_discovery_control

from dnnbench.core.errors import UserError
from dnnbench.core.storage import read_rows
from dnnbench.records import paths
from dnnbench.records.base import BatchSize, DeviceName, ModelName, Positive, Record, Status
from dnnbench.records.environment_records import Environment
from dnnbench.records.study_records import StudyRow
from dnnbench.stats import disturbance, intervals
from dnnbench.tables import cell_lines
from dnnbench.tables.cell_lines import Timings
from dnnbench.tables.sound_records import SoundRecords

# Of the cells that are called slower or faster, the share that is expected not to be.
FALSE_SHARE = 0.05

Verdict = Literal["slower", "faster", "same", "cannot_tell"]


class CellChange(Record):
    """One cell in both runs: ms an image, the ratio after / before, and what can be told.

    ``p`` is corrected for the number of cells. ``unstable``: why either run calls it so.
    """

    device: DeviceName
    variant: str
    model: ModelName
    batch_size: BatchSize
    before_ms: Positive
    after_ms: Positive
    ratio: Positive
    low: Positive | None
    high: Positive | None
    p: float | None
    verdict: Verdict
    unstable: str | None


class StatusChange(Record):
    """A cell whose status is not the same in both runs; ``None``: it is not in that run's table."""

    device: DeviceName
    variant: str
    model: ModelName
    batch_size: BatchSize
    before: Status | None
    after: Status | None


class DeviceChange(Record):
    """A device in both runs.

    ``reference_compute`` and ``reference_memory``: how many times longer the kernels took.
    ``machine``: what else differs between the two environment.json, in words. ``other_code``:
    cells that other code or settings measured; ``repeated``: cells that are the same measurement
    in both runs, and not compared. Half of the compared cells have an interval that would leave
    out 1 for changes by a factor of ``resolution``.
    """

    device: DeviceName
    reference_compute: Positive | None
    reference_memory: Positive | None
    machine: list[str]
    other_code: int
    repeated: int
    resolution: Positive | None


class RunComparison(Record):
    """What changed from one run to another; cells slowest first."""

    devices: list[DeviceChange]
    cells: list[CellChange]
    statuses: list[StatusChange]


def is_run(path: Path) -> bool:
    """Whether a folder holds the tables of a study."""
    return paths.under(path, paths.STUDY).is_file()


def compare_runs(before: Path, after: Path, device: str | None = None) -> RunComparison:
    """What changed from one run to another, on ``device`` or on every one that both measured.

    Raises UserError where they share none, or where they timed it by different protocols.
    """
    tables = [_measured(run) for run in (before, after)]
    shared = [name for name in tables[0] if name in tables[1] and device in (None, name)]
    if not shared:
        has = [", ".join(table) or "none" for table in tables]
        what = f"device {device!r} was not measured" if device else "no device was measured"
        raise UserError(
            f"{before}, {after}: {what} in both; the first has {has[0]}, the second {has[1]}"
        )
    devices, cells, statuses = [], [], []
    for name in shared:
        pair = _Pair((before, after), name, (tables[0][name], tables[1][name]))
        devices.append(pair.device())
        cells += pair.cells()
        statuses += pair.statuses()
    cells.sort(key=lambda cell: -cell.ratio)
    return RunComparison(devices=devices, cells=cells, statuses=statuses)


def corrected(changes: Sequence[intervals.Change]) -> list[intervals.Change]:
    """The same with their p values corrected for how many there are (Benjamini and Hochberg)."""
    known = [change.p for change in changes if change.p is not None]
    values = iter(false_discovery_control(known).tolist() if known else ())
    return [change if change.p is None else replace(change, p=next(values)) for change in changes]


def verdict(change: intervals.Change, machine: Iterable[float | None]) -> Verdict:
    """What can be told of a change with a corrected p; ``machine``: the reference kernels' own."""
    ratio, p = change.ratio, change.p
    if ratio.low is None or ratio.high is None or p is None:
        return "cannot_tell"
    own = (1.0, *(factor or 1.0 for factor in machine))
    if p < FALSE_SHARE and ratio.low > max(own):
        return "slower"
    if p < FALSE_SHARE and ratio.high < min(own):
        return "faster"
    return "same" if ratio.low <= 1 <= ratio.high else "cannot_tell"


_Key = tuple[str, str, int]


def _measured(run: Path) -> dict[str, dict[_Key, StudyRow]]:
    """Measured rows of a run: by device, by (variant, network, batch size)."""
    devices: dict[str, dict[_Key, StudyRow]] = {}
    for row in read_rows(paths.under(run, paths.STUDY), StudyRow):
        if row.source == "measured":
            key = row.variant, row.model, row.batch_size
            devices.setdefault(row.device, {})[key] = row
    return devices


@dataclass(frozen=True)
class _Timed:
    """A cell that both runs timed; ``times``: process medians, ms a pass, before and after."""

    before: StudyRow
    after: StudyRow
    times: tuple[list[float], list[float]]
    other_code: bool


class _Pair:
    """One device in both runs; pairs are (before, after)."""

    def __init__(
        self,
        runs: tuple[Path, Path],
        device: str,
        rows: tuple[dict[_Key, StudyRow], dict[_Key, StudyRow]],
    ) -> None:
        self._runs, self._name, self._rows = runs, device, rows
        variants = dict.fromkeys(variant for variant, _, _ in rows[0])
        lines = [
            {variant: cell_lines.read(run, device, variant) for variant in variants} for run in runs
        ]
        seen = [
            [line.disturbance for of in of_run.values() for line in of if line.disturbance]
            for of_run in lines
        ]
        self._compute, self._memory = disturbance.reference_change(*seen)
        self._timed, self._repeated = self._join(
            [{variant: Timings(of) for variant, of in of_run.items()} for of_run in lines]
        )
        self._changes = [intervals.change(*timed.times) for timed in self._timed]

    def _join(self, of: Sequence[Mapping[str, Timings]]) -> tuple[list[_Timed], int]:
        """The cells that both runs timed, and how many more are one measurement in both."""
        timed, repeated = [], 0
        for key, before in self._rows[0].items():
            after = self._rows[1].get(key)
            if after is None:
                continue
            if before.protocol != after.protocol:
                raise UserError(
                    f"{self._runs[1] / 'study.csv'}: protocol: {after.protocol!r} for {key[1]}, but"
                    f" {self._runs[0]} has {before.protocol!r}; compare runs of one protocol"
                )
            pair = of[0][key[0]].of(before), of[1][key[0]].of(after)
            if pair[0] == pair[1]:
                repeated += bool(pair[0])
            elif all(pair) and before.latency_ms and after.latency_ms:
                one, other = ([median(line.samples_ms) for line in lines] for lines in pair)
                prints = [{line.fingerprint for line in lines} for lines in pair]
                timed.append(_Timed(before, after, (one, other), prints[0] != prints[1]))
        return timed, repeated

    def cells(self) -> list[CellChange]:
        """What became of each cell that both runs timed."""
        return [
            self._cell(timed, change)
            for timed, change in zip(self._timed, corrected(self._changes), strict=True)
        ]

    def device(self) -> DeviceChange:
        """The device itself."""
        return DeviceChange(
            device=self._name,
            reference_compute=self._compute,
            reference_memory=self._memory,
            machine=self._machine(),
            other_code=sum(timed.other_code for timed in self._timed),
            repeated=self._repeated,
            resolution=intervals.resolution(self._changes),
        )

    def statuses(self) -> list[StatusChange]:
        """Cells whose status is not the same in both runs."""
        before, after = self._rows
        changes = []
        for key in dict.fromkeys([*before, *after]):
            statuses = [rows[key].status if key in rows else None for rows in (before, after)]
            if statuses[0] != statuses[1]:
                variant, model, batch_size = key
                changes.append(
                    StatusChange(
                        device=self._name,
                        variant=variant,
                        model=model,
                        batch_size=batch_size,
                        before=statuses[0],
                        after=statuses[1],
                    )
                )
        return changes

    def _cell(self, timed: _Timed, change: intervals.Change) -> CellChange:
        ratio = change.ratio
        before, after = timed.before, timed.after
        assert before.latency_ms is not None and after.latency_ms is not None
        reasons = [
            f"{run}: {row.unstable_reason}"
            for run, row in zip(self._runs, (before, after), strict=True)
            if row.stable is False
        ]
        return CellChange(
            device=self._name,
            variant=before.variant,
            model=before.model,
            batch_size=before.batch_size,
            before_ms=before.latency_ms,
            after_ms=after.latency_ms,
            ratio=ratio.value,
            low=ratio.low,
            high=ratio.high,
            p=change.p,
            verdict=verdict(change, (self._compute, self._memory)),
            unstable="; ".join(reasons) or None,
        )

    def _machine(self) -> list[str]:
        """What differs between the machines and their software, as ``key: before -> after``."""
        found = [SoundRecords(run, self._name).environment() for run in self._runs]
        environments = [environment for environment in found if environment]
        if len(environments) < 2:
            return []
        before, after = map(_facts, environments)
        return [
            f"{key}: {_said(before.get(key))} -> {_said(after.get(key))}"
            for key in dict.fromkeys([*before, *after])
            if before.get(key) != after.get(key)
        ] + _variables(*environments)


def _facts(environment: Environment) -> dict[str, object]:
    """What a change of time may come from."""
    names = ("hostname", "cpu", "cores", "threads", "gpu", "driver", "virtual_machine", "governor")
    more = ("processors", "quota_cores", "turbo", "os", "kernel", "python", "commit", "modified")
    gpu = environment.gpu_details
    details = gpu.model_dump(exclude={"clock_mhz", "settings"}) | gpu.settings if gpu else {}
    return {
        **{key: getattr(environment, key) for key in (*names, *more)},
        **{f"gpu {key}": value for key, value in details.items()},
        **environment.packages,
    }


def _said(fact: object) -> object:
    return "not known" if fact is None else fact


def _variables(before: Environment, after: Environment) -> list[str]:
    """Variables of the environment that differ; a record may be older than their field."""
    if before.variables is None or after.variables is None:
        said = [
            "not recorded" if seen is None else ", ".join(seen) or "none"
            for seen in (before.variables, after.variables)
        ]
        same = said[0] == said[1] or "none" in said
        return [] if same else [f"variables of the environment: {said[0]} -> {said[1]}"]
    return [
        f"{name}: {before.variables.get(name, 'not set')} -> {after.variables.get(name, 'not set')}"
        for name in sorted({*before.variables, *after.variables})
        if before.variables.get(name) != after.variables.get(name)
    ]
