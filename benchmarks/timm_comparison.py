"""Our protocol and timm's benchmark.py: time, and spread between sessions.

    python benchmarks/timm_comparison.py PATH [FOLDER]

PATH is timm's benchmark.py, which its package does not contain. Eight networks of timm at batch
size 1 are timed in four sessions of each program, in turn. The script runs with its defaults (ten
untimed and 40 timed passes in one process per network); it reports the mean. The session time
includes starting interpreters: one per network for the script, and one per round for us, as in a
study. It does not include measuring memory once, before our first session, which a study does
anyway. The spread is the standard deviation of the logarithms over the sessions. A run takes about
11 minutes on two cores.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import protocols
import sessions

from dnnbench.core import progress

SESSIONS = 4
KIND = "ours"
SOURCE = protocols.ROOT / "src"
# The script prints its result as JSON after this line.
_RESULT = "--result"


def main() -> None:
    """Measure and print the table, unless there is no script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "script", nargs="?", type=Path, default=os.environ.get("TIMM_BENCHMARK") or None
    )
    sessions.add_folder(parser)
    parser.add_argument("--networks", nargs="+", default=sessions.TIMM, help="Networks of timm.")
    parser.add_argument("--sessions", type=int, default=SESSIONS, help="Number of sessions.")
    arguments = parser.parse_args()
    if arguments.script is None:
        print("Skipped: give the path of timm's benchmark.py, or set TIMM_BENCHMARK to it.")
        return
    with sessions.folder(arguments) as folder:
        if not arguments.analyze:
            measure(folder, arguments.script, arguments.networks, arguments.sessions)
        print(report(folder))


def measure(folder: Path, script: Path, names: Sequence[str], count: int) -> None:
    """Measure ``count`` sessions of both programs, in turn."""
    networks, cells = sessions.resolve((f"timm:{name}", 1) for name in names)
    with sessions.prepared(folder, networks, cells) as study:
        turns = [
            (at, program)
            for at in range(1, count + 1)
            for program in random.sample(("timm", KIND), 2)
        ]
        with progress.steps("timm", len(turns)) as step:
            for at, program in turns:
                step(f"session {at} of {count}, {program}")
                started = time.monotonic()
                times_ms: dict[str, float] = {}
                if program == KIND:
                    for number in study.rounds():
                        protocols.run_round(
                            protocols.round_settings(study, f"{KIND}-{at}", number), SOURCE
                        )
                else:
                    pairs = list(zip(networks, names, strict=True))
                    for key, name in random.sample(pairs, len(pairs)):
                        times_ms[key] = step_ms(script, name)
                record = {"program": program, "times_ms": times_ms}
                seconds = time.monotonic() - started
                sessions.append(folder / "timm.jsonl", {**record, "seconds": seconds})


def step_ms(script: Path, network: str) -> float:
    """Return the mean duration of a pass, in ms, that the script reports for a network."""
    options = ["--bench", "inference", "--device", "cpu", "--batch-size", "1"]
    done = subprocess.run(
        [sys.executable, str(script), "--model", network, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    _, found, result = done.stdout.rpartition(f"{_RESULT}\n")
    values = json.loads(result) if found else {}
    if "infer_step_time" not in values:
        raise SystemExit(f"{script}: no latency of {network}: {done.stdout.strip()}")
    return float(values["infer_step_time"])


def report(folder: Path) -> str:
    """Return the table of both programs."""
    records = sessions.records(folder / "timm.jsonl")
    theirs = [one["times_ms"] for one in records if one["program"] == "timm"]
    ours = [
        {cell[0]: one.value for cell, one in sessions.estimates(lines).items()}
        for lines in sessions.read_sessions(folder, KIND)
    ]
    rows = []
    for program, found in (("timm", theirs), (KIND, ours)):
        seconds = [one["seconds"] for one in records if one["program"] == program]
        spreads = [sessions.spread([session[name] for session in found]) for name in found[0]]
        rows.append(
            (
                program,
                f"{min(seconds):.0f} to {max(seconds):.0f}",
                f"{median(spreads):.1%} ({min(spreads):.1%} to {max(spreads):.1%})",
            )
        )
    each = [
        (name, *(f"{median(s[name] for s in of):.4g}" for of in (theirs, ours))) for name in ours[0]
    ]
    return "\n\n".join(
        (
            sessions.table(("program", "session time (s)", "spread between sessions"), rows),
            sessions.table(("network", "timm (ms)", "ours (ms)"), each),
        )
    )


if __name__ == "__main__":
    main()
