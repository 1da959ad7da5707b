import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from PIL import Image

from dnnbench.core.storage import read_json, read_lines
from dnnbench.measure.journal import key
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryRecord
from helpers import forks
from helpers.paths import ROOT

PROFILES = ("cpu", "cuda", "jetson", "slurm", "titanx")


COPIED = ("Snakefile", "config", "params.yaml", "published", "requirements.lock", "src")


# No weights, so nothing is downloaded.
TINY = {
    "models": ["squeezenet1_1", "shufflenet"],
    "latency": {"rounds": 2},
    "weights": {"tiers": []},
}


LATENCY = Path("results/cpu/fp32-eager/latency")


MEMORY = Path("results/cpu/fp32-eager/memory")


def project(folder):
    """Copy the project like a clone, with the settings of a tiny study."""
    for name in (*COPIED, *PROFILES, "workflow", "dvc.yaml"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    edit(folder / "params.yaml", TINY)
    edit(folder / "config/devices/cpu.yaml", {"batch_sizes": [1], "variants": ["fp32-eager"]})
    return folder


def copy(folder, to):
    """Copy a project with its Snakemake metadata and mtimes."""
    shutil.copytree(folder, to, symlinks=True)
    return to


def edit(file, changes):
    content = yaml.safe_load(file.read_text())
    for name, value in changes.items():
        content[name] = content[name] | value if isinstance(value, dict) else value
    file.write_text(yaml.safe_dump(content))


def environment(folder):
    """Return variables that select the copy's package and a separate lock."""
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder / "src"),
        "XDG_STATE_HOME": str(folder / ".state"),
        "XDG_CACHE_HOME": str(folder / ".cache"),
    }


def command(folder, *words):
    return subprocess.run(
        words,
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def snakemake(folder, *words):
    """Run ``snakemake --profile cpu WORDS`` and return its output; it must succeed."""
    code, output = fork(folder, "snakemake", "--profile", "cpu", *words)
    assert code == 0, output
    return output


def fork(folder, *words, **options):
    """Run a command in a fork, which starts faster; return its exit code and output."""
    return forks.run(words, folder, environment(folder), **options)


def stage(script, *words):
    """Run a stage's script directly; return its exit code and output."""
    command = ("python", f"workflow/scripts/{script}.py", *map(str, words))
    return forks.run(command, ROOT, os.environ | {"PYTHONPATH": str(ROOT / "src")})


def start_timing(folder):
    """Start Snakemake for the latency target in a separate process group."""
    return subprocess.Popen(
        ["snakemake", "--profile", "cpu", "--", "latency"],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def jobs(folder, *words):
    """Return the number of jobs of each rule in a dry run."""
    output = snakemake(folder, "-n", *words)
    if "Nothing to be done" in output:
        return {}
    counts = {}
    table = output.split("Job stats:")[1].split("\n\n")[0].strip().splitlines()[2:]
    for line in table:
        rule, count = line.split()
        counts[rule] = int(count)
    counts.pop("total")
    counts.pop("all", None)
    return counts


def lines(folder):
    return {
        (number, *key(line)): line
        for number in (1, 2)
        for line in read_lines(folder / LATENCY / f"round-{number}.jsonl", LatencyLine)
    }


def memory(folder):
    records = (folder / MEMORY).glob("*.json")
    return {path.stem: read_json(path, MemoryRecord) for path in records}


PICTURES = "resources/images/folder/bilinear-256-224.json"


def picture(path, shade):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (300, 280), (shade, 9, 9)).save(path)
