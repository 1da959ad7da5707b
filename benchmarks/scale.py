"""The workflow graph and tables for many made-up networks and devices, with the real code.

    python benchmarks/scale.py --models 1000 --devices 10

Writes a copy of the project with the given number of networks and devices, and records of all of
them: invented numbers in real formats. Prints wall-clock time and peak memory of each step. `make
bench` runs the size of a study; docs/explanation/scale.md has results for larger sizes.
"""

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from dnnbench.config.loading import read_yaml
from dnnbench.config.variants import REFERENCE
from dnnbench.core.storage import write_json, write_lines, write_table
from dnnbench.records import paths
from dnnbench.records.comparison_records import AccuracyRow, ComparisonRow
from dnnbench.records.complexity_records import Complexity
from dnnbench.records.disturbance_records import Disturbance
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryCell, MemoryRecord
from dnnbench.stages import options

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("Snakefile", "config", "cpu", "published", "src", "workflow", paths.LOCK)
SIZES = [1, 8]


def main(
    models: Annotated[int, typer.Option(min=1, help="Number of networks.")] = 44,
    devices: Annotated[int, typer.Option(min=1, help="Number of devices.")] = 4,
) -> None:
    """Time the workflow's dry runs, aggregate, and report for made-up records."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        names = copy_project(models, devices)
        print(f"{models} networks, {devices} devices, batch sizes {SIZES}, 5 rounds")
        snakemake = ["snakemake", "--profile", "d0"]
        step("dry run, nothing measured", *snakemake, "-n")
        step(f"dry run, {models} jobs of weights", *snakemake, "-n", "--", "weights")
        # In a separate process, because this one's memory would count toward its children's peak.
        writer = multiprocessing.get_context("spawn").Process(
            target=write_records, args=(names, devices)
        )
        writer.start()
        writer.join()
        # To Snakemake, the records are up to date, so nothing is measured.
        step("aggregate", *snakemake, "--", "aggregate")
        step("report", *snakemake, "--", "report")
        step("dry run, nothing to do", *snakemake, "-n")
        rows = Path(paths.STUDY).read_text().count("\n") - 1
        page = Path(paths.PAGE).stat().st_size / 2**20
        print(f"study.csv: {rows} rows; page: {page:.1f} MiB")


def step(what: str, *words: str) -> None:
    """Run a command and print its duration and memory; raise CalledProcessError if it fails."""
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            print(log.read().decode()[-4000:], file=sys.stderr)
            raise subprocess.CalledProcessError(process.returncode, words[:4])
    print(f"{what:32}  {seconds:7.1f} s  {usage.ru_maxrss / 1024:7.0f} MiB", flush=True)


def copy_project(models: int, devices: int) -> list[str]:
    """Copy the project to the working directory, with made-up networks and device profiles."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, name)
    os.environ["PYTHONPATH"] = str(Path("src").resolve())
    known = [entry for entry in read_yaml(paths.REGISTRY).items() if "published" in entry[1]]
    entries = {}
    for number in range(models):
        key, entry = known[number % len(known)]
        copies = number // len(known)
        name = f"{key}_{copies}" if copies else key
        entries[name] = entry | ({"name": f"{entry['name']} {copies}"} if copies else {})
    write_yaml(paths.REGISTRY, entries)
    others = [f"d{number}" for number in range(1, devices)]
    study = read_yaml(ROOT / paths.PARAMETERS) | {"models": list(entries), "devices": others}
    write_yaml(paths.PARAMETERS, study)
    device = read_yaml(paths.device_file("cpu")) | {
        "batch_sizes": SIZES,
        "threads": 2,
    }
    for number in range(devices):
        write_yaml(paths.device_file(f"d{number}"), device | {"device": f"d{number}"})
    write_yaml("d0", read_yaml(Path("cpu")) | {"configfile": "d0"})
    return list(entries)


def write_records(names: list[str], devices: int) -> None:
    """Write records of every network on every device, as if they had been measured."""
    from dnnbench.devices import backends
    from dnnbench.measure import environment

    now = datetime.now(UTC)
    costs = [
        Complexity(
            model=name,
            spec=name,
            input_size=224,
            params=10**6 * (1 + number % 90),
            params_executed=10**6 * (1 + number % 90),
            macs=10**8 * (1 + number % 97),
            flops=2 * 10**8 * (1 + number % 97),
            conv_macs=10**8 * (1 + number % 97),
            grouped_macs=0,
            thop_macs=None,
            linear_mib=4.0,
            traffic_mib=60.0,
            operators=80,
            weights_mib=3.8 * (1 + number % 90),
            activations_mib=20.0,
        )
        for number, name in enumerate(names)
    ]
    unmeasured = [AccuracyRow(model=name, status="not_measured") for name in names]
    write_table(Path(paths.COMPLEXITY), Complexity, costs)
    write_table(Path(paths.ACCURACY_SUMMARY), AccuracyRow, unmeasured)
    write_table(Path(paths.COMPARISONS), ComparisonRow, [])
    machine = environment.describe("d0", backends.Setup("cpu"), 2)
    seen = Disturbance(
        steal=0.0,
        run_delay=0.001,
        involuntary_switches=3,
        reference_compute_ms=(4.6, 4.6),
        reference_memory_ms=(1.3, 1.3),
    )
    for of_device in range(devices):
        device = f"d{of_device}"
        folder = paths.RESULTS / device
        write_json(
            paths.in_device(folder, paths.ENVIRONMENT),
            machine.model_copy(update={"device": device}),
        )
        shared: dict[str, Any] = {
            "device": device,
            "variant": REFERENCE,
            "fingerprint": "0" * 12,
            "threads": 2,
            "cell_timeout_s": 60.0,
            "started": now,
        }
        for row in costs:
            cells = [
                MemoryCell(
                    batch_size=size, status="ok", memory_mib=row.weights_mib + 20 * size,
                    memory_basis="net",
                )
                for size in SIZES
            ]  # fmt: skip
            record = MemoryRecord(model=row.model, cells=cells, **shared)
            path = paths.in_device(folder, paths.MEMORY, variant=REFERENCE, model=row.model)
            write_json(path, record)
        for number in range(1, 6):
            lines = [
                LatencyLine(
                    model=row.model,
                    batch_size=size,
                    round=number,
                    session="2026-01-02T03:04",
                    protocol="default",
                    status="ok",
                    samples_ms=[row.macs / 1e8 * size * (1 + of_device) * (1 + number / 500)],
                    wait_policy="default",
                    output_ok=True,
                    disturbance=seen,
                    cell_s=0.5,
                    **shared,
                )
                for row in costs
                for size in SIZES
            ]
            path = paths.in_device(folder, paths.ROUND, variant=REFERENCE, round=number)
            write_lines(path, lines)


def write_yaml(path: Path | str, content: dict[str, Any]) -> None:
    """Write a YAML file in the working directory."""
    Path(path).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    options.run(main)
