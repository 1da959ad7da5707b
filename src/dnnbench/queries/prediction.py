"""Prediction of latency from cost, fitted to networks on the same device.

The model takes latency per image as a sum of parts. Each part is proportional to a cost that does
not depend on the device: grouped multiply-adds, other multiply-adds, bytes moved by matrix
products, bytes moved by other operators, and the number of operators, each of which costs a call.
The rates depend on the device. They cannot be negative, and are fitted by least squares of
*relative* errors (:func:`scipy.optimize.nnls`), so that fast networks count as much as slow ones.

To assess the fit, each measured network is predicted from all others (leave-one-out). The errors,
as logarithms of ratios, also give the 95% prediction interval, with the quantile of Student's t.
For how often the interval holds, see docs/explanation/prediction.md.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.stats import t as student

from dnnbench.config.variants import REFERENCE
from dnnbench.records.base import SCHEMA_VERSION, BatchSize, DeviceName, ModelName, Positive, Record
from dnnbench.records.complexity_records import Complexity
from dnnbench.records.study_records import ModelRow, StudyRow

# Five rates are fitted; with fewer networks, leave-one-out errors are not meaningful.
MIN_NETWORKS = 8

Array = NDArray[np.float64]

# Costs of a pass, by the name that users see.
_PARTS: dict[str, Callable[[Any], float]] = {
    "grouped multiply-adds": lambda row: row.grouped_macs,
    "other multiply-adds": lambda row: row.macs - row.grouped_macs,
    "bytes of matrix products": lambda row: row.linear_mib,
    "bytes of other operators": lambda row: row.traffic_mib,
    "operators": lambda row: row.operators,
}


class Prediction(Record):
    """Predicted latency of a network with its 95% prediction interval."""

    device: DeviceName
    """Name of the device."""
    batch_size: BatchSize
    """Images per forward pass."""
    model: ModelName
    """Key of the network."""
    latency_ms: Positive
    """Predicted latency per image."""
    latency_ms_low: Positive
    """Lower end of the interval."""
    latency_ms_high: Positive
    """Upper end of the interval."""
    beyond: str | None
    """Costs, joined by ``+``, that exceed those of every measured network."""


class Quality(Record):
    """Relative errors over the measured ``networks``, each predicted from all others.

    ``line_*`` are the errors of a straight line on multiply-adds, fitted by ordinary least squares.
    """

    networks: int
    median_error: float
    p90_error: float
    line_median_error: float
    line_p90_error: float


@dataclass(frozen=True)
class TimeModel:
    """Fitted rates of a device at a batch size.

    ``spread`` is the factor of the 95% interval.
    """

    rates: Array
    largest: Array
    spread: float
    quality: Quality

    def predict(self, device: str, batch_size: int, row: Complexity) -> Prediction:
        """Return the predicted latency of a network from its cost."""
        (parts,) = _parts([row])
        time = float(parts @ self.rates)
        more = [name for name, beyond in zip(_PARTS, parts > self.largest, strict=True) if beyond]
        return Prediction(
            device=device,
            batch_size=batch_size,
            model=row.model,
            latency_ms=time,
            latency_ms_low=time / self.spread,
            latency_ms_high=time * self.spread,
            beyond="+".join(more) or None,
        )


def fit(networks: Sequence[Complexity], times_ms: Sequence[float]) -> TimeModel:
    """Fit a device's rates to latencies of ``networks``, ms per image, in order.

    Raises ValueError for fewer than ``MIN_NETWORKS``.
    """
    if len(networks) < MIN_NETWORKS:
        raise ValueError(f"{len(networks)} networks: expected at least {MIN_NETWORKS}")
    parts, times = _parts(networks), np.asarray(times_ms)
    left_out = _leave_one_out(_rates, parts, times)
    line = np.column_stack([np.ones(len(times)), parts[:, 0] + parts[:, 1]])
    by_line = _leave_one_out(_line, line, times)
    deviation = math.sqrt(float(np.mean(np.log(times / left_out) ** 2)))
    errors, line_errors = (np.abs(found / times - 1) for found in (left_out, by_line))
    return TimeModel(
        rates=_rates(parts, times),
        largest=parts.max(axis=0),
        spread=math.exp(float(student.ppf(0.975, len(times) - 1)) * deviation),
        quality=Quality(
            networks=len(times),
            median_error=float(np.median(errors)),
            p90_error=float(np.quantile(errors, 0.9)),
            line_median_error=float(np.median(line_errors)),
            line_p90_error=float(np.quantile(line_errors, 0.9)),
        ),
    )


def timed(
    rows: Iterable[StudyRow], models: Mapping[str, Complexity], device: str, batch_size: int
) -> dict[str, float]:
    """Return measured latencies, ms per image, of networks with known costs."""
    return {
        row.model: row.latency_ms
        for row in rows
        if (row.device, row.variant, row.batch_size) == (device, REFERENCE, batch_size)
        and row.status == "ok"
        and row.source != "predicted"
        and row.latency_ms is not None
        and row.model in models
        and models[row.model].complexity_status == "ok"
    }


def rows(
    study: Sequence[StudyRow], models: Mapping[str, ModelRow], predicted: Iterable[str]
) -> list[StudyRow]:
    """Return rows of ``predicted`` for each device and batch size of ``study``.

    A network that has a row in ``study`` is skipped. The status is not_measured if fewer than
    ``MIN_NETWORKS`` were measured, or if the network's cost is unknown. ``models`` are the rows of
    models.csv, by key.
    """
    names = list(predicted)
    if not names:
        return []
    cells = dict.fromkeys((row.device, row.batch_size) for row in study if row.variant == REFERENCE)
    there = {(row.device, row.batch_size, row.model) for row in study}
    found = []
    for device, batch_size in cells:
        times = timed(study, models, device, batch_size)
        enough = len(times) >= MIN_NETWORKS
        fitted = fit([models[key] for key in times], list(times.values())) if enough else None
        for name in names:
            if (device, batch_size, name) not in there:
                counted = models[name].complexity_status == "ok"
                made = (
                    fitted.predict(device, batch_size, models[name]) if fitted and counted else None
                )
                found.append(
                    study_row(made, models[name])
                    if made
                    else _row(device, batch_size, models[name], status="not_measured")
                )
    return found


def study_row(prediction: Prediction, model: ModelRow) -> StudyRow:
    """Return a prediction as a row of the study, with accuracy but no memory."""
    time, size = prediction.latency_ms, prediction.batch_size
    return _row(
        prediction.device,
        size,
        model,
        status="ok",
        latency_ms=time,
        latency_ms_low=prediction.latency_ms_low,
        latency_ms_high=prediction.latency_ms_high,
        batch_ms=time * size,
        fps=1000 / time,
    )


def _row(device: str, batch_size: int, model: ModelRow, **time: Any) -> StudyRow:
    return StudyRow.partial(
        device=device,
        model=model.model,
        variant=REFERENCE,
        batch_size=batch_size,
        schema_version=SCHEMA_VERSION,
        source="predicted",
        memory_status="not_measured",
        top1=model.top1,
        top5=model.top5,
        accuracy_source=model.top1_source,
        top1_low=model.top1_low,
        top1_high=model.top1_high,
        **time,
    )


def _parts(networks: Iterable[Complexity]) -> Array:
    """Return the costs as [networks, parts]."""
    return np.array([[count(row) for count in _PARTS.values()] for row in networks])


def _rates(parts: Array, times: Array) -> Array:
    # Costs differ by nine orders of magnitude, and one may be zero for all networks.
    scale = np.where(parts.any(axis=0), parts.mean(axis=0), 1.0)
    return np.asarray(nnls(parts / scale / times[:, None], np.ones(len(times)))[0] / scale)


def _line(parts: Array, times: Array) -> Array:
    return np.asarray(np.linalg.lstsq(parts, times)[0])


def _leave_one_out(solve: Callable[[Array, Array], Array], parts: Array, times: Array) -> Array:
    """Return each network's latency, predicted with the rates fitted to all others."""
    others = ~np.eye(len(times), dtype=bool)
    return np.array([parts[at] @ solve(parts[rest], times[rest]) for at, rest in enumerate(others)])
