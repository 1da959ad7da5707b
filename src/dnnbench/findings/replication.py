"""Comparison of published numbers with measured ones, one row per number.

``within`` is true if they agree within the stated error of the published number. It is empty if the
two are not the same quantity: latency of another machine, memory on another basis, accuracy on
fewer images, or file size against tensor size.
"""

from collections.abc import Iterable, Iterator, Mapping

from dnnbench.config.variants import REFERENCE
from dnnbench.core.units import MIB_PER_GIB
from dnnbench.findings.relabeling import relabeled
from dnnbench.records.findings_records import ReplicationRow
from dnnbench.records.published_study import (
    LATENCY_ROUNDING_MS,
    MEMORY_ROUNDING_MIB,
    TITAN,
    TOP1_ROUNDING,
    TOP5_ROUNDING,
)
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.tables.published import Published

# Error of operations and parameters read off the figures: 0.03 (10^9, 10^6) or 1%.
READING, READING_SHARE = 0.03, 0.01


def reading_error(published: float) -> float:
    """Return the error of a number read off a figure, in its own unit."""
    return max(READING, READING_SHARE * published)


def close_to_count(published: float, counted: float) -> bool:
    """Return whether a number read off a figure agrees with a count."""
    return abs(published - counted) <= reading_error(published)


def replicate(
    tables: Published,
    models: Iterable[ModelRow],
    study: Iterable[StudyRow],
    owners: Mapping[str, str],
    hardware: Mapping[str, str],
) -> list[ReplicationRow]:
    """Return rows for numbers that do not depend on a machine, then rows per device.

    ``owners``: label -> network whose operations are in its row, as detected; empty for none.
    ``hardware``: measured device -> published device with the same hardware.
    """
    return [*_networks(tables, list(models), owners), *_devices(tables, study, hardware)]


def _networks(
    tables: Published, models: list[ModelRow], owners: Mapping[str, str]
) -> Iterator[ReplicationRow]:
    printed = {entry.model: entry for entry in tables.models}
    gmacs = {key: entry.conv_gmacs_figure for key, entry in printed.items()}
    moved = relabeled(gmacs, owners)
    for model in models:
        entry = printed.get(model.model)
        if entry is None:
            continue
        key = model.model
        if model.conv_macs is not None:
            macs = model.conv_macs / 1e9
            yield _row(key, "conv_gmacs", gmacs[key], macs, reading_error(gmacs[key]))
            if owners:
                moved_error = reading_error(moved[key])
                yield _row(key, "conv_gmacs:relabelled", moved[key], macs, moved_error)
        if model.params_executed is not None:
            params = model.params_executed / 1e6
            printed_params = entry.params_m_figure
            yield _row(key, "params_m", printed_params, params, reading_error(printed_params))
        if entry.params_mb_figure is not None and model.weights_mib is not None:
            yield _row(key, "weights_mib", entry.params_mb_figure, model.weights_mib, None)
        if model.top1_measured is not None:
            error = TOP1_ROUNDING[entry.top1_source] if _full(model.top1_source) else None
            yield _row(key, "top1", entry.top1, model.top1_measured, error)
        if model.top5_measured is not None:
            error = TOP5_ROUNDING[entry.top5_source] if _full(model.top5_source) else None
            yield _row(key, "top5", entry.top5, model.top5_measured, error)


def _devices(
    tables: Published, study: Iterable[StudyRow], hardware: Mapping[str, str]
) -> Iterator[ReplicationRow]:
    times: dict[tuple[str, int], dict[str, float]] = {}
    for entry in tables.latency:
        if entry.latency_ms_per_image is not None:
            printed = times.setdefault((entry.model, entry.batch_size), {})
            printed[entry.device] = entry.latency_ms_per_image
    memory = {(e.model, e.batch_size): e.memory_gb * MIB_PER_GIB for e in tables.memory}
    for row in study:
        if row.source != "measured" or row.variant != REFERENCE:
            continue
        cell = (row.model, row.batch_size)
        same = hardware.get(row.device)
        if row.latency_ms is not None:
            for device, published in times.get(cell, {}).items():
                error = LATENCY_ROUNDING_MS if same == device else None
                index = f"latency_ms:{device}"
                yield _row(row.model, index, published, row.latency_ms, error, row)
        if row.memory_mib is not None and cell in memory:
            alike = same == TITAN and row.memory_basis == "process"
            error = MEMORY_ROUNDING_MIB if alike else None
            index = f"memory_mib:{TITAN}"
            yield _row(row.model, index, memory[cell], row.memory_mib, error, row)


def _full(source: str | None) -> bool:
    """Return whether measured accuracy covers all images, so is the one used."""
    return source is not None and source.startswith("measured:")


def _row(
    model: str,
    index: str,
    published: float,
    measured: float,
    tolerance: float | None,
    cell: StudyRow | None = None,
) -> ReplicationRow:
    return ReplicationRow(
        model=model,
        device=cell.device if cell else None,
        batch_size=cell.batch_size if cell else None,
        index=index,
        published=published,
        measured=measured,
        ratio=measured / published if published else None,
        tolerance=tolerance,
        within=None if tolerance is None else abs(measured - published) <= tolerance,
    )
