"""The tables of a study, and the names of its networks and devices, as commands read them."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from dnnbench.core import name_matching
from dnnbench.core.errors import UserError
from dnnbench.core.storage import R, read_rows
from dnnbench.networks import model_list, registry
from dnnbench.records import paths
from dnnbench.records.comparison_records import ComparisonRow
from dnnbench.records.published_study import label
from dnnbench.records.set_aside_records import SetAside
from dnnbench.records.study_records import ModelRow, StudyRow


def read(path: Path, row_type: type[R]) -> list[R]:
    """Read a table that the workflow writes. Raises UserError where there is none."""
    if not path.exists():
        raise UserError(f"{path}: no such file; run: snakemake --profile cpu")
    return read_rows(path, row_type)


def network_names() -> dict[str, str]:
    """Return the printed names of the networks of the registry, by key."""
    return {key: network.name for key, network in registry.load_registry().items()}


class Tables:
    """The tables of one folder of results, each read when it is asked for."""

    def __init__(self, results: Path) -> None:
        self.results = results

    @cached_property
    def study(self) -> list[StudyRow]:
        """Rows of study.csv."""
        return read(paths.under(self.results, paths.STUDY), StudyRow)

    @property
    def known(self) -> list[StudyRow]:
        """Rows of study.csv without the predicted ones."""
        return [row for row in self.study if row.source != "predicted"]

    @cached_property
    def models(self) -> dict[str, ModelRow]:
        """Rows of models.csv, by network."""
        return {row.model: row for row in read(paths.under(self.results, paths.MODELS), ModelRow)}

    @cached_property
    def comparisons(self) -> list[ComparisonRow]:
        """Rows of comparisons.csv; none where no accuracy was measured."""
        path = paths.under(self.results, paths.COMPARISONS)
        return read_rows(path, ComparisonRow) if path.exists() else []

    @cached_property
    def set_aside(self) -> list[SetAside]:
        """Rows of set_aside.csv; none where an earlier version made the tables."""
        path = paths.under(self.results, paths.SET_ASIDE)
        return read_rows(path, SetAside) if path.exists() else []

    def set_aside_of(self, device: str) -> list[SetAside]:
        """Return the rows of set_aside.csv of a device, and those of no device."""
        return [row for row in self.set_aside if row.device in (device, None)]

    @cached_property
    def names(self) -> dict[str, str]:
        """Printed names by key: the registry's networks, and those of the study beside them."""
        known = network_names()
        others = (key for key in self.models if key not in known)
        return known | {key: model_list.printed_name(key) for key in others}

    @cached_property
    def devices(self) -> dict[str, str]:
        """What a person may call the devices of study.csv (Titan Xp), by their names in it."""
        return {row.device: label(row.device) for row in self.study}

    def network(self, text: str, what: str = "MODEL") -> str:
        """Return the key of a network that is given by name, by key or as in params.yaml.

        Raises UserError for an unknown one.
        """
        named = {row.spec: key for key, row in self.models.items()}
        # timm's default tag is known where a study has the name with one tag.
        tagged = [key for spec, key in named.items() if spec.startswith(f"{text}.")]
        if text not in named and len(tagged) == 1:
            return tagged[0]
        return named.get(text) or name_matching.find(model_list.key_of(text), self.names, what)

    def device(self, text: str | None) -> str:
        """Return the device that is meant; where none is named, the only one that was measured.

        Raises UserError where the name is not known, or where the choice is not clear.
        """
        if text is not None:
            return name_matching.find(text, self.devices, "--device")
        measured = dict.fromkeys(row.device for row in self.study if row.source == "measured")
        choice: Sequence[str] = list(measured or self.devices)
        if len(choice) == 1:
            return choice[0]
        known = ", ".join(choice)
        if not known:
            table = paths.under(self.results, paths.STUDY)
            raise UserError(f"{table}: no rows; run the study for a device")
        raise UserError(f"--device: missing, and there are {known}; name one of them")

    def rows(self, device: str) -> list[StudyRow]:
        """Return a device's rows of study.csv."""
        return [row for row in self.study if row.device == device]
