"""Golden cases for the page's judging.js, wording.js and plotting.js: the answers of the package.

``make cases`` writes them to tests/report/judging_cases.json. The study is made up. It has networks
for every kind of number: tied, with bounds that straddle a limit, of unknown bounds, or missing.
"""

import json
from collections.abc import Iterator
from itertools import cycle
from typing import Any

from dnnbench.core.formatting import loosened
from dnnbench.queries import best_fit, wording
from dnnbench.queries.best_fit import Entry, Give, Pick
from dnnbench.queries.limits import given, known_limits
from dnnbench.queries.selection import Candidate, candidates
from dnnbench.records.comparison_records import ComparisonRow
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.report import explorer_data
from dnnbench.report.figures.explorer_facts import controls
from helpers import rows, studies
from helpers.paths import ROOT

FILE = ROOT / "tests/report/judging_cases.json"
SIZES = (1, 8)
OTHER = "int8-onnxruntime"
# The batch sizes and variants asked about. Only batch size 8 has several variants.
VIEWS = ((1, None), (8, None), (8, OTHER))
CHOSEN = (
    # No network fits.
    {"min_fps": 1e6},
    {"min_top1": 99.0, "max_memory_gib": 0.001},
    {"max_params_m": 0.5},
    # The bounds of the best network are unknown.
    {"max_memory_gib": 0.25, "min_fps": 95.0},
    {"max_memory_gib": 0.25, "min_fps": 100.0, "max_params_m": 30.0},
    {"max_memory_gib": 0.07, "min_top1": 60.0},
)
MIXED = 30

Limits = dict[str, float]


def text() -> str:
    """Return the expected content of the file."""
    study, models = _study()
    data = json.loads(
        json.dumps(explorer_data.data(studies.results(study, models, comparisons=_tests())))
    )
    (device,) = [one for one in data["devices"] if one["key"] == rows.DEVICE]
    views = device["views"]
    for view in views.values():
        for network in view["networks"]:
            del network["record"]
    kept = ("accuracy", "most_rounds", "most_named", "words", "limits", "facts")
    page = {key: data[key] for key in kept}
    for control in page["limits"]:
        del control["stops"], control["label"], control["basis"]
    cases = [
        {
            **{"size": size, "limits": limits, "variant": variant},
            "answer": _answer(study, models, size, limits, variant),
        }
        for size, variant in VIEWS
        for limits in _limits(study, models, size)
    ]
    whole = {"page": page, "views": views, "cases": ["CASES"]}
    # One line per case, so that a diff shows which cases changed.
    lines = ",\n  ".join(json.dumps(case, ensure_ascii=False) for case in cases)
    return json.dumps(whole, indent=1, ensure_ascii=False).replace('"CASES"', lines) + "\n"


def networks() -> tuple[list[StudyRow], dict[str, ModelRow], list[ComparisonRow]]:
    """Return the rows of the study, of models.csv by key, and of comparisons.csv."""
    study, models = _study()
    return study, {row.model: row for row in models}, _tests()


def _study() -> tuple[list[StudyRow], list[ModelRow]]:
    imagenet = {"accuracy_source": "measured:imagenet"}
    figure = {"accuracy_source": "published:figure"}
    bare = {"latency_ms_low": None, "latency_ms_high": None}
    networks: dict[str, dict[str, Any]] = {
        # A paired test separates the third from the first, but not the second.
        "ares": {"top1": 82.0, "memory_mib": 900.0, **_ms(40, 38, 44), **imagenet},
        "bia": {"top1": 81.6, "memory_mib": 700.0, **_ms(30, 29, 31), **imagenet},
        "cronus": {"top1": 81.5, "memory_mib": 500.0, **_ms(25, 20, 33), **imagenet},
        # Read off a figure, with overlapping bounds.
        "dione": {
            **{"top1": 76.15, "memory_mib": 310.0, **_ms(12, 11.5, 12.5), **figure},
            "stability": "disturbed",
        },
        "eos": {"top1": 76.12, "memory_mib": 310.0, **_ms(9, 8.5, 11), **figure},
        # Equal numbers are ranked by name.
        "echo": {"top1": 76.12, "memory_mib": 310.0, **_ms(9, 8.5, 11), **figure},
        # Measured in a single process: the bounds are unknown.
        "fides": {"top1": 74.0, "memory_mib": 250.0, **_ms(10, 10, 10), **bare, "rounds": 1},
        # So uncertain that its interval settles nothing.
        "gorgo": {"top1": 73.0, "memory_mib": 200.0, **_ms(7, 2, 30)},
        # Published numbers, whose rounding straddles limits.
        "gaia": {
            **{"top1": 71.01, "memory_mib": 102.4, **_ms(8, 8, 8), **bare},
            "source": "published",
            "rounds": None,
        },
        "hera": {"top1": 69.5, "memory_status": "oom", "memory_mib": None, **_ms(6, 5.9, 6.1)},
        # As fast as the one before.
        "iris": {"top1": 65.0, "memory_mib": 80.0, "stability": "noisy", **_ms(6.02, 5.95, 6.09)},
        # Accuracy without an interval.
        "juno": {
            **{"top1": 60.25, "memory_mib": 60.0, **_ms(4, 3.9, 4.1)},
            "accuracy_source": "measured:folder",
        },
        # Never correct: no limit can be as low as its interval.
        "kale": {"top1": 0.0, "memory_mib": 40.0, **_ms(2, 1.9, 2.2), **imagenet},
        "leto": {"status": "timeout", "latency_ms": None, **bare},
        "metis": {"top1": None, "accuracy_source": None},
    }
    measured = {
        "ares": (81.6, 82.4),
        "bia": (81.2, 82.0),
        "cronus": (81.1, 81.9),
        "kale": (0.0, 0.4),
    }
    models = [
        rows.model_row(
            key,
            (15 - at) * 1_500_000,
            **(
                {
                    "top1_source": "measured:imagenet",
                    "top1_low": measured[key][0],
                    "top1_high": measured[key][1],
                }
                if key in measured
                else {}
            ),
        )
        for at, key in enumerate(networks)
        if key != "iris"  # Without a row of models.csv, its parameters are unknown.
    ]
    study = [
        rows.row(key, **{"rounds": 5, "batch_size": size} | fields)
        for key, fields in networks.items()
        for size in SIZES
    ]
    return [*study, *_other_variants(networks)], models


