"""The study of helpers/studies.py, whose CPU also runs five other variants of each network.

All ratios and changes of accuracy are invented, but plausible: engines are faster than eager, int8
loses a little accuracy, small networks lose more, and bf16 helps some networks only. Half of the
networks have no accuracy in bf16. SENet-154 fails in fp32-eager at batch size 1 and in
int8-openvino. One in seven networks is disturbed in int8-onnxruntime.
"""

import random
import zlib
from functools import cache

from dnnbench.config.variants import REFERENCE
from dnnbench.records.study_records import ModelRow, StudyRow, VariantRow
from dnnbench.report.figures.results import Results
from dnnbench.tables.stability import worse
from helpers.studies import REASONS, invented_cells, results, tables

# The lowest and highest ratio of latencies, and of the size of the weights.
_FACTORS = {
    "fp32-onnxruntime": (0.55, 0.95, 1.0),
    "fp32-openvino": (0.40, 0.90, 1.0),
    "int8-onnxruntime": (0.25, 0.80, 0.26),
    "int8-openvino": (0.18, 0.50, 0.26),
    "bf16-eager": (0.60, 1.60, 0.5),
}
VARIANTS = (REFERENCE, *_FACTORS)
DATASET = "imagenetv2"
_BROKEN = ("senet154", "int8-openvino")
_SMALL_M = 6


@cache
def study() -> Results:
    """Return the study with its comparison of variants."""
    rows, models = six_variants()
    return results(rows, models, variants=ratios(rows))


@cache
def six_variants() -> tuple[list[StudyRow], list[ModelRow]]:
    """Return the rows of study.csv and models.csv; do not change them."""
    rows, models = tables()
    params_m = {row.model: row.params / 1e6 for row in models}
    # If fp32-eager failed, take the latency of the other batch size.
    timed = {row.model: row for row in invented_cells() if row.status == "ok"}
    own = [
        _other(variant, timed[row.model] if row.model == _BROKEN[0] else row, row, params_m)
        for variant in _FACTORS
        for row in invented_cells()
    ]
    measured = [row for row in rows if row.device == "cpu"]
    return [*measured, *own, *(row for row in rows if row.device != "cpu")], models


def ratios(rows: list[StudyRow]) -> list[VariantRow]:
    """Return the rows of variants.csv that go with these rows of study.csv."""
    cells = {(row.variant, row.model, row.batch_size): row for row in rows if row.device == "cpu"}
    found = []
    for (variant, model, size), row in cells.items():
        if variant == REFERENCE:
            continue
        reference = cells[REFERENCE, model, size]
        both = row.latency_ms is not None and reference.latency_ms is not None
        ratio = (row.latency_ms or 0) / (reference.latency_ms or 1) if both else None
        memory = None
        if row.memory_mib is not None and reference.memory_mib is not None:
            memory = row.memory_mib - reference.memory_mib
        found.append(
            VariantRow(
                device=row.device,
                model=model,
                variant=variant,
                batch_size=size,
                status=row.status,
                stability=worse(row.stability, reference.stability),
                message=row.stability_reason,
                rounds=5 if both else 0,
                time_ratio=ratio,
                time_ratio_low=ratio and ratio * 0.98,
                time_ratio_high=ratio and ratio * 1.02,
                memory_more_mib=memory,
                built_ms=None if variant.endswith("eager") else 1800.0,
                largest_difference=None if row.status == "failed" else 0.002,
                top1_same=None if row.status == "failed" else 99.0,
                top1_change=row.top1_change,
                top1_change_low=row.top1_change_low,
                top1_change_high=row.top1_change_high,
            )
        )
    return found


def _other(variant: str, timed: StudyRow, row: StudyRow, params_m: dict[str, float]) -> StudyRow:
    """Return the cell of another variant, given that of fp32-eager.

    ``timed``: a cell of the network with a latency, or ``row`` to repeat its status.
    """
    # The same dice for both batch sizes, so that a network's ratios are alike.
    dice = random.Random(zlib.crc32(f"{variant} {row.model}".encode()))
    low, high, size = _FACTORS[variant]
    ratio = dice.uniform(low, high)
    changes: dict[str, object] = {"variant": variant, **_accuracy(variant, row, params_m, dice)}
    if row.memory_mib is not None and row.weights_mib is not None:
        memory = row.weights_mib * size + (row.memory_mib - row.weights_mib) * dice.uniform(0.7, 1)
        changes |= {"memory_mib": memory, "memory_net_mib": memory}
    disturbed = variant == "int8-onnxruntime" and dice.random() < 1 / 7
    stability = "disturbed" if disturbed else timed.stability and "stable"
    if (row.model, variant) == _BROKEN:
        timed = timed.model_copy(update=_FAILED)
    elif timed.latency_ms is not None:
        time, spread = timed.latency_ms * ratio, 1.02
        changes |= {
            "status": "ok",
            "latency_ms": time,
            "latency_ms_low": time / spread,
            "latency_ms_high": time * spread,
            "latency_df": timed.latency_df,
            "latency_quiet_ms": time / 1.01,
            "batch_ms": time * row.batch_size,
            "fps": 1000 / time,
            "rounds": 5,
            "processes": 5,
            "stability": stability,
            "stability_reason": REASONS.get(stability or ""),
        }
    return timed.model_copy(update={"batch_size": row.batch_size, **changes})


def _accuracy(
    variant: str, row: StudyRow, params_m: dict[str, float], dice: random.Random
) -> dict[str, object]:
    """Return the columns of accuracy: measured on some images for int8 and half of bf16."""
    if row.top1 is None or row.top5 is None or variant.startswith("fp32"):
        return {"top1_change": 0.0}
    if variant == "bf16-eager" and dice.random() < 0.5:
        return _UNKNOWN
    small = params_m[row.model] < _SMALL_M
    loss = 0.05 if variant == "bf16-eager" else dice.uniform(1.5, 6) if small else dice.random()
    half = 0.1 if variant == "bf16-eager" else 0.4
    return {
        "top1": row.top1 - loss,
        "top5": row.top5 - loss / 2,
        "top1_low": row.top1 - loss - half,
        "top1_high": row.top1 - loss + half,
        "top1_change": -loss,
        "top1_change_low": -loss - half,
        "top1_change_high": -loss + half,
        "accuracy_source": f"published+measured:{DATASET}",
    }


_UNKNOWN: dict[str, object] = {"top1": None, "top5": None, "accuracy_source": None}
_FAILED: dict[str, object] = {
    **dict.fromkeys(
        (
            *("latency_ms", "latency_ms_low", "latency_ms_high", "latency_df", "latency_quiet_ms"),
            *("batch_ms", "fps", "rounds", "processes", "stability"),
        )
    ),
    "status": "failed",
    "stability_reason": "the largest difference of the logits is 0.4",
}
