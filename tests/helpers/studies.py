"""A study of the published tables and a made-up CPU, for tests of the report.

The CPU's numbers are invented: of nine networks, one is noisy and one is disturbed, and three cells
have a status instead of a value.
"""

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from dnnbench.core.storage import columns, to_frame, write_json, write_lines, write_table
from dnnbench.findings import corrections
from dnnbench.findings.examine import examine
from dnnbench.findings.relabeling import best_relabeling
from dnnbench.networks import registry
from dnnbench.queries.selection import select
from dnnbench.records import published_study
from dnnbench.records.base import SCHEMA_VERSION
from dnnbench.records.comparison_records import AccuracyRow
from dnnbench.records.complexity_records import Complexity
from dnnbench.records.disturbance_records import Disturbance
from dnnbench.records.environment_records import Environment
from dnnbench.records.findings_records import Findings, ReplicationRow
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.records.study_records import SelectionRow as Chosen
from dnnbench.report.figures import scatter
from dnnbench.report.figures.catalog import Figure, build_figures
from dnnbench.report.figures.label_placement import Label, place
from dnnbench.report.figures.results import Results
from dnnbench.tables import published
from helpers.paths import ROOT

TABLES = ROOT / "published" / "bianco2018"
DEVICES = ("cpu", *published_study.DEVICES)
LIMITS = ([0.7, 1.0, 1.4], [15.0, 30.0, 60.0])
REASONS = {
    "noisy": "half-width of the interval is 8.0% of the value",
    "disturbed": "1 of 5 processes was disturbed (round 2: threads waited for a core for a total of"
    " 31.0% of the time)",
}
STATUSES = {("nasnetalarge", 8): "timeout", ("vgg19", 8): "oom", ("senet154", 1): "failed"}


@cache
def study() -> Results:
    return results(*tables())


@cache
def tables() -> tuple[list[StudyRow], list[ModelRow]]:
    printed = published.read(TABLES)
    models = [_model(entry) for entry in printed.models]
    return [*invented_cells(), *published.study_rows(printed)], models


def write(
    folder: Path,
    rows: Sequence[StudyRow] | None = None,
    models: Sequence[ModelRow] | None = None,
    lines: Iterable[LatencyLine] = (),
) -> Path:
    """Write a results folder of this study or of other rows, with ``lines`` as the CPU's rounds."""
    own_rows, own_models = tables()
    rows = own_rows if rows is None else rows
    write_table(folder / "study.csv", StudyRow, rows)
    write_table(folder / "models.csv", ModelRow, own_models if models is None else models)
    write_table(folder / "selection.csv", Chosen, select(rows, *LIMITS))
    write_table(folder / "accuracy" / "summary.csv", AccuracyRow, [])
    write_json(folder / "cpu" / "environment.json", environment())
    by_round: dict[int, list[LatencyLine]] = {}
    for one in lines:
        by_round.setdefault(one.round, []).append(one)
    for number, of_round in by_round.items():
        write_lines(folder / "cpu/fp32-eager/latency" / f"round-{number}.jsonl", of_round)
    return folder


def timed(
    model: str,
    times_ms: Iterable[float],
    batch_size: int = 1,
    session: str = "2026-01-02T03:04",
    reference_ms: float = 50.0,
    fingerprint: str = "f",
) -> list[LatencyLine]:
    """Return a cell's records, one per round, with one pass of the given latency each."""
    reference = (reference_ms, reference_ms)
    seen = Disturbance(
        steal=0.0,
        run_delay=0.001,
        involuntary_switches=2,
        reference_compute_ms=reference,
        reference_memory_ms=reference,
    )
    return [
        LatencyLine(
            device="cpu",
            variant="fp32-eager",
            model=model,
            batch_size=batch_size,
            round=number,
            session=session,
            protocol="default",
            fingerprint=fingerprint,
            status="ok",
            discarded_ms=[2 * time],
            samples_ms=[time],
            threads=2,
            wait_policy="default",
            output_ok=True,
            disturbance=seen,
            cell_timeout_s=60,
            cell_s=1,
            started=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        )
        for number, time in enumerate(times_ms, start=1)
    ]


@cache
def drawn() -> tuple[list[Figure], dict[str, list[Label | None]]]:
    """Return the study's figures, and the labels of each scatter chart by its name."""
    placed: list[list[Label | None]] = []

    def spy(*arguments: Any) -> list[Label | None]:
        placed.append(place(*arguments))
        return placed[-1]

    with patch.object(scatter, "place", spy):
        figures = build_figures(study())
    scatters = [figure.name for figure in figures if "-vs-" in figure.name]
    return figures, dict(zip(scatters, placed, strict=True))


def results(rows: list[StudyRow], models: list[ModelRow], **changes: object) -> Results:
    networks = registry.load_registry()
    arguments = {
        "study": to_frame(StudyRow, rows),
        "models": to_frame(ModelRow, models),
        "selection": to_frame(Chosen, select(rows, *LIMITS)),
        "names": {key: network.name for key, network in networks.items()},
        "families": {key: network.family for key, network in networks.items()},
        "devices": DEVICES,
    }
    return Results(**{**arguments, **changes})