def _other_variants(networks: dict[str, dict[str, Any]]) -> list[StudyRow]:
    """Return rows in which variants of a network beat each other, or no other one."""
    faster: dict[str, dict[str, Any]] = {
        # As accurate and faster, with bounds that straddle the same limits.
        "bia": {"top1_change": 0.0, **_ms(15, 13, 17)},
        "eos": {"top1_change": 0.0, **_ms(8, 7.9, 8.1)},
        # Less accurate, for certain and perhaps.
        "cronus": {**_changed(81.5, -1.5, 0.3), **_ms(12, 11.5, 12.5)},
        "dione": {**_changed(76.15, -0.2, 0.5), **_ms(5, 4.9, 5.1)},
        # Beaten in both.
        "iris": {**_changed(65.0, -3.0, 0.4), **_ms(7, 6.9, 7.1)},
        # Faster, but its memory is unknown.
        "juno": {**{"memory_status": "oom", "memory_mib": None}, **_ms(3, 2.9, 3.1)},
    }
    unknown = {"top1": None, "accuracy_source": None}
    shared = {"rounds": 5, "batch_size": 8}
    quantized = [
        rows.row(key, **shared | networks[key] | {"variant": OTHER} | faster.get(key, unknown))
        for key in networks
    ]
    kept = {"variant": "fp32-eager-kept", "top1_change": 0.0, **_ms(7, 6.9, 7.1)}
    quantized.append(rows.row("eos", **shared | networks["eos"] | kept))
    failed = {"status": "failed", "latency_ms": None, "latency_ms_low": None}
    failed |= {"latency_ms_high": None}
    others = [
        rows.row(key, **shared | networks[key] | {"variant": "fp32-onnxruntime"} | failed)
        for key in ("ares", "bia")
    ]
    return quantized + others


def _changed(top1: float, change: float, half: float) -> dict[str, Any]:
    ends = {"top1_change_low": change - half, "top1_change_high": change + half}
    bounds = {"top1_low": top1 + change - half, "top1_high": top1 + change + half}
    source = {"accuracy_source": "published+measured:imagenet"}
    return {"top1": top1 + change, "top1_change": change, **ends, **bounds, **source}


def _ms(value: float, low: float, high: float) -> dict[str, float]:
    bounds = {"latency_ms_low": low, "latency_ms_high": high, "latency_df": 4.0}
    return {"latency_ms": value, **bounds}


def _tests() -> list[Any]:
    return [rows.comparison("ares", "bia", 0.3), rows.comparison("ares", "cronus", 0.01)]


def _limits(study: list[StudyRow], models: list[ModelRow], size: int) -> Iterator[Limits]:
    """Yield no limits, each number and each of its bounds alone, and combinations of them."""
    ranked = _ranked(study, models, size)
    values: dict[str, list[float]] = {}
    for control in controls():
        known = [one.numbers[control.name] for one in ranked if control.name in one.numbers]
        ends = {end for one in known for end in (one.low, one.value, one.high) if end > 0}
        values[control.name] = sorted(ends | {float(f"{end:.2g}") for end in ends})
    yield {}
    yield from CHOSEN
    for name, own in values.items():
        yield from ({name: value} for value in own[:: 2 if size == 1 else 6])
    for turn in range(MIXED):
        # Coprime steps walk through the combinations.
        yield {
            name: own[turn * step % len(own)]
            for (name, own), step in zip(values.items(), cycle((7, 5, 3, 11)), strict=False)
            if own and (turn + step) % 4
        }


