"""A stage of dvc.yaml.

For example, ``python -m dnnbench.stages.dvc_stage --profile cpu -- memory``.

``dvc repro`` runs one command per stage, and Snakemake takes seconds to find that a stage is up to
date. This module checks a stage and all later stages in one call to Snakemake. If all are up to
date, the later stages of the same ``dvc repro`` skip the check unless a file changed. Otherwise,
the stage runs as a Snakemake target. The module imports little, because one ``dvc repro`` starts it
eight times.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dnnbench.core import home, output
from dnnbench.core.standard_error import say
from dnnbench.records import paths

STAGES = (
    *("weights", "accuracy", "complexity", "graphs", "memory", "latency", "aggregate"),
    "report",
)
NOTHING = "Nothing to be done"
ANSWER = Path(".snakemake/dvc-answer.json")

_RESULTS = {str(paths.RESULTS), str(paths.REPORTS)}

# If the stages have work to do, asking about each of them would only cost time.
_MOST_QUESTIONS = 2
# Files that Git, DVC, Python or Snakemake write even if nothing is done.
_LEFT_OUT = {".git", ".dvc", ".venv", ".snakemake", "__pycache__", "dvc.lock", ".gitignore"}


def main(words: Sequence[str]) -> int:
    """Run Snakemake with ``words``: ``--profile NAME -- STAGE``. Returns its exit code."""
    home.ensure()
    *options, stage = words
    code = _run(options, stage)
    if code == 0 and stage in STAGES:
        _match_folders(stage, profile=options[1])
    return code


def _run(options: list[str], stage: str) -> int:
    """Run a stage unless Snakemake reported in this ``dvc repro`` that there is nothing to do."""
    target = ["snakemake", *options, stage]
    run = _dvc_run()
    if run is None or stage not in STAGES:
        return subprocess.run(target).returncode
    later = STAGES[STAGES.index(stage) :]
    about = {"run": run, "options": options}
    known = _read()
    if known.get("about") != about:
        known = {"about": about, "questions": 0, "files": None}
    files = _files()
    if known["files"] != files and known["questions"] < _MOST_QUESTIONS:
        known["questions"] += 1
        known["files"] = files if _nothing_to_do([*options, *later]) else None
        ANSWER.parent.mkdir(exist_ok=True)
        ANSWER.write_text(json.dumps(known), encoding="utf-8")
    if known["files"] is not None and known["files"] == _files():
        print(f"{stage}: up to date, like all later stages, according to Snakemake.")
        return 0
    return subprocess.run(target).returncode


def _match_folders(stage: str, profile: str) -> None:
    """Create the folders of variants that DVC expects, and report those that dvc.yaml lacks.

    dvc.yaml has the same outputs for all studies, and DVC fails if one is missing.
    """
    import yaml

    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    device = paths.RESULTS / profile
    outs = [path for entry in stages[stage].get("outs", ()) for path in entry]
    expected = [Path(path.replace("${profile}", profile)) for path in outs]
    of_variants = [path for path in expected if path.parent.parent == device]
    for folder in of_variants:
        folder.mkdir(parents=True, exist_ok=True)
    if of_variants:
        first = of_variants[0]
        for folder in sorted({*device.glob(f"*/{first.name}")} - {*of_variants}):
            place = f"every list in dvc.yaml that contains {first.relative_to(device)}"
            say(f"{folder}: not tracked by DVC. Add it to {place}.\n")


def _nothing_to_do(words: list[str]) -> bool:
    done = subprocess.run(["snakemake", "--dry-run", *words], capture_output=True, text=True)
    return done.returncode == 0 and NOTHING in done.stdout + done.stderr


def _read() -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(ANSWER.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # First question, or the disk was full.
        return {}
    return content


def _dvc_run() -> str | None:
    """Return an identifier of this run of DVC, or None outside DVC."""
    pid = os.getppid()
    while pid > 1:
        process = Path("/proc", str(pid))
        try:
            words = process.joinpath("cmdline").read_bytes().split(b"\0")
            # In proc(5), field 4 is the parent's id and 22 the start time; names may have spaces.
            fields = process.joinpath("stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        if any(word.rpartition(b"/")[2] == b"dvc" for word in words[:3]):
            return f"{pid} {fields[19]}"
        pid = int(fields[1])
    return None


def _files() -> str:
    """Return a digest of the project's files: names, sizes and mtimes.

    Results are digested by content instead.

    DVC restores cached results with a new mtime.
    """
    state = hashlib.sha256()
    for path in sorted(_paths(".")):
        seen = path.lstat()
        if path.parts[0] in _RESULTS and path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            content = str(seen.st_mtime_ns)
        line = f"{path}\0{seen.st_size}\0{content}\n"
        state.update(line.encode(errors="surrogateescape"))
    return state.hexdigest()


def _paths(folder: str) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in _LEFT_OUT:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _paths(entry.path)
            else:
                yield Path(entry.path)


if __name__ == "__main__":
    with output.ending_in_a_line("dvc_stage", needed=False):
        sys.exit(main(sys.argv[1:]))
