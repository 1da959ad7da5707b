"""Comparison of two runs of a study: which cells became slower or faster.

A *run* is a folder of results as the workflow leaves it: study.csv and the records of each device.
A cell (device, variant, network, batch size) is compared if both runs measured it with the same
protocol. The rounds of two runs are not paired, so a cell's change is the ratio of its latencies
with the interval for two independent samples (:func:`dnnbench.stats.intervals.change`).

A run has about a hundred cells, and 5 of 100 intervals at the 95% level miss by chance. The
interval covers variation between the processes of one session, but no lasting influence such as a
neighbor or another clock frequency. A cell is therefore ``slower`` or ``faster`` only if both hold:

- Its p value, corrected for the number of cells, is below 5% (Benjamini and Hochberg, J. R. Stat.
  Soc. B 57, 1995). About 1 in 20 of the cells called slower or faster is expected to be wrong.
- Its interval lies beyond the change of the machine itself. That is the change of the two reference
  kernels that run next to every cell (the ratio of their medians).

If the interval excludes 1 but only one condition holds, or none, the cell is ``cannot_tell`` (shown
as "inconclusive"). So is a cell without an interval. All other cells are the ``same``: no change
was detected.
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
from dnnbench.records.labels import NOT_STABLE
from dnnbench.records.study_records import StudyRow
from dnnbench.stats import disturbance, intervals
from dnnbench.tables import cell_lines
from dnnbench.tables.cell_lines import Timings
from dnnbench.tables.sound_records import SoundRecords

# Expected share of wrong verdicts among the cells that are called slower or faster.
FALSE_SHARE = 0.05

Verdict = Literal["slower", "faster", "same", "cannot_tell"]


class CellChange(Record):
    """One cell in both runs: ms per image, the ratio after / before, and the verdict.

    ``p`` is corrected for the number of cells. ``unstable`` is the reason if either measurement was
    unstable.
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
    """A cell whose status differs between runs; ``None`` if a run has no row."""

    device: DeviceName
    variant: str
    model: ModelName
    batch_size: BatchSize
    before: Status | None
    after: Status | None


class DeviceChange(Record):
    """A device in both runs.

    - ``reference_compute``, ``reference_memory``: ratio of the reference kernels' times,
      after / before.
    - ``machine``: other differences between the two environment.json files.
    - ``other_code``: number of cells measured with different code or settings.
    - ``repeated``: number of cells that are the same measurement in both runs, and not compared.
    - ``resolution``: factor of change that half of the compared cells could detect.
    """

    device: DeviceName
    reference_compute: Positive | None
    reference_memory: Positive | None
    machine: list[str]
    other_code: int
    repeated: int
    resolution: Positive | None


class RunComparison(Record):
    """Changes from one run to another; cells slowest first."""

    devices: list[DeviceChange]
    cells: list[CellChange]
    statuses: list[StatusChange]


def is_run(path: Path) -> bool:
    """Return whether a folder holds the tables of a study."""
    return paths.under(path, paths.STUDY).is_file()


def compare_runs(before: Path, after: Path, device: str | None = None) -> RunComparison:
    """Compare two runs, on ``device`` or on every device that both measured.

    Raises UserError if they share no device, or measured one with different protocols.
    """
    tables = [_measured(run) for run in (before, after)]
    shared = [name for name in tables[0] if name in tables[1] and device in (None, name)]
    if not shared:
        has = [", ".join(table) or "none" for table in tables]
        what = f"device {device!r} was not measured" if device else "no device was measured"
        raise UserError(
            f"{before}, {after}: {what} in both runs. {before} has {has[0]}; {after} has {has[1]}."
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
    """Return the changes with p values corrected by Benjamini and Hochberg."""
    known = [change.p for change in changes if change.p is not None]
    values = iter(false_discovery_control(known).tolist() if known else ())
    return [change if change.p is None else replace(change, p=next(values)) for change in changes]


def verdict(change: intervals.Change, machine: Iterable[float | None]) -> Verdict:
    """Return the verdict on a change with a corrected p value.

    ``machine`` has the changes of the reference kernels, as factors.
    """
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
    """Return a run's measured rows by device, then (variant, network, batch size)."""
    devices: dict[str, dict[_Key, StudyRow]] = {}
    for row in read_rows(paths.under(run, paths.STUDY), StudyRow):
        if row.source == "measured":
            key = row.variant, row.model, row.batch_size
            devices.setdefault(row.device, {})[key] = row
    return devices


@dataclass(frozen=True)
class _Timed:
    """A cell that both runs measured; ``times`` are process medians, ms per pass."""

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
        self._changes = [
            intervals.change(*map(intervals.interval, timed.times)) for timed in self._timed
        ]

    def _join(self, of: Sequence[Mapping[str, Timings]]) -> tuple[list[_Timed], int]:
        """Return the cells to compare, and how many are one measurement in both."""
        timed, repeated = [], 0
        for key, before in self._rows[0].items():
            after = self._rows[1].get(key)
            if after is None:
                continue
            if before.protocol != after.protocol:
                raise UserError(
                    f"{self._runs[1] / 'study.csv'}: protocol: {after.protocol!r} for {key[1]}, but"
                    f" {self._runs[0]} has {before.protocol!r}. Compare runs of one protocol."
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
        """Return the change of each cell that both runs measured."""
        return [
            self._cell(timed, change)
            for timed, change in zip(self._timed, corrected(self._changes), strict=True)
        ]

    def device(self) -> DeviceChange:
        """Return the change of the device as a whole."""
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
        """Return the cells whose status differs between the runs."""
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
            f"{run}: {row.stability_reason}"
            for run, row in zip(self._runs, (before, after), strict=True)
            if row.stability in NOT_STABLE
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
        """Return differences of machines and software as ``key: before -> after``."""
        found = [SoundRecords(run, self._name).environment() for run in self._runs]
        environments = [environment for environment in found if environment]
        if len(environments) < 2:
            return []
        before, after = map(_facts, environments)
        return [
            f"{key}: {_shown(before.get(key))} -> {_shown(after.get(key))}"
            for key in dict.fromkeys([*before, *after])
            if before.get(key) != after.get(key)
        ] + _variables(*environments)


def _facts(environment: Environment) -> dict[str, object]:
    """Return the facts that may explain a change in latency."""
    names = ("hostname", "cpu", "cores", "threads", "gpu", "driver", "virtual_machine", "governor")
    more = ("processors", "quota_cores", "turbo", "os", "kernel", "python", "commit", "modified")
    gpu = environment.gpu_details
    details = gpu.model_dump(exclude={"clock_mhz", "settings"}) | gpu.settings if gpu else {}
    return {
        **{key: getattr(environment, key) for key in (*names, *more)},
        **{f"gpu {key}": value for key, value in details.items()},
        **environment.packages,
    }


def _shown(fact: object) -> object:
    return "unknown" if fact is None else fact


def _variables(before: Environment, after: Environment) -> list[str]:
    """Return environment variables that differ; records of older versions lack them."""
    if before.variables is None or after.variables is None:
        shown = [
            "not recorded" if seen is None else ", ".join(seen) or "none"
            for seen in (before.variables, after.variables)
        ]
        same = shown[0] == shown[1] or "none" in shown
        return [] if same else [f"environment variables: {shown[0]} -> {shown[1]}"]
    return [
        f"{name}: {before.variables.get(name, 'not set')} -> {after.variables.get(name, 'not set')}"
        for name in sorted({*before.variables, *after.variables})
        if before.variables.get(name) != after.variables.get(name)
    ]
