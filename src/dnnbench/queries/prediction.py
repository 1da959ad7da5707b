"""Predict inference time from what networks cost, given the times of a few on the same device.

Time an image is taken to be a sum of parts, each in proportion to something that a forward pass has
to do whatever the device: multiply-adds of grouped and of all other kinds, bytes that matrix
products and that all other operators move, and the operators themselves, each of which costs a
call. The rates are the device's. They cannot be negative, and are fitted by least squares of
*relative* errors (:func:`scipy.optimize.nnls`): a fast network counts as much as a slow one.

How good that is on a device is asked of the networks that were timed there: each is predicted from
all others (leave one out). Their errors, as logarithms of ratios, also make the 95 % interval of a
prediction, with the quantile of Student's t. docs/method.md says how often it held.
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

# Five rates are fitted; below this the errors left out one by one say little.
MIN_NETWORKS = 8

Array = NDArray[np.float64]

# What a pass has to do, as a person would name it.
_PARTS: dict[str, Callable[[Any], float]] = {
    "grouped multiply-adds": lambda row: row.grouped_macs,
    "other multiply-adds": lambda row: row.macs - row.grouped_macs,
    "bytes of matrix products": lambda row: row.linear_mib,
    "bytes of other operators": lambda row: row.traffic_mib,
    "operators": lambda row: row.operators,
}


class Prediction(Record):
    """Predicted time of a network, ms an image, with its 95 % interval.

    ``beyond``: the parts of which it has more than any network that was timed, joined by +.
    """

    device: DeviceName
    batch_size: BatchSize
    model: ModelName
    latency_ms: Positive
    latency_ms_low: Positive
    latency_ms_high: Positive
    beyond: str | None


class Quality(Record):
    """Relative errors of ``networks`` timed ones, each predicted from all others.

    ``line_*``: those of a straight line on multiply-adds, by ordinary least squares.
    """

    networks: int
    median_error: float
    p90_error: float
    line_median_error: float
    line_p90_error: float


@dataclass(frozen=True)
class TimeModel:
    """The rates of a device at a batch size; ``spread``: factor of the 95 % interval."""

    rates: Array
    largest: Array
    spread: float
    quality: Quality

    def predict(self, device: str, batch_size: int, row: Complexity) -> Prediction:
        """The time of a network from what it costs."""
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
    """Fit the rates of a device to the times an image of ``networks``, one each.

    Raises ValueError for fewer than ``MIN_NETWORKS``.
    """
    if len(networks) < MIN_NETWORKS:
        raise ValueError(f"{len(networks)} networks; {MIN_NETWORKS} are needed")
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
    """Times of the networks that were timed and whose costs are known, ms an image, by key."""
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
    """Rows of ``predicted`` networks on every device and batch size of ``study``.

    A network that has a row there has none here. Where fewer than ``MIN_NETWORKS`` were timed, and
    of a network that could not be counted, the status of the time is not_measured. ``models``: rows
    of models.csv, by key.
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
    """A prediction as a row of the study, with the accuracy of its network; memory not known."""
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
        **time,
    )


def _parts(networks: Iterable[Complexity]) -> Array:
    """Networks x parts."""
    return np.array([[count(row) for count in _PARTS.values()] for row in networks])


def _rates(parts: Array, times: Array) -> Array:
    # Parts differ by nine orders of magnitude, and one may be absent from all networks.
    scale = np.where(parts.any(axis=0), parts.mean(axis=0), 1.0)
    return np.asarray(nnls(parts / scale / times[:, None], np.ones(len(times)))[0] / scale)


def _line(parts: Array, times: Array) -> Array:
    return np.asarray(np.linalg.lstsq(parts, times)[0])


def _leave_one_out(solve: Callable[[Array, Array], Array], parts: Array, times: Array) -> Array:
    """Each network's time by the rates that all others give."""
    others = ~np.eye(len(times), dtype=bool)
    return np.array([parts[at] @ solve(parts[rest], times[rest]) for at, rest in enumerate(others)])
