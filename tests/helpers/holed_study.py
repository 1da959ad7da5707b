"""The study of helpers/studies.py, with measured accuracy and every kind of missing number."""

import random
from collections.abc import Sequence
from typing import Any

from dnnbench.records.comparison_records import ComparisonRow
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.report import explorer_data
from dnnbench.report.figures.results import Results
from helpers.studies import results, tables


def with_measured_accuracy(rows: Sequence[StudyRow], models: Sequence[ModelRow]) -> Results:
    """Return the study with accuracy measured on the CPU and most pairs tested."""
    source = "measured:imagenet"
    known = [
        row.model_copy(
            update={
                "top1_low": row.top1 - 0.4 if row.top1 else None,
                "top1_high": row.top1 + 0.4 if row.top1 else None,
                "top1_source": source,
            }
        )
        for row in models
    ]
    own = [
        row.model_copy(update={"accuracy_source": source}) if row.device == "cpu" else row
        for row in rows
    ]
    dice = random.Random(6)
    comparisons = [
        ComparisonRow(
            dataset="imagenet",
            protocol="bianco2018",
            model_a=a.model,
            model_b=b.model,
            n=50_000,
            top1_diff=(a.top1 or 0) - (b.top1 or 0),
            low=-1,
            high=1,
            mcnemar_p=0.01,
            holm_p=0.5 if abs((a.top1 or 0) - (b.top1 or 0)) < dice.random() else 0.01,
        )
        for i, a in enumerate(known)
        for b in known[i + 1 :]
        if dice.random() < 0.8
    ]
    return results(own, known, comparisons=comparisons)


def with_holes() -> Results:
    """Return the measured study with every kind of missing number."""
    rows, models = tables()
    holes: dict[tuple[str, str, int], dict[str, Any]] = {
        ("cpu", "alexnet", 1): {"memory_status": "oom", "memory_mib": None, "memory_basis": None},
        ("cpu", "resnet50", 1): {"top1": None, "top5": None, "accuracy_source": None},
        ("cpu", "resnet18", 1): {
            "latency_ms_low": None,
            "latency_ms_high": None,
            "stability": None,
        },
        ("cpu", "vgg16", 1): {"memory_status": "timeout", "memory_mib": None},
        ("titanxp-2018", "vgg16", 64): {"status": "oom", "latency_ms": None, "fps": None},
    }
    changed = [
        row.model_copy(update=holes.get((row.device, row.model, row.batch_size), {}))
        for row in rows
    ]
    return with_measured_accuracy(changed, models)


def tables_of(shown: Results) -> tuple[list[StudyRow], dict[str, ModelRow]]:
    rows = explorer_data.records(shown.study, StudyRow)
    return rows, {row.model: row for row in explorer_data.records(shown.models, ModelRow)}
