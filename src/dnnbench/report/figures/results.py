"""The tables that figures and the page are made from, with derived values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from dnnbench.config import variants
from dnnbench.core.errors import UserError
from dnnbench.networks.registry import WeightsSource
from dnnbench.records import published_study
from dnnbench.records.comparison_records import AccuracyRow, ComparisonRow
from dnnbench.records.environment_records import Environment
from dnnbench.records.study_records import VariantRow
from dnnbench.report.figures.cells import borrowed_memory, device_rows
from dnnbench.report.figures.configurations import variants_of
from dnnbench.report.figures.figure_names import WITHOUT_OWN_MEMORY
from dnnbench.report.figures.identity import Identity, Row, rows

# Budgets to show if selection.csv is empty, so that the page can state that nothing fits.
_BUDGETS = ((0.7, 1.0, 1.4), (15.0, 30.0, 60.0))


@dataclass(frozen=True)
class Results:
    """Data frames of StudyRow, ModelRow, SelectionRow, with names and families.

    ``names`` and ``families``: key -> printed name, key -> family, in registry order. ``devices``:
    the devices to show, in order; a device without rows gets empty figures. ``variants``: rows of
    the other variants, compared with fp32-eager. ``accuracy``: measured accuracy; ``comparisons``:
    pairs of networks on the same images; ``sources``: key -> checkpoint files.
    """

    study: pd.DataFrame
    models: pd.DataFrame
    selection: pd.DataFrame
    names: Mapping[str, str]
    families: Mapping[str, str]
    devices: tuple[str, ...]
    variants: Sequence[VariantRow] = ()
    accuracy: Sequence[AccuracyRow] = ()
    comparisons: Sequence[ComparisonRow] = ()
    sources: Mapping[str, Sequence[WeightsSource]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for device in self.devices:
            if self.borrowed_memory(device) and device not in WITHOUT_OWN_MEMORY:
                raise UserError(
                    f"results/study.csv: {device}: memory_basis: it names another device."
                    " Add the device to WITHOUT_OWN_MEMORY in figure_names.py."
                )

    @cached_property
    def identity(self) -> Identity:
        """Names and colors of the networks."""
        return Identity(self.names, self.families)

    @cached_property
    def budgets(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The limits on memory (GiB) and speed (images per second) of the selection."""
        if self.selection.empty:
            return _BUDGETS
        gib = tuple(sorted({float(limit) for limit in self.selection["max_memory_gib"]}))
        fps = tuple(sorted({float(limit) for limit in self.selection["min_fps"]}))
        return gib, fps

    @cached_property
    def weights_mib(self) -> dict[str, float]:
        """Model -> MiB of parameters and buffers, where known."""
        known = self.models.dropna(subset=["weights_mib"])
        return dict(zip(known["model"], known["weights_mib"].astype(float), strict=True))

    def rows(self, device: str) -> list[Row]:
        """Return a device's rows of the study."""
        return device_rows(self.study, device)

    def chosen(self, device: str) -> list[Row]:
        """Return a device's rows of the selection, by rank.

        ``variant`` and ``in_variant``, a suffix of the network's name, which is empty if the device
        has a single variant.
        """
        several = len(variants_of(self.rows(device))) > 1
        found = rows(self.selection[self.selection["device"] == device])
        return [
            {**row, "in_variant": f" in {row['variant']}" if several else ""}
            for row in sorted(found, key=lambda row: int(row["rank"]))
        ]

    @cached_property
    def at_several_threads(self) -> list[str]:
        """The devices that were measured at several numbers of threads."""
        return [
            device
            for device in self.devices
            if variants.at_several_threads(self.study["variant"][self.study["device"] == device])
        ]

    def thread_rows(self, device: str) -> list[Row]:
        """Return a device's rows of the variant that figures show, at each number of threads."""
        own = self.study[(self.study["device"] == device) & (self.study["batch_size"] == 1)]
        parsed = own["variant"].map(variants.parse)
        shown = parsed.map(lambda variant: variant.is_reference and variant.allocator is None)
        return rows(own[shown.astype(bool)])

    def measured(self, device: str) -> bool:
        """Return whether a device's numbers were measured by dnnbench."""
        return any(row["source"] == "measured" for row in self.rows(device))

    def borrowed_memory(self, device: str) -> str | None:
        """Return the device that this device's memory numbers come from, if another."""
        return borrowed_memory(self.rows(device))


def devices_of(environments: Iterable[Environment], study: pd.DataFrame) -> tuple[str, ...]:
    """Return the devices of a study: measured ones first, those of 2018 last.

    The devices of 2018 are included even without rows (if no network of 2018 was selected), because
    the list of figures must not depend on the data.
    """
    measured = [environment.device for environment in environments]
    others = [device for device in study["device"] if device not in published_study.DEVICES]
    return tuple(dict.fromkeys([*measured, *others, *published_study.DEVICES]))
