from typing import Any

from dnnbench.records.comparison_records import ComparisonRow
from dnnbench.records.study_records import ModelRow, StudyRow
from helpers import studies

DEVICE = "cpu"


def row(model: str, **changes: object) -> StudyRow:
    """Return a row: 10 ms (9.5 to 10.5), 100 MiB, 70.00% as printed in the paper."""
    return StudyRow.partial(
        **{
            "device": DEVICE,
            "model": model,
            "variant": "fp32-eager",
            "batch_size": 1,
            "schema_version": 1,
            "source": "measured",
            "status": "ok",
            "latency_ms": 10.0,
            "latency_ms_low": 9.5,
            "latency_ms_high": 10.5,
            "memory_status": "ok",
            "memory_mib": 100.0,
            "memory_basis": "net",
            "top1": 70.0,
            "accuracy_source": "published:table3",
            **changes,
        }
    )


def model_row(key: str, params: int = 10_000_000, **accuracy: object) -> ModelRow:
    (template, *_) = studies.tables()[1]
    fields: dict[str, Any] = {"model": key, "params": params, "params_executed": params}
    return template.model_copy(update=fields | accuracy)


def comparison(a: str, b: str, holm_p: float, dataset: str = "imagenet") -> ComparisonRow:
    return ComparisonRow(
        dataset=dataset,
        protocol="bianco2018",
        model_a=a,
        model_b=b,
        n=50_000,
        top1_diff=0.5,
        low=0.2,
        high=0.8,
        mcnemar_p=holm_p / 2,
        holm_p=holm_p,
    )
