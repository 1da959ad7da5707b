"""The tables that figures and the page are made from, and what follows from them at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from dnnbench.core.errors import UserError
from dnnbench.networks.registry import WeightsSource
from dnnbench.records import published_study
from dnnbench.records.comparison_records import AccuracyRow, ComparisonRow
from dnnbench.records.environment_records import Environment
from dnnbench.records.study_records import VariantRow
from dnnbench.report.figures.cells import borrowed_memory, device_rows
from dnnbench.report.figures.figure_names import WITHOUT_OWN_MEMORY
from dnnbench.report.figures.identity import Identity, Row

# Shown where selection.csv is empty, so that the page can say that nothing fits.
_BUDGETS = ((0.7, 1.0, 1.4), (15.0, 30.0, 60.0))


@dataclass(frozen=True)
class Results:
    """Data frames of StudyRow, ModelRow and SelectionRow, and who the networks are.

    ``names`` and ``families``: key -> printed name, key -> family, in the registry's order.
    ``devices``: the devices to show, in order; one without rows gets empty figures. ``variants``:
    other ways of running than the one that figures show. ``accuracy``: what was measured of it;
    ``comparisons``: networks on the same pictures; ``sources``: key -> where weights can be had.
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
                    f"results/study.csv: {device}: memory_basis names another device;"
                    " add the device to WITHOUT_OWN_MEMORY in figure_names.py"
                )

    @cached_property
    def identity(self) -> Identity:
        """Names and colours of the networks."""
        return Identity(self.names, self.families)

    @cached_property
    def budgets(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Limits of memory (GiB) and of speed (frames a second) that were chosen under."""
        if self.selection.empty:
            return _BUDGETS
        gib = tuple(sorted({float(limit) for limit in self.selection["max_memory_gib"]}))
        fps = tuple(sorted({float(limit) for limit in self.selection["min_fps"]}))
        return gib, fps

    @cached_property
    def weights_mib(self) -> dict[str, float]:
        """MiB of parameters and buffers: by model of which they are known."""
        known = self.models.dropna(subset=["weights_mib"])
        return dict(zip(known["model"], known["weights_mib"].astype(float), strict=True))

    def rows(self, device: str) -> list[Row]:
        """A device's rows of the study."""
        return device_rows(self.study, device)

    def measured(self, device: str) -> bool:
        """Whether a device's numbers were measured by this program."""
        return any(row["source"] == "measured" for row in self.rows(device))

    def borrowed_memory(self, device: str) -> str | None:
        """The device whose memory this one's rows carry, if it is not their own."""
        return borrowed_memory(self.rows(device))


def devices_of(environments: Iterable[Environment], study: pd.DataFrame) -> tuple[str, ...]:
    """The devices of a study: those measured here first, those of the 2018 study last.

    The latter are there even without rows (none of their networks was asked for), because which
    figures there are must not depend on the data.
    """
    measured = [environment.device for environment in environments]
    others = [device for device in study["device"] if device not in published_study.DEVICES]
    return tuple(dict.fromkeys([*measured, *others, *published_study.DEVICES]))