@cache
def counted() -> list[ModelRow]:
    """Return the 44 networks with parameters and the 2018 count of operations from flops.csv."""
    entries = {entry.model: entry for entry in published.read(TABLES).models}
    with (ROOT / "tests" / "data" / "flops.csv").open(newline="") as file:
        return [
            _model(entries[row["model"]]).model_copy(
                update={
                    "input_size": int(row["input"]),
                    "params": int(row["params"]),
                    "conv_macs": round(float(row["luigi_conv_only_gmacs"]) * 1e9),
                    "weights_mib": (int(row["params"]) + int(row["buffers"])) * 4 / 2**20,
                }
            )
            for row in csv.DictReader(file)
        ]


def examined(
    models: list[ModelRow], rows: list[StudyRow], hardware: dict[str, str] | None = None
) -> tuple[Findings, list[ReplicationRow]]:
    """Return the findings on the published study for these networks and measured cells."""
    with patch.object(corrections, "best_relabeling", _best_relabeling):
        return examine(
            published.read(TABLES),
            published.read_best(TABLES),
            published.read_claims(TABLES),
            {key: network.family for key, network in registry.load_registry().items()},
            models,
            rows,
            hardware or {},
        )


@cache
def found() -> tuple[Findings, list[ReplicationRow]]:
    """Return the findings for all counted networks and the made-up CPU; do not change them."""
    return examined(counted(), invented_cells())


def _best_relabeling(*arguments: Any) -> Any:
    """Cache the real function by table, since most studies share the printed tables."""
    table = repr(arguments)
    if table not in _relabelings:
        _relabelings[table] = best_relabeling(*arguments)
    return _relabelings[table]


_relabelings: dict[str, Any] = {}


def invented_cells() -> list[StudyRow]:
    """Return the made-up CPU's rows."""
    models = [_model(entry) for entry in published.read(TABLES).models]
    return [_cell(i, row, size) for i, row in enumerate(models) for size in (1, 8)]


def environment() -> Environment:
    return Environment(
        device="cpu",
        backend="cpu",
        recorded=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        hostname="<b>host</b>",
        os="Debian GNU/Linux 12",
        kernel="6.1",
        cpu="A processor",
        cores=2,
        threads=2,
        memory_mib=16384,
        virtual_machine=None,
        governor=None,
        turbo=None,
        max_mhz=None,
        python="3.11.2",
        packages={"torch": "2.14.1"},
        torch_config="built with care",
        commit=None,
        modified=None,
        lock_sha256=None,
    )


def _model(entry: published.ModelEntry) -> ModelRow:
    macs, params = int(entry.conv_gmacs_figure * 1e9), int(entry.params_m_figure * 1e6)
    accuracy: dict[str, float | str | None] = dict.fromkeys(
        columns(ModelRow)[len(columns(Complexity)) :]
    )
    accuracy |= {"top1": entry.top1, "top1_source": f"published:{entry.top1_source}"}
    accuracy |= {"top1_published": entry.top1, "top5_published": entry.top5}
    accuracy |= {"top5": entry.top5, "top5_source": f"published:{entry.top5_source}"}
    return ModelRow.model_validate(
        {
            "model": entry.model,
            "spec": entry.model,
            "input_size": 224,
            "params": params,
            "params_executed": params,
            "macs": macs,
            "flops": 2 * macs,
            "conv_macs": macs,
            "grouped_macs": 0,
            "thop_macs": None,
            "linear_mib": 4.0,
            "traffic_mib": 60.0,
            "operators": 80,
            "weights_mib": params * 4 / 2**20,
            "activations_mib": 20.0,
            **accuracy,
        }
    )


def _cell(number: int, model: ModelRow, batch_size: int) -> StudyRow:
    status = STATUSES.get((model.model, batch_size), "ok")
    stability = {0: "noisy", 4: "disturbed"}.get(number % 9, "stable")
    time = model.conv_macs / 5e7 * (1 + number % 5 / 4) + 3
    spread = 1.08 if stability == "noisy" else 1.02
    oom = status == "oom"
    timed = {
        "latency_ms": time,
        "latency_ms_low": time / spread,
        "latency_ms_high": time * spread,
        "latency_df": 4.0,
        "latency_quiet_ms": time / 1.01,
        "batch_ms": time * batch_size,
        "fps": 1000 / time,
        "rounds": 5,
        "processes": 5,
        "stability": stability,
        "stability_reason": REASONS.get(stability),
        "page_faults": 1500.0 + number,
        "system_ms": 2.5,
    }
    memory = model.weights_mib + (20 + number % 7 * 9) * batch_size
    return StudyRow.partial(
        **{
            "device": "cpu",
            "model": model.model,
            "variant": "fp32-eager",
            "batch_size": batch_size,
            "protocol": "default",
            "session": "2026-01-02T03:04",
            "schema_version": SCHEMA_VERSION,
            "source": "measured",
            "status": status,
            **(timed if status == "ok" else {}),
            "memory_status": "oom" if oom else "ok",
            "memory_mib": None if oom else memory,
            "memory_basis": None if oom else "net",
            "memory_net_mib": None if oom else memory,
            "memory_runtime_mib": None if oom else 1200.0,
            "weights_mib": model.weights_mib,
            "activations_mib": 20.0,
            "top1": model.top1,
            "top5": model.top5,
            "accuracy_source": model.top1_source,
        }
    )
