"""Coverage and width of the confidence intervals, in simulated and in recorded sessions.

A 95% interval should contain the median over all processes that the session could have had in 95%
of cases. The simulated sessions have a known median. For recorded sessions, pass their results
folders as arguments: the deviations of their processes, with what was observed next to them, are
drawn again for new sessions. A draw stays within its block of time, so disturbances that
neighboring processes share stay shared.

The widths are relative to those of t intervals from the processes of each cell alone.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from dnnbench.stats import intervals, session
from dnnbench.stats.adjustment import centered, signals
from dnnbench.tables import cell_lines

Floats = NDArray[np.float64]
Random = np.random.Generator

CELLS, MANY, FEW = 88, (9, 14), 5
ROUNDS = 5
SESSIONS, SEED = 30, 17
SHORT_MS = 100
# Processes in a block of time of a recorded session.
BLOCK = 22
TRUTH_DRAWS = 4000


@dataclass(frozen=True)
class Drawn:
    """A session: N processes of G cells in order of time, and the median [G] of each cell.

    ``group`` [G] is whether a cell is also reported separately.
    """

    logs: Floats
    cells: NDArray[np.int64]
    observed: Floats
    rounds: NDArray[np.int64]
    truth: Floats
    group: NDArray[np.bool_]


def _spread_evenly(rng: Random, count: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    """Return cell and time of each process, in order of time; cells have ``count`` [G] of them."""
    cells = np.repeat(np.arange(len(count)), count)
    times = np.concatenate([(np.arange(k) + rng.random(k)) / k for k in count])
    order = np.argsort(times)
    return cells[order], times[order]


def _rounds(times: Floats) -> NDArray[np.int64]:
    """Return the numbers of the rounds; the session lasts from 0 to 1."""
    return (times * ROUNDS).astype(int)


# Simulated sessions --------------------------------------------------------------------------


def normal(rng: Random, count: int) -> Floats:
    """Return deviations with a normal distribution."""
    return rng.normal(size=count)


def bimodal(rng: Random, count: int) -> Floats:
    """Return two modes, of which the second has 30% and lies 3 spreads above."""
    return 3 * (rng.random(count) < 0.3) + rng.normal(0, 0.33, count)


def heavy(rng: Random, count: int) -> Floats:
    """Return deviations with a t distribution with 3 degrees of freedom."""
    return rng.standard_t(3, count) / np.sqrt(3)


def skewed(rng: Random, count: int) -> Floats:
    """Return deviations with a log-normal distribution."""
    return rng.lognormal(0, 0.8, count)


@dataclass(frozen=True)
class Scenario:
    """A simulated session of ``cells`` cells with ``count`` processes; None: 9 to 13, or 5.

    ``noise`` is the distribution of a process, with a spread of about 6% (in ``wide`` cells ten
    times as much). ``machine`` is the effect that all cells share: ``drift``, ``neighbor`` (25%
    slower for 30% of the time, give or take 20% by cell), or nothing. Unless it is ``hidden``, half
    of a neighbor's effect shows in a reference kernel.
    """

    name: str
    noise: Callable[[Random, int], Floats] = normal
    machine: str = ""
    hidden: bool = False
    wide: int = 0
    cells: int = CELLS
    count: int | None = None


SCENARIOS = [
    Scenario("independent"),
    Scenario("independent", count=5),
    Scenario("drifting", machine="drift"),
    Scenario("bimodal", bimodal),
    Scenario("bimodal", bimodal, count=5),
    Scenario("bimodal", bimodal, count=20),
    Scenario("heavy-tailed", heavy),
    Scenario("heavy-tailed", heavy, count=5),
    Scenario("heavy-tailed", heavy, count=20),
    Scenario("skewed", skewed),
    Scenario("skewed", skewed, count=5),
    Scenario("skewed", skewed, count=20),
    Scenario("neighbor, visible", machine="neighbor"),
    Scenario("neighbor, invisible", machine="neighbor", hidden=True),
    Scenario("neighbor, invisible", machine="neighbor", hidden=True, count=5),
    Scenario("neighbor, invisible", machine="neighbor", hidden=True, count=20),
    Scenario("4 cells with 10x spread", wide=4),
    Scenario("4 cells with 10x spread", wide=4, count=5),
    Scenario("independent", cells=2, count=5),
    Scenario("independent", cells=10, count=5),
    Scenario("bimodal", bimodal, cells=10, count=5),
    Scenario("heavy-tailed", heavy, cells=10, count=5),
    Scenario("neighbor, invisible", machine="neighbor", hidden=True, cells=10, count=5),
    Scenario("1 cell with 10x spread", wide=1, cells=10, count=5),
]


def simulated(rng: Random, scenario: Scenario) -> Drawn:
    """Return a session whose processes are spread evenly over the time from 0 to 1."""
    number = scenario.cells
    short = np.arange(number) < number // 2
    count = np.where(short, rng.integers(*MANY, number), FEW)
    if scenario.count:
        count = np.full(number, scenario.count)
    cells, times = _spread_evenly(rng, count)
    logs = rng.uniform(2, np.log(SHORT_MS), number) + 2.5 * ~short
    # Bimodal cells have modes 20% apart; others vary by 4 to 9%.
    spread = np.where(short, 0.07, 0.05) * np.exp(rng.normal(0, 0.3, number))
    if scenario.noise is bimodal:
        spread = np.full(number, np.log(1.2) / 3)
    wide = np.zeros(number, bool)
    wide[rng.permutation(number)[: scenario.wide]] = True
    spread[wide] *= 10
    machine = _machine(rng, scenario.machine)
    feels = rng.uniform(0.8, 1.2, number)
    truth = np.array(
        [
            log
            + np.median(
                of * scenario.noise(rng, TRUTH_DRAWS) + felt * machine(rng.random(TRUTH_DRAWS))
            )
            for log, of, felt in zip(logs, spread, feels, strict=True)
        ]
    )
    effect = machine(times)
    logs = logs[cells] + spread[cells] * scenario.noise(rng, len(cells)) + feels[cells] * effect
    seen = 0 if scenario.hidden or scenario.machine == "drift" else 0.5 * effect
    observed = np.column_stack([seen + rng.normal(0, 0.03, len(cells)), heavy(rng, len(cells))])
    group = wide if scenario.wide else short
    return Drawn(logs, cells, observed, _rounds(times), truth, group)


def _machine(rng: Random, kind: str) -> Callable[[Floats], Floats]:
    """Return the shared effect as a function of time."""
    grid = np.linspace(0, 1, 2000)
    if kind == "drift":
        walk = np.cumsum(rng.normal(0, 0.08 / np.sqrt(len(grid)), len(grid)))
        return lambda times: np.interp(times, grid, walk)
    if kind == "neighbor":
        # Ten visits, each within its tenth of the session.
        starts = (np.arange(10) + rng.uniform(0, 0.6, 10)) / 10
        lengths = rng.uniform(0.02, 0.04, 10)
        return lambda times: (
            np.log(1.25)
            * ((times[:, None] >= starts) & (times[:, None] < starts + lengths)).any(axis=1)
        )
    return np.zeros_like


# Recorded sessions ---------------------------------------------------------------------------


class Recording:
    """Deviations of the processes of a recorded session, by block of time and kind of cell."""

    def __init__(self, results: Path, device: str, variant: str) -> None:
        lines = [line for line in cell_lines.read(results, device, variant) if line.status == "ok"]
        lines.sort(key=lambda line: line.started)
        keys = {cell: n for n, cell in enumerate({(x.model, x.batch_size): 0 for x in lines})}
        cells = np.array([keys[line.model, line.batch_size] for line in lines])
        logs = np.log([median(line.samples_ms) for line in lines])
        self._observed = signals(lines)
        self._levels = np.bincount(cells, logs) / np.bincount(cells)
        self._short = self._levels < np.log(SHORT_MS)
        # Residuals vary less than processes.
        self._rest = centered(logs, cells) / np.sqrt(1 - 1 / np.bincount(cells))[cells]
        block = np.arange(len(lines)) // BLOCK
        self._blocks = int(block[-1]) + 1
        self._of = {
            (number, short): np.flatnonzero((block == number) & (self._short[cells] == short))
            for number in range(self._blocks)
            for short in (False, True)
        }

    def session(self, rng: Random, many: int) -> Drawn:
        """Return a new session, with ``many`` processes of each short cell."""
        count = np.where(self._short, many, FEW)
        cells, times = _spread_evenly(rng, count)
        block = (times * self._blocks).astype(int)
        source = np.array(
            [rng.choice(self._of[key]) for key in zip(block, self._short[cells], strict=True)]
        )
        truth = self._levels + np.where(self._short, self._median(True), self._median(False))
        logs = self._levels[cells] + self._rest[source]
        return Drawn(logs, cells, self._observed[source], _rounds(times), truth, self._short)

    def _median(self, short: bool) -> float:
        """Return the median over all blocks, each with the same weight."""
        of = [self._of[number, short] for number in range(self._blocks)]
        values = self._rest[np.concatenate(of)]
        weights = np.concatenate([np.full(len(one), 1 / len(one)) for one in of if len(one)])
        order = np.argsort(values)
        total = np.cumsum(weights[order])
        return float(values[order][np.searchsorted(total, total[-1] / 2)])


# Tables --------------------------------------------------------------------------------------


def report(name: str, cells: int, count: str, sessions: Sequence[Drawn]) -> None:
    """Print a line with the coverage of both intervals, and their widths."""
    covered: dict[str, list[NDArray[np.bool_]]] = {"ours": [], "alone": []}
    widths: dict[str, list[Floats]] = {"ours": [], "alone": []}
    for one in sessions:
        alone = [
            intervals.interval(np.exp(one.logs[one.cells == cell]).tolist())
            for cell in range(len(one.truth))
        ]
        ours = session.estimates(np.exp(one.logs), one.cells, one.observed, one.rounds)
        for kind, found in (("ours", ours), ("alone", alone)):
            truth = np.exp(one.truth)
            low = np.array([value.low for value in found])
            high = np.array([value.high for value in found])
            covered[kind].append((low <= truth) & (truth <= high))
            widths[kind].append(np.log(high / low))
    shared, separate = (np.concatenate(covered[kind]) for kind in ("ours", "alone"))
    wide, base = (np.concatenate(widths[kind]) for kind in ("ours", "alone"))
    group = np.concatenate([one.group for one in sessions])
    print(
        f"{name:26}{cells:6}{count:>10}{separate.mean():9.1%}{shared.mean():9.1%}"
        f"{shared[group].mean():9.1%}{np.median(wide) / np.median(base):8.2f}"
        f"{np.median(wide[group]) / np.median(base[group]):8.2f}",
        flush=True,
    )


def main(folders: Sequence[str]) -> None:
    """Print the table of simulated sessions, then one of each recorded session."""
    rng = np.random.default_rng(SEED)
    print("group: cells under 100 ms, or those with a larger spread")
    print(
        f"{'session':26}{'cells':>6}{'processes':>10}{'alone':>9}{'ours':>9}{'group':>9}"
        f"{'width':>8}{'group':>8}"
    )
    for one in SCENARIOS:
        number = SESSIONS * min(10, CELLS // one.cells)
        drawn = [simulated(rng, one) for _ in range(number)]
        report(one.name, one.cells, str(one.count or "5, 9-13"), drawn)
    for folder in folders:
        for device, variant in _measured(Path(folder)):
            recording = Recording(Path(folder), device, variant)
            for many in (5, 11):
                drawn = [recording.session(rng, many) for _ in range(SESSIONS)]
                name = f"{device} {variant}"
                report(name, len(drawn[0].truth), f"5, {many}" if many > FEW else "5", drawn)


def _measured(results: Path) -> list[tuple[str, str]]:
    """Return the measured devices and variants of a results folder."""
    found = sorted(results.glob("*/*/latency"))
    if not found:
        sys.exit(f"{results}: no recorded rounds. Pass the results folder of a study.")
    return [(path.parts[-3], path.parts[-2]) for path in found]


if __name__ == "__main__":
    main(sys.argv[1:])
