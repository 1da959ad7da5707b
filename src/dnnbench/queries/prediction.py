"""Prediction of latency on a device, fitted to the networks that were measured there.

The model takes latency per image as a sum of parts. Each part is proportional to a cost that does
not depend on the device: grouped multiply-adds, other multiply-adds, bytes moved by matrix
products, bytes moved by other operators, and the number of operators, each of which costs a call.
The rates depend on the device, the variant and the batch size. They cannot be negative, and are
fitted by least squares of *relative* errors (:func:`scipy.optimize.nnls`), so that fast networks
count as much as slow ones.

In a variant other than fp32-eager, the latency in fp32-eager is a sixth part, for networks that
were measured there too. Its rate is the share of that latency which the variant does not save, and
zero if the costs explain the variant as well.

To assess a fit, each measured network is predicted from all others (leave-one-out). The errors, as
logarithms of ratios, also give the 95% prediction interval, with the quantile of Student's t. The
sixth part is used only if it makes the root mean square of these errors smaller. For how often the
interval holds, see docs/explanation/prediction.md.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.stats import t as student

from dnnbench.config.variants import REFERENCE
from dnnbench.records.base import BatchSize, DeviceName, ModelName, Positive, Record
from dnnbench.records.complexity_records import Complexity
from dnnbench.records.study_records import StudyRow

# Five rates are fitted; with fewer networks, leave-one-out errors are not meaningful.
MIN_NETWORKS = 8

Array = NDArray[np.float64]
Basis = Literal["costs", "reference"]

# Costs of a pass, by the name that users see.
_PARTS: dict[str, Callable[[Any], float]] = {
    "grouped multiply-adds": lambda row: row.grouped_macs,
    "other multiply-adds": lambda row: row.macs - row.grouped_macs,
    "bytes of matrix products": lambda row: row.linear_mib,
    "bytes of other operators": lambda row: row.traffic_mib,
    "operators": lambda row: row.operators,
}


class Conditions(NamedTuple):
    """Conditions that networks are timed in."""

    device: str
    batch_size: int
    variant: str = REFERENCE


class Prediction(Record):
    """Predicted latency of a network in a variant, with its 95% prediction interval."""

    device: DeviceName
    """Name of the device."""
    variant: str
    """Variant: precision, engine and layout."""
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
    basis: Basis
    """Basis of the prediction: the network's ``costs``, or also the ``reference``, its latency in
    ``fp32-eager``."""
    beyond: str | None
    """Costs, joined by ``+``, that exceed those of every network measured in the variant."""


class Quality(Record):
    """Relative errors of one way to predict a variant, as a share.

    Each of the measured ``networks`` is predicted from all others. ``line`` is a straight line on
    multiply-adds, fitted by ordinary least squares, for comparison.
    """

    variant: str
    basis: Basis | Literal["line"]
    networks: int
    median_error: float
    p90_error: float


@dataclass(frozen=True)
class _Fit:
    """Fitted rates.

    ``left_out`` is each network's latency, predicted from all others, divided by the measured one.
    """

    rates: Array
    left_out: Array

    @property
    def spread(self) -> float:
        """Factor of the 95% prediction interval."""
        quantile = float(student.ppf(0.975, len(self.left_out) - 1))
        return math.exp(quantile * _deviation(self.left_out))


@dataclass(frozen=True)
class TimeModel:
    """Fits to the networks that were measured in the same conditions.

    ``costs`` uses the costs of a network; ``paired`` also its latency in fp32-eager, and is None if
    that predicts worse. ``reference_ms`` has these latencies, by network. ``largest`` has the
    largest costs of the measured networks.
    """

    costs: _Fit
    paired: _Fit | None
    reference_ms: Mapping[str, float]
    largest: Array
    quality: Sequence[Quality]

    def predict(self, where: Conditions, row: Complexity) -> Prediction:
        """Return the predicted latency of a network."""
        (parts,) = _parts([row])
        more = [name for name, beyond in zip(_PARTS, parts > self.largest, strict=True) if beyond]
        basis: Basis
        fit, basis = self.costs, "costs"
        if self.paired and row.model in self.reference_ms:
            fit, basis = self.paired, "reference"
            parts = np.append(parts, self.reference_ms[row.model])
        time = float(parts @ fit.rates)
        return Prediction(
            **where._asdict(),
            model=row.model,
            latency_ms=time,
            latency_ms_low=time / fit.spread,
            latency_ms_high=time * fit.spread,
            basis=basis,
            beyond="+".join(more) or None,
        )


def fit(
    networks: Sequence[Complexity],
    times_ms: Sequence[float],
    variant: str = REFERENCE,
    reference_ms: Mapping[str, float] | None = None,
) -> TimeModel:
    """Fit rates to latencies of ``networks`` in ``variant``, ms per image, in order.

    For another variant than fp32-eager, ``reference_ms`` has latencies in fp32-eager, by network.
    Raises ValueError for fewer than ``MIN_NETWORKS``.
    """
    if len(networks) < MIN_NETWORKS:
        raise ValueError(f"{len(networks)} networks: expected at least {MIN_NETWORKS}")
    parts, times = _parts(networks), np.asarray(times_ms)
    costs = _fitted(_rates, parts, times)
    by_basis: dict[Basis | Literal["line"], _Fit] = {"costs": costs}
    paired = None
    known = reference_ms or {}
    both = [at for at, row in enumerate(networks) if row.model in known]
    if len(both) >= MIN_NETWORKS:
        reference = [known[networks[at].model] for at in both]
        paired = _fitted(_rates, np.column_stack([parts[both], reference]), times[both])
        by_basis["reference"] = paired
        if _deviation(paired.left_out) >= _deviation(costs.left_out[both]):
            paired = None
    line = np.column_stack([np.ones(len(times)), parts[:, 0] + parts[:, 1]])
    by_basis["line"] = _fitted(_line, line, times)
    return TimeModel(
        costs=costs,
        paired=paired,
        reference_ms=known,
        largest=parts.max(axis=0),
        quality=[_quality(variant, basis, one.left_out) for basis, one in by_basis.items()],
    )


def fit_measured(
    study: Sequence[StudyRow], models: Mapping[str, Complexity], where: Conditions
) -> TimeModel | None:
    """Fit rates to the networks of a study that were measured in the given conditions.

    Return None for fewer than ``MIN_NETWORKS``.
    """
    times = timed(study, models, where)
    if len(times) < MIN_NETWORKS:
        return None
    reference = where._replace(variant=REFERENCE)
    reference_ms = {} if where == reference else timed(study, models, reference)
    networks = [models[key] for key in times]
    return fit(networks, list(times.values()), where.variant, reference_ms)


def timed(
    rows: Iterable[StudyRow], models: Mapping[str, Complexity], where: Conditions
) -> dict[str, float]:
    """Return measured latencies, ms per image, of networks with known costs."""
    return {
        row.model: row.latency_ms
        for row in rows
        if (row.device, row.batch_size, row.variant) == where
        and row.status == "ok"
        and row.source != "predicted"
        and row.latency_ms is not None
        and row.model in models
        and models[row.model].complexity_status == "ok"
    }


def _deviation(left_out: Array) -> float:
    """Return the root mean square of leave-one-out errors, as logarithms."""
    return math.sqrt(float(np.mean(np.log(left_out) ** 2)))


def _quality(variant: str, basis: Basis | Literal["line"], left_out: Array) -> Quality:
    errors = np.abs(left_out - 1)
    return Quality(
        variant=variant,
        basis=basis,
        networks=len(errors),
        median_error=float(np.median(errors)),
        p90_error=float(np.quantile(errors, 0.9)),
    )


def _parts(networks: Iterable[Complexity]) -> Array:
    """Return the costs as [networks, parts]."""
    return np.array([[count(row) for count in _PARTS.values()] for row in networks])


def _fitted(solve: Callable[[Array, Array], Array], parts: Array, times: Array) -> _Fit:
    others = ~np.eye(len(times), dtype=bool)
    left_out = [parts[at] @ solve(parts[rest], times[rest]) for at, rest in enumerate(others)]
    return _Fit(solve(parts, times), np.array(left_out) / times)


def _rates(parts: Array, times: Array) -> Array:
    # Costs differ by nine orders of magnitude, and one may be zero for all networks.
    scale = np.where(parts.any(axis=0), parts.mean(axis=0), 1.0)
    return np.asarray(nnls(parts / scale / times[:, None], np.ones(len(times)))[0] / scale)


def _line(parts: Array, times: Array) -> Array:
    return np.asarray(np.linalg.lstsq(parts, times)[0])
