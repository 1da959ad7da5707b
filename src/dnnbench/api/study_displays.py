"""Texts and charts that a notebook shows for each question."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from dnnbench.api import answer_charts
from dnnbench.api.study_frames import Display
from dnnbench.api.study_questions import NetworkChoice, NetworkComparison
from dnnbench.api.study_tables import Tables
from dnnbench.core.formatting import (
    STABILITIES,
    grouped,
    loosened,
    several,
    significant,
    span,
    stability_mark,
)
from dnnbench.core.storage import to_frame
from dnnbench.networks import registry
from dnnbench.queries import wording
from dnnbench.queries.best_fit import Entry, Give, Pick
from dnnbench.queries.compare_networks import Comparison
from dnnbench.queries.limits import given, known_limits
from dnnbench.records import labels
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.report.figures.cells import device_rows
from dnnbench.report.figures.device_charts import speed_chart
from dnnbench.report.figures.identity import Identity
from dnnbench.report.figures.network_charts import bubble_chart

_ROWS = 10
_TOP1, _LATENCY, _MEMORY = "top-1 (%)", "latency (ms per image)", "memory (MiB)"
_INTERVAL = "In parentheses: 95% confidence interval."
_FILLED = "Chart: filled marks fit, colored hollow marks are inconclusive, gray ones do not fit."
# Quantities of a comparison: words, and what their values are divided by.
_QUANTITIES = {
    "time": ("latency (ms per image)", 1.0),
    "memory": (_MEMORY, 1.0),
    "top1": (_TOP1, 1.0),
    "params": ("parameters (M)", 1e6),
    "macs": ("multiply-adds (G)", 1e9),
}


def of_choice(tables: Tables, chosen: NetworkChoice) -> Display:
    """Return the listed networks, and the chart of all that were judged."""
    answer = chosen.answer
    listed = [*answer.entries, *answer.inconclusive]
    limits = [limit.text(value, answer.batch_size) for limit, value in given(answer.limits)]
    where = f"{labels.device(answer.device)}, batch size {answer.batch_size}"
    rows = [
        {
            "": entry.rank,
            "network": wording.configuration(answer, tables.names, entry.model, entry.variant),
            _TOP1: f"{entry.top1:.2f}",
            _LATENCY: _latency(entry),
            _MEMORY: "" if entry.memory_mib is None else f"{entry.memory_mib:,.0f}",
            "fits": "yes" if entry.fits == "yes" else wording.text("cannot_tell"),
        }
        for entry in listed
    ]
    return Display(
        f"{where}: {', '.join(limits) or wording.text('no_limits')}.",
        pd.DataFrame(rows),
        [*_limiting(tables, answer), *_marks(listed), *_origins(tables, listed), _FILLED],
        lambda: answer_charts.choice_chart(chosen, identity(tables)),
    )


def _limiting(tables: Tables, answer: Pick) -> list[str]:
    """Return how many networks fit, and which limits would admit others."""
    notes = [wording.count(answer)]
    for entry in answer.inconclusive:
        name = wording.configuration(answer, tables.names, entry.model, entry.variant)
        notes.append(f"{name}: {wording.doubt(entry)}")
    if answer.nearest:
        notes.append(wording.text("nearest"))
    for miss in answer.nearest:
        limits = ", ".join(f"{_keyword(give)} ({wording.change(give)})" for give in miss.gives)
        name = wording.configuration(answer, tables.names, miss.model, miss.variant)
        notes.append(f"{name} ({miss.top1:.2f}% top-1): {limits}")
    if answer.networks and given(answer.limits):
        notes.append(wording.binding(answer))
    for binding in answer.binding:
        miss = binding.miss
        name = wording.configuration(answer, tables.names, miss.model, miss.variant)
        notes.append(wording.admits(binding, _keyword, name))
    return notes


def _keyword(give: Give) -> str:
    """Return the argument that would admit a network: ``min_fps=17.7``."""
    limit = known_limits()[give.limit]
    return f"{limit.name}={loosened(give.needed, limit.minimum)}"


def _marks(entries: Sequence[Entry]) -> list[str]:
    measured = any(one.latency_ms_low and one.source == "measured" for one in entries)
    stability = wording.stability_notes(one.stability for one in entries)
    return [*([_INTERVAL] if measured else []), *stability]


def _origins(tables: Tables, rows: Sequence[Entry]) -> list[str]:
    """Return where accuracies come from, and what memory includes."""
    if not rows:
        return []
    sources = {
        tables.names.get(row.model, row.model): labels.accuracy_source(row.accuracy_source)
        for row in rows
    }
    kinds = set(sources.values())
    notes = [f"Top-1 accuracy: {kinds.pop() if len(kinds) == 1 else grouped(sources)}."]
    bases = dict.fromkeys(labels.memory_basis(row.memory_basis) for row in rows if row.memory_basis)
    return [*notes, f"Memory: {'; '.join(bases)}."] if bases else notes


def _latency(row: StudyRow | Entry) -> str:
    """Return a latency with its interval; the rounding of published numbers is left out."""
    if row.latency_ms is None:
        return ""
    interval = span(row.latency_ms_low, row.latency_ms_high) if row.source != "published" else ""
    text = significant(row.latency_ms) + (f" ({interval})" if interval else "")
    return text + stability_mark(row.stability)


def of_comparison(tables: Tables, found: NetworkComparison) -> Display:
    """Return the differences of two networks, and the chart of their latency."""
    names = [tables.names.get(key, key) for key in (found.a, found.b)]
    bases = dict.fromkeys(
        f"{_QUANTITIES[one.quantity][0].partition(' (')[0].capitalize()}: {one.basis}."
        for one in found.comparisons
    )
    return Display(
        f"A: {names[0]}, B: {names[1]}, on {labels.device(found.device)}.",
        pd.DataFrame([_compared(one) for one in found.comparisons]),
        ["Difference: A / B for latency, A - B otherwise.", *bases],
        lambda: answer_charts.ratio_chart(found),
    )


def _compared(one: Comparison) -> dict[str, object]:
    words, scale = _QUANTITIES[one.quantity]
    own = 1.0 if one.quantity == "time" else scale

    def text(value: float | None, divisor: float) -> str:
        if value is None:
            return ""
        return f"{value:.2f}" if one.quantity == "top1" else significant(value / divisor)

    difference = text(one.difference, own)
    if one.low != one.high:  # Otherwise exact, or of unknown bounds.
        difference += f" ({text(one.low, own)} to {text(one.high, own)})"
    return {
        "": words,
        "batch size": "" if one.batch_size is None else one.batch_size,
        "variants": " vs. ".join(
            dict.fromkeys(name for name in (one.variant_a, one.variant_b) if name)
        ),
        "A": text(one.a, scale),
        "B": text(one.b, scale),
        "difference": difference,
        "verdict": one.verdict.upper() if one.verdict in ("a", "b") else one.verdict,
    }


def of_latency(tables: Tables) -> Display:
    """Return the first cells, and the chart of accuracy against throughput of one device."""
    rows = [
        {
            "device": row.device,
            "network": tables.names.get(row.model, row.model),
            "variant": row.variant,
            "batch size": row.batch_size,
            _LATENCY: _latency(row),
            "images/s": "" if row.fps is None else significant(row.fps),
            "status": row.status,
        }
        for row in tables.study[:_ROWS]
    ]
    return Display(
        f"Latency: {several(len(tables.study), 'cell')} on {_devices(tables)}.",
        pd.DataFrame(rows),
        [*_first(len(tables.study)), _INTERVAL, f"Chart: {labels.device(_first_device(tables))}."],
        lambda: _speed_chart(tables),
    )


def of_models(tables: Tables) -> Display:
    """Return the first networks, and the chart of accuracy against operations."""
    rows = [
        {
            "network": tables.names.get(key, key),
            _TOP1: "" if row.top1 is None else f"{row.top1:.2f}",
            "source of top-1": labels.accuracy_source(row.top1_source) if row.top1_source else "",
            "parameters (M)": _scaled(row.params_executed, 1e6),
            "multiply-adds (G)": _scaled(row.macs, 1e9),
        }
        for key, row in list(tables.models.items())[:_ROWS]
    ]
    return Display(
        f"{several(len(tables.models), 'network')}: cost and accuracy.",
        pd.DataFrame(rows),
        _first(len(tables.models)),
        lambda: bubble_chart(to_frame(ModelRow, tables.models.values()), identity(tables), "top1"),
    )


def of_study(tables: Tables) -> Display:
    """Return the devices of a study, and the chart of accuracy against throughput of one."""
    rows = []
    for device in tables.devices:
        own = tables.rows(device)
        rows.append(
            {
                "device": device,
                "source": own[0].source,
                "networks": len({row.model for row in own}),
                "batch sizes": ", ".join(map(str, sorted({row.batch_size for row in own}))),
                "cells": len(own),
                "with latency": sum(row.latency_ms is not None for row in own),
                **{word: sum(row.stability == word for row in own) for word in STABILITIES},
            }
        )
    return Display(
        f"Study in {tables.results}: {_devices(tables)}.",
        pd.DataFrame(rows),
        [f"Chart: {labels.device(_first_device(tables))}."],
        lambda: _speed_chart(tables),
    )


def identity(tables: Tables) -> Identity:
    """Return names and colors of the study's networks."""
    known = registry.load_registry()
    return Identity(tables.names, {key: network.family for key, network in known.items()})


def _speed_chart(tables: Tables) -> alt.LayerChart:
    study = to_frame(StudyRow, tables.study)
    return speed_chart(device_rows(study, _first_device(tables)), identity(tables))


def _first_device(tables: Tables) -> str:
    """Return the first measured device, or the first one of a study without any."""
    measured = [row.device for row in tables.study if row.source == "measured"]
    return [*measured, *tables.devices][0]


def _devices(tables: Tables) -> str:
    return ", ".join(map(labels.device, tables.devices))


def _first(count: int) -> list[str]:
    return [f"The first {_ROWS} of {count} rows."] if count > _ROWS else []


def _scaled(number: int | None, scale: float) -> str:
    return "" if number is None else significant(number / scale)
