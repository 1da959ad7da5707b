"""What the page's explorer shows and judges by: the numbers of ``dnnbench pick``, as plain data.

Numbers, bounds, ties and what each limit would have to be come from the code that
:func:`dnnbench.queries.best_fit.pick` runs, for every device and batch size. So the script in the
page (templates/explorer.js) has nothing to do but compare them with the limits that a reader sets.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from dnnbench.core.formatting import loosened, significant, span
from dnnbench.core.storage import R, columns
from dnnbench.queries.accuracy_ties import Ties
from dnnbench.queries.best_fit import LEAST, Entry, needed, pick, unknown
from dnnbench.queries.bounds import Bounds
from dnnbench.queries.selection import VARIANT, Candidate, Limits, Name, candidates, is_minimum
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.report.figures import captions
from dnnbench.report.figures.cells import source_text, stability_text
from dnnbench.report.figures.explorer_chart import AXES, explorer_chart
from dnnbench.report.figures.figure_names import device_label
from dnnbench.report.figures.identity import rows
from dnnbench.report.figures.results import Results

# Limits that have a slider: in one word, as a label, and their unit.
CONTROLS: dict[Name, tuple[str, str, str]] = {
    "max_memory_gib": ("memory", "Max. memory", "GiB"),
    "min_fps": ("speed", "Min. speed", "images/s"),
    "max_params_m": ("parameters", "Max. parameters", "M"),
    "min_top1": ("top-1", "Min. top-1", "%"),
}
# Columns of a download: those of ``dnnbench pick --csv``, but for the comparison with the next in
# rank. The script knows the first ones; the record of a network holds the others, in order.
JUDGED = ("device", "batch_size", "rank", "model", "fits", "undecided", "tie_group")
RECORDED = tuple(
    name for name in columns(Entry) if name not in JUDGED and not name.startswith("next_")
)

_MANTISSAS = (1, 1.2, 1.4, 1.5, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9)
_TOP1_STEP = 0.5


def data(results: Results, machines: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Everything the explorer needs, ready for JSON. ``machines``: a device's, in a few words.

    ``limits``: the controls, in the order that limits are named in. ``networks``: name, colour and
    family by key. ``devices``: one :func:`_view` a batch size. ``axes``: what accuracy can be drawn
    against, with its chart.
    """
    study = [row for row in records(results.study, StudyRow) if row.source != "predicted"]
    models = {row.model: row for row in records(results.models, ModelRow)}
    ties = Ties(results.comparisons)
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
        "least": LEAST,
        "judged": JUDGED,
        "recorded": RECORDED,
        "limits": [
            {
                "name": name,
                "word": word,
                "label": label,
                "unit": unit,
                "minimum": is_minimum(name),
                "stops": _stops(name, _span(everything, name)),
            }
            for name, (word, label, unit) in CONTROLS.items()
        ],
        "axes": [
            {
                "name": name,
                "label": title,
                "minimum": is_minimum(name),
                "chart": explorer_chart(name),
            }
            for name, title in AXES.items()
        ],
        "networks": {
            model: {
                "name": results.identity.name(model),
                "colour": results.identity.colour(model),
                "family": results.families.get(model, ""),
            }
            for model in dict.fromkeys([*models, *(row.model for row in study)])
        },
        "sizes": sorted({size for views in found.values() for size in views}),
        "devices": [
            {**_device(results, device, views), "machine": (machines or {}).get(device, "")}
            for device, views in found.items()
        ],
    }


def families(results: Results) -> list[str]:
    """Families of the study's networks, in the registry's order."""
    shown = set(results.models["model"]) | set(results.study["model"])
    return list(dict.fromkeys(f for model, f in results.families.items() if model in shown))


def records(frame: pd.DataFrame, row_type: type[R]) -> list[R]:
    """A data frame as the records that it was made from."""
    return [row_type.model_validate(row) for row in rows(frame)]


def _device(results: Results, device: str, views: Mapping[int, Any]) -> dict[str, Any]:
    numbers = [network["bounds"] for view in views.values() for network in view["networks"]]
    return {
        "key": device,
        "label": device_label(device),
        "note": captions.explorer(results.rows(device), results.borrowed_memory(device)),
        "extents": {name: _extent(name, _span(numbers, name)) for name in CONTROLS},
        "views": views,
    }


def _views(
    study: Sequence[StudyRow],
    models: Mapping[str, ModelRow],
    device: str,
    ties: Ties,
    results: Results,
) -> dict[int, Any]:
    """A device's views, by batch size."""
    own = [row for row in study if row.device == device]
    sizes = sorted({row.batch_size for row in own if row.variant == VARIANT})
    return {size: _view(own, models, device, size, ties, results) for size in sizes}


