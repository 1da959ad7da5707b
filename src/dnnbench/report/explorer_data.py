"""Data for the explorer: numbers of ``pick`` for all devices and batch sizes.

The code behind :func:`dnnbench.queries.best_fit.pick` computes the numbers, bounds, and ties, and
the limits at which each network would fit. The page's scripts only compare the numbers with
the limits that the user sets (templates/judging.js).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from dnnbench.core.formatting import STABILITY_MARKS, loosened
from dnnbench.core.storage import R, columns
from dnnbench.queries import latency_verdicts
from dnnbench.queries.accuracy_ties import Ties
from dnnbench.queries.best_fit import entry, entry_type, needed, pick, unknown
from dnnbench.queries.bounds import Bounds
from dnnbench.queries.limits import ACCURACY, Limit, known_limits
from dnnbench.queries.remedies import MOST_ROUNDS
from dnnbench.queries.selection import Candidate, candidates
from dnnbench.queries.wording import MOST_NAMED, WORDS, reason
from dnnbench.records import labels
from dnnbench.records.environment_records import Environment
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.report import decision
from dnnbench.report.figures import captions
from dnnbench.report.figures.explorer_chart import axes, explorer_chart
from dnnbench.report.figures.explorer_facts import controls, facts, texts
from dnnbench.report.figures.identity import rows
from dnnbench.report.figures.results import Results
from dnnbench.report.provenance import provenance

# Columns of a download that the script fills; a network's record holds the others, in order.
JUDGED = (
    *("device", "batch_size", "rank", "model", "variant", "fits", "undecided"),
    *("settled_by", "more_rounds", "tie_group"),
)

_THROUGHPUT = "min_fps"
_MANTISSAS = (1, 1.2, 1.4, 1.5, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9)


def recorded() -> list[str]:
    """Return the other columns of ``dnnbench pick --csv``, except ``next_*``."""
    names = columns(entry_type())
    return [name for name in names if name not in JUDGED and not name.startswith("next_")]


def data(results: Results, environments: Sequence[Environment] = ()) -> dict[str, Any]:
    """Return all data of the explorer, ready for JSON.

    ``environments`` describe the machines. Keys of the result include ``limits``: the controls in
    display order; ``start``: the limits shown initially; ``networks``: name, color and family by
    key; ``variants``: those of all devices; ``devices``: one :func:`_view` per batch size;
    ``axes``: the quantities to draw accuracy against, with charts.
    """
    study = [row for row in records(results.study, StudyRow) if row.source != "predicted"]
    models = {row.model: row for row in records(results.models, ModelRow)}
    ties = Ties(results.comparisons)
    machines = {environment.device: environment for environment in environments}
    found = {
        device: _views(study, models, device, ties, results)
        for device in dict.fromkeys(results.devices)
    }
    everything = [
        network["bounds"]
        for views in found.values()
        for view in views.values()
        for network in view["networks"]
    ]
    return {
        "accuracy": ACCURACY,
        "judged": JUDGED,
        "recorded": recorded(),
        "words": WORDS,
        "decision": decision.texts(),
        "marks": STABILITY_MARKS,
        "most_rounds": MOST_ROUNDS,
        "most_named": MOST_NAMED,
        "limits": [
            {
                "name": limit.name,
                "word": limit.word,
                "label": limit.label,
                "basis": limit.basis is not None,
                "unit": limit.unit,
                "option": limit.option,
                "minimum": limit.minimum,
                "stops": _stops(limit, _span(everything, limit)),
            }
            for limit in controls()
        ],
        "start": _start(next(iter(found.values()), {}), results.budgets[1]),
        "facts": [asdict(fact) for fact in facts()],
        "axes": [
            {
                "name": name,
                "label": title,
                "minimum": known_limits()[name].minimum,
                "chart": explorer_chart(name),
            }
            for name, title in axes().items()
        ],
        "networks": {
            model: {
                "name": results.identity.name(model),
                "color": results.identity.color(model),
                "family": results.families.get(model, ""),
            }
            for model in dict.fromkeys([*models, *(row.model for row in study)])
        },
        "variants": list(
            dict.fromkeys(
                variant
                for views in found.values()
                for view in views.values()
                for variant in view["variants"]
            )
        ),
        "sizes": sorted({size for views in found.values() for size in views}),
        "devices": [
            {
                **_device(results, device, views),
                **asdict(provenance(device, machines.get(device))),
                "bases": _bases([row for row in study if row.device == device]),
            }
            for device, views in found.items()
        ],
    }


def families(results: Results) -> dict[str, str]:
    """Return family -> color of its first network in the study, in registry order."""
    shown = set(results.models["model"]) | set(results.study["model"])
    found: dict[str, str] = {}
    for model, family in results.families.items():
        if model in shown:
            found.setdefault(family, results.identity.color(model))
    return found


def records(frame: pd.DataFrame, row_type: type[R]) -> list[R]:
    """Return a data frame's rows as records."""
    return [row_type.model_validate(row) for row in rows(frame)]