def _ranked(study: list[StudyRow], models: list[ModelRow], size: int) -> list[Candidate]:
    return candidates(study, {row.model: row for row in models}, size)[rows.DEVICE]


def _answer(
    study: list[StudyRow], models: list[ModelRow], size: int, limits: Limits, variant: str | None
) -> dict[str, Any]:
    """Return the package's answer and its sentences, which the page has to match."""
    by_key = {row.model: row for row in models}
    arguments = {"top": 99, "comparisons": _tests(), "variant": variant}
    answer = best_fit.pick(study, by_key, rows.DEVICE, limits, size, **arguments)
    ranked = candidates(study, by_key, size, variant)[rows.DEVICE]
    judged = [one for one in ranked if one.known(limits)]
    names = {one.model: one.model.upper() for one in study}
    listed = [*answer.entries, *answer.inconclusive]
    letters = wording.tie_letters(entry.tie_group for entry in listed)
    none = wording.text("no_limits")
    return {
        "judged": [[*one.key, _verdict(one, limits)] for one in judged],
        "found": [
            [
                *(entry.model, entry.variant, entry.rank, entry.fits, entry.tie_group),
                *(entry.undecided or "", _versus(answer, entry)),
            ]
            for entry in listed
        ],
        "letters": {str(group): letter for group, letter in letters.items()},
        "best": answer.best and [answer.best, answer.best_variant],
        "rivals": [
            [entry.model, entry.variant, wording.doubt(entry)] for entry in answer.inconclusive
        ],
        "fit": answer.fit,
        "better": answer.better,
        "left_out": [
            [one.model, one.variant, wording.reason(one.reason)] for one in answer.left_out
        ],
        "binding": [
            [one.limit, one.miss.model, one.miss.variant, *map(_give, one.miss.gives)]
            for one in answer.binding
        ],
        "nearest": [[miss.model, miss.variant, *map(_give, miss.gives)] for miss in answer.nearest],
        "sizes": wording.better_batch_sizes(answer, names),
        "front": _front(judged, limits),
        "texts": [
            f"Batch size {size}, {f'{variant}, ' if variant else ''}"
            f"{', '.join(_limit(*one) for one in given(limits)) or none}.",
            wording.count(answer),
            wording.binding(answer),
            wording.not_evaluated(answer, names).removeprefix("Not evaluated: ").removesuffix("."),
        ],
    }


def _verdict(one: Candidate, limits: Limits) -> str:
    fits = one.fits(limits)
    if fits == "yes":
        return wording.text(fits)
    verdicts = one.verdicts(limits).items()
    words = [known_limits()[name].word for name, verdict in verdicts if verdict == fits]
    return f"{wording.text(fits)}: {', '.join(words)}"


def _limit(limit: Any, value: float | str) -> str:
    number = value if isinstance(value, str) else repr(value).removesuffix(".0")
    return f"{limit.word} {'≥' if limit.minimum else '≤'} {limit.amount(number)}"


def _versus(answer: Pick, entry: Entry) -> str:
    """Return how the latency compares with the next in rank, if they may be equal."""
    if entry.next_time in (None, "different"):
        return ""
    following = wording.configuration(answer, {}, entry.next_model, entry.next_variant)
    return wording.text("versus", network=following, verdict=entry.next_time)


def _give(give: Give) -> str:
    limit = known_limits()[give.limit]
    return f"{_limit(limit, loosened(give.needed, limit.minimum))} ({wording.change(give)})"


def _front(judged: list[Candidate], limits: Limits) -> dict[str, list[list[str]]]:
    """Return the Pareto front by axis, best x first, of all that do not miss a limit."""
    fronts = {}
    for axis in ("min_fps", "max_memory_gib"):
        sign = 1 if known_limits()[axis].minimum else -1
        points = [
            (sign * one.numbers[axis].value, one.top1.value, [*one.key])
            for one in judged
            if axis in one.numbers and one.fits(limits) != "no"
        ]
        front = [
            (x, key)
            for place, (x, y, key) in enumerate(points)
            if not any(
                u >= x and v >= y and (other < place if (u, v) == (x, y) else True)
                for other, (u, v, _) in enumerate(points)
            )
        ]
        fronts[axis] = [key for _, key in sorted(front, reverse=True)]
    return fronts


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
