"""The measuring protocol of this version and of an earlier one, in the same sessions.

Rounds of both alternate in random order, each in a new interpreter, as in a study. The earlier
version is a commit that git writes into a temporary folder; it measures with its own code, and its
estimate is the median of five processes with a t interval. The cells are 22 networks at batch sizes
1 and 8, chosen evenly by cost from those of the 2018 study, or all 44 with --all. Two sessions take
about 20 minutes on two cores, and about 40 with --all.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import sessions
from sessions import Cell

from dnnbench.core import progress
from dnnbench.networks import registry
from dnnbench.records import paths
from dnnbench.records.latency_records import LatencyLine
from dnnbench.stats import intervals
from dnnbench.stats.intervals import Estimate

ROOT = Path(__file__).resolve().parents[1]
EARLIER = "4b9ae68"
NETWORKS = (
    *("squeezenet1_1", "shufflenet", "mobilenetv2", "squeezenet1_0", "bninception", "dpn68"),
    *("densenet121", "se_resnet50", "se_resnext50_32x4d", "cafferesnet101", "inceptionv3"),
    *("resnext101_32x4d", "vgg11", "se_resnet152", "densenet161", "inceptionresnetv2"),
    *("inceptionv4", "vgg13_bn", "vgg16", "vgg16_bn", "dpn131", "senet154"),
)
BATCH_SIZES = (1, 8)
SESSIONS = 2
SHORT_MS = 100.0
VERSIONS = ("old", "new")


def main() -> None:
    """Measure and print the comparison."""
    parser = sessions.parser(__doc__)
    parser.add_argument("--sessions", type=int, default=SESSIONS, help="Number of sessions.")
    parser.add_argument("--earlier", default=EARLIER, help="Commit of the earlier version.")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, help="Networks to measure.")
    parser.add_argument(
        "--batch-sizes", nargs="+", type=int, default=BATCH_SIZES, help="Their batch sizes."
    )
    parser.add_argument("--all", action="store_true", help="Measure all networks of the study.")
    arguments = parser.parse_args()
    networks = arguments.networks
    if arguments.all:
        known = registry.load_registry()
        networks = [name for name, network in known.items() if network.published]
    with sessions.folder(arguments) as folder:
        if not arguments.analyze:
            with checked_out(arguments.earlier) as earlier:
                measure(folder, networks, arguments.batch_sizes, arguments.sessions, earlier)
        found = {version: sessions.read_sessions(folder, version) for version in VERSIONS}
        print(report(found, sessions.records(folder / "rounds.jsonl")))


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Write the files of a commit into a temporary folder and return the folder of its package."""
    archive = ["git", "-C", str(ROOT), "archive", "--format=tar", commit]
    files = subprocess.run(archive, stdout=subprocess.PIPE)
    if files.returncode:
        sys.exit(f"{commit}: not in this clone. Run: git fetch --unshallow")
    with tempfile.TemporaryDirectory(prefix="dnnbench-") as folder:
        subprocess.run(["tar", "--extract", "--directory", folder], input=files.stdout, check=True)
        yield Path(folder) / "src"


def measure(
    folder: Path, names: Sequence[str], batch_sizes: Sequence[int], count: int, earlier: Path
) -> None:
    """Measure ``count`` sessions of both versions, round by round."""
    sources = {"old": earlier, "new": ROOT / "src"}
    networks, cells = sessions.resolve((name, batch) for name in names for batch in batch_sizes)
    with sessions.prepared(folder, networks, cells) as study:
        turns = [
            (version, session, number)
            for session in range(1, count + 1)
            for number in study.rounds()
            for version in random.sample(VERSIONS, 2)
        ]
        with progress.steps("protocols", len(turns)) as step:
            for version, session, number in turns:
                step(f"session {session}, round {number}, {version}")
                output = sessions.round_file(folder / f"{version}-{session}", number)
                if output.exists():
                    continue
                settings = round_settings(study, f"{version}-{session}", number)
                if version == "old":  # It cannot read the records of this version, and needs none.
                    settings["memory"] = {}
                seconds = run_round(settings, sources[version])
                record = {"version": version, "session": session, "seconds": seconds}
                sessions.append(folder / "rounds.jsonl", record)