def _device(results: Results, device: str, views: Mapping[int, Any]) -> dict[str, Any]:
    numbers = [network["bounds"] for view in views.values() for network in view["networks"]]
    return {
        "key": device,
        "label": labels.device(device),
        "note": captions.explorer(results.rows(device), results.borrowed_memory(device)),
        "extents": {limit.name: _extent(limit, _span(numbers, limit)) for limit in controls()},
        "views": views,
    }


def _bases(own: Sequence[StudyRow]) -> dict[str, str]:
    """Return what a device's numbers include, by name of the limit on them, where it may differ."""
    found = {}
    for limit in controls():
        if limit.basis:
            bases = dict.fromkeys(limit.basis(row) for row in own)
            found[limit.name] = " or ".join(filter(None, bases))
    return found


def _views(
    study: Sequence[StudyRow],
    models: Mapping[str, ModelRow],
    device: str,
    ties: Ties,
    results: Results,
) -> dict[int, Any]:
    """Return a device's views by batch size."""
    own = [row for row in study if row.device == device]
    sizes = sorted({row.batch_size for row in own})
    return {size: _view(own, models, device, size, ties, results) for size in sizes}


def _view(
    own: Sequence[StudyRow],
    models: Mapping[str, ModelRow],
    device: str,
    batch_size: int,
    ties: Ties,
    results: Results,
) -> dict[str, Any]:
    """Return a device's configurations at a batch size, best first.

    ``variants``: those that the device has at this batch size.
    ``ties``: for each configuration, the positions of lower-ranked ones that it is tied with.
    ``latencies``: for each configuration, the positions of lower-ranked ones whose latency is
    equivalent, and of those for which the verdict is inconclusive.
    ``left_out``: why a configuration cannot be evaluated under any limits.
    """
    ranked = candidates(own, models, batch_size).get(device, [])
    answer = pick(own, models, device, {}, batch_size)
    return {
        "variants": answer.variants,
        "networks": [_network(candidate) for candidate in ranked],
        "ties": [
            [
                behind
                for behind, other in enumerate(ranked[place + 1 :], start=place + 1)
                if ties.tied(candidate, other)
            ]
            for place, candidate in enumerate(ranked)
        ],
        "latencies": [_similar(ranked, place) for place in range(len(ranked))],
        "left_out": [
            {"model": one.model, "variant": one.variant, "reason": reason(one.reason)}
            for one in answer.left_out
        ],
    }


