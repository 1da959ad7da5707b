from datetime import UTC, datetime
from typing import Any

from dnnbench.records.complexity_records import Complexity
from dnnbench.records.disturbance_records import Disturbance
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryCell, MemoryRecord
from dnnbench.records.plan import Plan
from dnnbench.tables import accuracy_ranking

STARTED = datetime(2026, 11, 24, 9, 12, tzinfo=UTC)


ACCURACY = accuracy_ranking.Accuracy(70.0, "published:table3", 90.0, "published:figure")


PLAN = Plan("cpu", ["fp32-eager"], [1], 5, "default")


# Five process medians around 10 ms, 1% apart: half-width 2.776 x 1.58% / sqrt(5) = 1.96%.
QUIET = (10.0, 9.9, 10.1, 9.8, 10.2)


def seen(**changes: Any) -> Disturbance:
    """Return the disturbance on a quiet machine, with ``changes``."""
    fields: dict[str, Any] = {
        "steal": 0.0,
        "run_delay": 0.001,
        "involuntary_switches": 2,
        "busy_before": 0.0,
        "reference_compute_ms": (50.0, 51.0),
        "reference_memory_ms": (60.0, 61.0),
    }
    return Disturbance(**(fields | changes))


def line(round_: int, *samples: float, **changes: Any) -> LatencyLine:
    """Return a record of one cell: resnet18 at batch size 1 on an undisturbed machine."""
    fields: dict[str, Any] = {
        "device": "cpu",
        "variant": "fp32-eager",
        "model": "resnet18",
        "batch_size": 1,
        "round": round_,
        "session": "2026-11-24T09:12",
        "protocol": "default",
        "fingerprint": "f",
        "status": "ok",
        "discarded_ms": [20.0],
        "samples_ms": list(samples),
        "threads": 2,
        "wait_policy": "default",
        "output_ok": True,
        "disturbance": seen(),
        "cell_timeout_s": 60,
        "cell_s": 1,
        "started": STARTED,
    }
    return LatencyLine(**(fields | changes))


def complexity(model: str = "resnet18") -> Complexity:
    return Complexity(
        model=model,
        spec=model,
        input_size=224,
        params=11689512,
        params_executed=11689512,
        macs=1814073344,
        flops=3628146688,
        conv_macs=1813561344,
        grouped_macs=0,
        thop_macs=None,
        linear_mib=3.9,
        traffic_mib=61.2,
        operators=69,
        weights_mib=44.629,
        activations_mib=9.2,
    )


def memory(model: str = "resnet18", *cells: MemoryCell, **changes: Any) -> MemoryRecord:
    fields: dict[str, Any] = {
        "device": "cpu",
        "variant": "fp32-eager",
        "model": model,
        "fingerprint": "0123456789ab",
        "threads": 2,
        "cell_timeout_s": 120,
        "started": STARTED,
        "cells": list(cells) or [memory_cell(1)],
    }
    return MemoryRecord(**(fields | changes))


def memory_cell(batch_size: int, **changes: Any) -> MemoryCell:
    fields: dict[str, Any] = {
        "batch_size": batch_size,
        "status": "ok",
        "memory_mib": 76.5,
        "memory_basis": "net",
        "memory_net_mib": 76.5,
        "memory_runtime_mib": 310.0,
        "weights_mib": 44.6,
        "activations_mib": 9.2,
    }
    return MemoryCell(**(fields | changes))