def _view(
    own: Sequence[StudyRow],
    models: Mapping[str, ModelRow],
    device: str,
    batch_size: int,
    ties: Ties,
    results: Results,
) -> dict[str, Any]:
    """A device's networks at a batch size, best first.

    ``ties``: for each network the places of those behind it that it is tied with. ``left_out``: why
    a network cannot be judged under any limits.
    """
    ranked = candidates(own, models, batch_size).get(device, [])
    # Without limits the answer has every candidate.
    answer = pick(
        own, models, device, Limits(), batch_size, len(ranked), comparisons=results.comparisons
    )
    return {
        "networks": [
            _network(candidate, entry)
            for candidate, entry in zip(ranked, answer.entries, strict=True)
        ],
        "ties": [
            [
                behind
                for behind, other in enumerate(ranked[place + 1 :], start=place + 1)
                if ties.tied(candidate, other)
            ]
            for place, candidate in enumerate(ranked)
        ],
        "left_out": answer.left_out,
    }


def _network(candidate: Candidate, entry: Entry) -> dict[str, Any]:
    """One network's numbers.

    ``bounds``: value, low, high, certain; only the value where they are all the same and certain.
    ``needs``: in words, the limit at which it would fit for certain. ``unknown``: why a limit
    cannot be held against it. ``shown``: number and what it rests on, in words. ``record``: the
    fields of a download.
    """
    numbers = {name: candidate.numbers[name] for name in CONTROLS if name in candidate.numbers}
    fields = entry.model_dump()
    return {
        "model": candidate.model,
        "bounds": {name: _compact(number) for name, number in numbers.items()},
        "needs": {
            name: loosened(needed(number, is_minimum(name)), is_minimum(name))
            for name, number in numbers.items()
            if needed(number, is_minimum(name)) > 0
        },
        "unknown": unknown(candidate),
        "shown": _shown(candidate, entry),
        "unstable": candidate.row.stable is False,
        "record": [fields[name] for name in RECORDED],
    }


def _compact(number: Bounds) -> list[float | bool]:
    if not number.certain:
        return [number.value, number.low, number.high, False]
    if number.low == number.value == number.high:
        return [number.value]
    return [number.value, number.low, number.high]


def _shown(candidate: Candidate, entry: Entry) -> dict[str, list[str]]:
    """Each number in words, then its interval and what it is; a rounding is finer than shown."""
    row, time, top1 = candidate.row, candidate.time, candidate.top1
    timed = row.source == "measured" and time.certain
    fps = time.inverse(1000)
    interval = ""
    if not (row.accuracy_source or "").startswith("published") and top1.certain:
        interval = f"{top1.low:.2f} to {top1.high:.2f}"
    shown = {
        "top1": [f"{top1.value:.2f} %", interval, row.accuracy_source or "source not known"],
        "fps": [significant(fps.value), span(fps.low, fps.high) if timed else ""],
        "time": [f"{significant(time.value)} ms", span(time.low, time.high) if timed else ""],
        "pass": [f"{significant(entry.batch_ms)} ms"],
    }
    if candidate.memory is not None:
        shown["memory"] = [f"{candidate.memory.value:,.0f} MiB", row.memory_basis or ""]
    if candidate.params is not None:
        shown["params"] = [f"{significant(candidate.params / 1e6)} M"]
    fields = row.model_dump()
    return shown | {"stability": [stability_text(fields)], "source": [source_text(fields)]}


# Scales --------------------------------------------------------------------------------------


def _span(numbers: Iterable[Mapping[Name, Sequence[float]]], name: Name) -> tuple[float, float]:
    """The lowest and the highest bound of a number; 1 and 1 where there is none above 0."""
    known = [x for bounds in numbers for x in bounds.get(name, ())[:3] if x > 0]
    return (min(known), max(known)) if known else (1.0, 1.0)


def _stops(name: Name, between: tuple[float, float]) -> list[float]:
    """Round limits, from one that the lowest number is not above to one that none exceeds."""
    low, high = between
    if name == "min_top1":
        first, last = math.floor(low / _TOP1_STEP), math.ceil(high / _TOP1_STEP)
        return [step * _TOP1_STEP for step in range(max(first, 1), last + 1)]
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    stops = [float(f"{digits}e{decade}") for decade in decades for digits in _MANTISSAS]
    first = max((i for i, stop in enumerate(stops) if stop <= low), default=0)
    last = min((i for i, stop in enumerate(stops) if stop >= high), default=len(stops) - 1)
    return stops[first : last + 1]


def _extent(name: Name, between: tuple[float, float]) -> list[float]:
    """The ends of an axis, with some room around the numbers."""
    low, high = between
    if name == "min_top1":
        room = max(0.06 * (high - low), 0.5)
        return [low - room, high + room]
    room = max((high / low) ** 0.05, 1.1)
    return [low / room, high * room]