def round_settings(study: sessions.Study, session: str, number: int) -> dict[str, Any]:
    """Return the settings of a round for benchmarks/protocol_round.py."""
    memory = study.folder / "memory"
    return {
        "networks": [network.spec for network in study.networks.values()],
        "batch_sizes": sorted({batch for _, batch in study.cells}),
        "number": number,
        "session": session,
        "cell_timeout_s": sessions.TIMEOUT_S,
        "memory": {
            name: str(paths.in_folder(memory, paths.MEMORY, model=name)) for name in study.networks
        },
        "output": str(sessions.round_file(study.folder / session, number)),
    }


def run_round(settings: Mapping[str, Any], source: Path) -> float:
    """Run a round with the package in ``source``; return how long it took, in s."""
    output = Path(settings["output"])
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(settings, file)
        file.flush()
        done = subprocess.run(
            [sys.executable, str(ROOT / "benchmarks" / "protocol_round.py"), file.name],
            env={**os.environ, "PYTHONPATH": str(source)},
            cwd=source.parent,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
    seconds, used = json.loads(done.stdout.splitlines()[-1])
    if Path(used).resolve() != (source / "dnnbench").resolve():
        sys.exit(f"{source}: the round ran the code in {used} instead.")
    return float(seconds)


def report(
    found: Mapping[str, Sequence[Sequence[LatencyLine]]], rounds: Sequence[Mapping[str, Any]]
) -> str:
    """Return the table of both versions, and what it shows for this version alone."""
    estimates = {
        "old": [earlier_estimates(lines) for lines in found["old"]],
        "new": [sessions.estimates(lines) for lines in found["new"]],
    }
    new = estimates["new"]
    # The same cells for both versions.
    short = [cell for cell in new[0] if median(of[cell].value for of in new) < SHORT_MS]
    values = {version: _statistics(of, short) for version, of in estimates.items()}
    for version in VERSIONS:
        seconds = [one["seconds"] for one in rounds if one["version"] == version]
        values[version]["time (s)"] = sum(seconds)
        values[version]["processes"] = sum(map(len, found[version]))
    rows = [
        (key, _number(key, old), _number(key, new), f"{new / old:.2f}" if old else "")
        for key, old in values["old"].items()
        for new in [values["new"][key]]
    ]
    return "\n".join(
        (
            sessions.table(("over cells and sessions", "old", "new", "new / old"), rows),
            f"Intervals that contain the cell's median over the sessions: old"
            f" {_coverage(estimates['old'])}, new {_coverage(estimates['new'])}.",
            f"Verdicts, new: {sessions.verdict_counts(found['new'])}.",
        )
    )


def earlier_estimates(lines: Sequence[LatencyLine]) -> dict[Cell, Estimate]:
    """Return the estimates of the earlier version for one of its sessions."""
    return {
        cell: intervals.interval([median(line.samples_ms) for line in of])
        for cell, of in sessions.by_cell(lines).items()
    }


def _statistics(of: Sequence[Mapping[Cell, Estimate]], short: Sequence[Cell]) -> dict[str, float]:
    widths = [found[cell].half_width or 0.0 for found in of for cell in found]
    of_short = [found[cell].half_width or 0.0 for found in of for cell in short]
    statistics = {
        "median half-width, below 100 ms": median(of_short) if of_short else 0.0,
        "median half-width, all": median(widths),
        "half-widths of 5% or less": sum(width <= 0.05 for width in widths) / len(widths),
    }
    if len(of) > 1:
        spreads = [sessions.spread([found[cell].value for found in of]) for cell in of[0]]
        statistics["spread between sessions, median"] = median(spreads)
    return statistics


def _coverage(of: Sequence[Mapping[Cell, Estimate]]) -> str:
    """Describe how often a session's interval contains the median of all sessions."""
    count = sum(sessions.covered_median([session[cell] for session in of]) for cell in of[0])
    return sessions.share(count, len(of) * len(of[0]))


def _number(key: str, value: float) -> str:
    return f"{value:.0f}" if key in ("time (s)", "processes") else f"{value:.1%}"


if __name__ == "__main__":
    main()
