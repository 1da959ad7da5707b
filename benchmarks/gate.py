"""Simulated false alarms and power of `dnnbench compare --fail-on slower=...`.

A simulated run has 88 cells. Their standard errors vary by a factor of two around a middle, as in a
study. A comparison is one pair of runs:

- A/A: nothing differs but the sessions, which change all cells by 3% (standard deviation) each, or
  one by exactly 3%. A regression is a false alarm.
- Injected: three cells are slower, at one half-width of the ratio's 95% interval, and the sessions
  differ by 3% in either direction. The output states how many of the three cells are found.
- All slower: all cells are slower by a factor.

It measures nothing and takes two minutes.
"""

from math import exp, sqrt

import numpy as np

from dnnbench.config.variants import REFERENCE
from dnnbench.queries import changes, regressions
from dnnbench.queries.changes import CellChange, DeviceChange, RunComparison
from dnnbench.stats.intervals import Estimate, estimate, ratio, t_quantile

CELLS = 88
PAIRS = 400
# Processes per cell and run, and so the degrees of freedom.
PROCESSES = (5, 20)
HALF_WIDTHS = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.10)
INJECTED = 3


def main() -> None:
    """Print the three tables."""
    for table, count in ((false_alarms, PAIRS), (power, PAIRS // 5), (all_slower, PAIRS)):
        print("\n".join(table(np.random.default_rng(17), count)), end="\n\n", flush=True)


def simulate(
    random: np.random.Generator,
    half_width: float,
    shift: float = 0.0,
    slower: float = 1.0,
    count: int = 0,
    cells: int = CELLS,
    processes: int = PROCESSES[0],
    vary: bool = True,
) -> RunComparison:
    """Return a comparison whose first ``count`` cells are ``slower``.

    ``half_width`` is that of the ratio's 95% interval; half of the cells are above it if they
    ``vary``. ``shift`` is the logarithm of the change that all cells have in common.
    """
    df = 2 * (processes - 1)
    spread = half_width / t_quantile(df) / sqrt(2 / processes)
    spreads = spread * (np.exp(random.normal(0, 0.35, cells)) if vary else np.ones(cells))
    found = []
    for number, sd in enumerate(spreads):
        center = shift + (np.log(slower) if number < count else 0.0)
        sides = [random.normal(middle, sd, processes) for middle in (center, 0.0)]
        after, before = (_estimate(logs) for logs in sides)
        found.append(_cell(number, before, after))
    ratios = [cell.estimate for cell in found]
    common, common_se = changes.common_change(ratios) or (None, None)
    device = DeviceChange(
        device="cpu",
        reference_compute=1.0,
        reference_memory=1.0,
        common=common,
        common_se=common_se,
        machine=[],
        other_code=0,
        resolution=None,
    )
    return RunComparison(
        margin=0.05, devices=[device], cells=found, statuses=[], memory=[], repeated=[]
    )


def false_alarms(random: np.random.Generator, pairs: int) -> list[str]:
    """Return a Markdown table: share of A/A pairs that fail."""
    rows = [
        "| cells | sessions differ by | share of A/A pairs that fail, slower=0% | slower=5% |",
        "|---|---|---|---|",
    ]
    kinds = {"nothing": (0.0, 0.0), "3% each": (0.0, sqrt(2) * 0.03), "3% slower": (0.03, 0.0)}
    for cells in (CELLS, 6):
        for name, (mean, sd) in kinds.items():
            failed = dict.fromkeys((0.0, 0.05), 0)
            for _ in range(pairs):
                found = simulate(random, 0.05, float(random.normal(mean, sd)), cells=cells)
                for limit in failed:
                    failed[limit] += _regressions(found, limit) > 0
            shares = " | ".join(f"{count / pairs:.1%}" for count in failed.values())
            rows.append(f"| {cells} | {name} | {shares} |")
    return rows


def power(random: np.random.Generator, pairs: int) -> list[str]:
    """Return a Markdown table: share of the injected slowdowns that are found."""
    kinds = ((1.1, 0.0), (1.1, 0.05), (1.2, 0.05))
    columns = [
        f"{slower - 1:.0%}, slower={limit:.0%}, {processes} processes"
        for processes in PROCESSES
        for slower, limit in kinds
    ]
    rows = [
        f"| half-width of the ratio | {' | '.join(columns)} |",
        f"|{'---|' * (len(columns) + 1)}",
    ]
    for half_width in HALF_WIDTHS:
        shares = []
        for processes in PROCESSES:
            for slower, limit in kinds:
                found = 0
                for _ in range(pairs):
                    shift = float(random.choice([-0.03, 0.03]))
                    pair = simulate(
                        random, half_width, shift, slower, INJECTED, CELLS, processes, vary=False
                    )
                    found += _regressions(pair, limit)
                shares.append(f"{found / pairs / INJECTED:.0%}")
        rows.append(f"| ±{half_width:.0%} | {' | '.join(shares)} |")
    return rows


def all_slower(random: np.random.Generator, pairs: int) -> list[str]:
    """Return a Markdown table: share of pairs in which a change of all cells is found."""
    rows = ["| all cells slower by | pairs that fail, slower=5% |", "|---|---|"]
    for slower in (1.05, 1.1, 1.2, 1.3):
        found = 0
        for _ in range(pairs):
            shift = float(random.normal(np.log(slower), sqrt(2) * 0.03))
            found += _regressions(simulate(random, 0.05, shift), 0.05, common=True)
        rows.append(f"| {slower - 1:.0%} | {found / pairs:.0%} |")
    return rows


def _regressions(found: RunComparison, limit: float, common: bool = False) -> int:
    """Return the number of regressions, of cells or of the change that they have in common."""
    checks = regressions.judge(found, {"slower": limit}).checks
    failed = [check for check in checks if check.outcome == "regression"]
    return sum(check.model is None for check in failed) if common else len(failed)


def _estimate(logs: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Estimate:
    """Return the estimate of process medians, without its stretch to the median."""
    se = float(logs.std(ddof=1)) / sqrt(len(logs))
    return estimate(exp(logs.mean()), se, len(logs) - 1)


def _cell(number: int, before: Estimate, after: Estimate) -> CellChange:
    change = ratio(after, before)
    return CellChange(
        device="cpu",
        variant=REFERENCE,
        model=f"net{number}",
        batch_size=1,
        before_ms=before.value,
        after_ms=after.value,
        ratio=change.value,
        low=change.low,
        high=change.high,
        se=change.se,
        df=change.df,
        within_se=None,
        within_df=None,
        p=None,
        verdict="inconclusive",
        stability=None,
        stability_reason=None,
    )


if __name__ == "__main__":
    main()