def _start(views: Mapping[int, Any], budgets: Sequence[float]) -> dict[str, float]:
    """Return the limits shown initially: the middle throughput of the study's budgets.

    If no network of the first device's first view reaches it, use the highest lower one that a
    network reaches, or no limit.
    """
    view: Mapping[str, Any] = next(iter(views.values()), {"networks": []})
    bounds = [network["bounds"].get(_THROUGHPUT, [0])[:3] for network in view["networks"]]
    for budget in reversed(budgets[: (len(budgets) + 1) // 2]):
        if any(min(numbers) >= budget for numbers in bounds):
            return {_THROUGHPUT: budget}
    return {}


def _similar(ranked: Sequence[Candidate], place: int) -> dict[str, list[int]]:
    """Return the positions of lower-ranked networks by verdict, without ``different`` ones."""
    found: dict[str, list[int]] = {"equivalent": [], "inconclusive": []}
    for behind, other in enumerate(ranked[place + 1 :], start=place + 1):
        verdict = latency_verdicts.verdict(ranked[place], other)
        if verdict in found:
            found[verdict].append(behind)
    return found


def _network(candidate: Candidate) -> dict[str, Any]:
    """Return the numbers of one configuration, by name of the limit on them.

    ``bounds``: value, low, high and kind, without the kind for an interval; only the value if it
    is exact. ``needs``: the limit at which it would fit conclusively, as number and text.
    ``unknown``: why its number is unknown. ``shown``: the texts of the explorer's facts.
    ``rounds``: the number of rounds behind its latency. ``record``: the fields of a download.
    """
    numbers = {
        limit: candidate.numbers[limit.name]
        for limit in controls()
        if limit.name in candidate.numbers
    }
    wanted = {limit: needed(number, limit.minimum) for limit, number in numbers.items()}
    fields = entry(candidate).model_dump()
    return {
        "model": candidate.model,
        "variant": candidate.row.variant,
        "environment": fields["environment"],
        "time": candidate.time.value,
        "bounds": {limit.name: _compact(number) for limit, number in numbers.items()},
        "needs": {
            limit.name: [value, loosened(value, limit.minimum)]
            for limit, value in wanted.items()
            if value > 0
        },
        "unknown": {name: reason(why) for name, why in unknown(candidate).items()},
        "shown": texts(candidate),
        "stability": candidate.row.stability,
        "rounds": candidate.row.rounds,
        "record": [fields[name] for name in recorded()],
    }


def _compact(number: Bounds) -> list[float | str]:
    if number.kind == "exact":
        return [number.value]
    bounds: list[float | str] = [number.value, number.low, number.high]
    return bounds if number.kind == "interval" else [*bounds, number.kind]


# Scales --------------------------------------------------------------------------------------


def _span(numbers: Iterable[Mapping[str, Sequence[Any]]], limit: Limit) -> tuple[float, float]:
    """Return the lowest and highest positive bounds of a number; (1, 1) for none.

    Of very uncertain numbers, only the value counts.
    """
    found = [bounds.get(limit.name, ()) for bounds in numbers]
    known = [x for one in found for x in one[: 1 if "wide" in one else 3] if x > 0]
    return (min(known), max(known)) if known else (1.0, 1.0)


def _stops(limit: Limit, between: tuple[float, float]) -> list[float]:
    """Return round limits that span all numbers, from lowest to highest."""
    low, high = between
    if step := _step(limit):
        first, last = math.floor(low / step), math.ceil(high / step)
        return [at * step for at in range(max(first, 1), last + 1)]
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    stops = [float(f"{digits}e{decade}") for decade in decades for digits in _MANTISSAS]
    first = max((i for i, stop in enumerate(stops) if stop <= low), default=0)
    last = min((i for i, stop in enumerate(stops) if stop >= high), default=len(stops) - 1)
    return stops[first : last + 1]


def _extent(limit: Limit, between: tuple[float, float]) -> list[float]:
    """Return the ends of an axis, with some room around the numbers."""
    low, high = between
    if step := _step(limit):
        room = max(0.06 * (high - low), step)
        return [low - room, high + room]
    room = max((high / low) ** 0.05, 1.1)
    return [low / room, high * room]


def _step(limit: Limit) -> float | None:
    """Return the step of a linear slider, or None for a logarithmic one."""
    return limit.slider.step if limit.slider else None
