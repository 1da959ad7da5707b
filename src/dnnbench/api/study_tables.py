"""Tables of a study, with the names of networks and devices."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path

from dnnbench.core import name_matching
from dnnbench.core.errors import UserError
from dnnbench.core.storage import R, read_json, read_rows
from dnnbench.networks import model_list, registry
from dnnbench.records import paths
from dnnbench.records.comparison_records import ComparisonRow, VariantAccuracyRow
from dnnbench.records.environment_records import Environment
from dnnbench.records.published_study import label
from dnnbench.records.set_aside_records import SetAside
from dnnbench.records.study_records import ModelRow, StudyRow


def read(path: Path, row_type: type[R]) -> list[R]:
    """Read a table that the workflow writes. Raises UserError if it does not exist."""
    if not path.exists():
        raise UserError(f"{path}: no such file. Run: snakemake --profile cpu")
    return read_rows(path, row_type)


def network_names() -> dict[str, str]:
    """Return the display names of the registry's networks, by key."""
    return {key: network.name for key, network in registry.load_registry().items()}


def option(name: str) -> str:
    """Return the command-line option for a question's parameter: ``--batch-size``."""
    return f"--{name.replace('_', '-')}"


class Tables:
    """Tables of one results folder, each read on first use.

    ``parameter`` spells the parameters of questions in errors: as options, unless given.
    """

    def __init__(self, results: Path, parameter: Callable[[str], str] = option) -> None:
        self.results = results
        self.parameter = parameter

    @cached_property
    def study(self) -> list[StudyRow]:
        """Rows of study.csv."""
        return read(paths.under(self.results, paths.STUDY), StudyRow)

    @property
    def known(self) -> list[StudyRow]:
        """Rows of study.csv that are not predicted."""
        return [row for row in self.study if row.source != "predicted"]

    @cached_property
    def models(self) -> dict[str, ModelRow]:
        """Rows of models.csv, by network."""
        return {row.model: row for row in read(paths.under(self.results, paths.MODELS), ModelRow)}

    @cached_property
    def comparisons(self) -> list[ComparisonRow]:
        """Rows of comparisons.csv; empty if no accuracy was measured."""
        path = paths.under(self.results, paths.COMPARISONS)
        return read_rows(path, ComparisonRow) if path.exists() else []

    @cached_property
    def variant_accuracy(self) -> list[VariantAccuracyRow]:
        """Rows of accuracy/variants.csv; empty if no variant's accuracy was measured."""
        path = paths.under(self.results, paths.VARIANT_ACCURACY_TABLE)
        return read_rows(path, VariantAccuracyRow) if path.exists() else []

    def check(self, device: str, name: str, value: object, there: Iterable[object]) -> None:
        """Raise UserError if the value of a parameter is not one that a device has.

        ``None``, for a parameter that was not given, is never an error.
        """
        known = list(there)
        if value is not None and value not in known:
            listed = ", ".join(map(str, known)) or "none"
            raise UserError(
                f"{self.parameter(name)}: {value!r}: {device} has {listed}."
                " Choose one, or add it to the device file and rerun the study."
            )

    @cached_property
    def set_aside(self) -> list[SetAside]:
        """Rows of set_aside.csv; empty if an earlier version wrote the tables."""
        path = paths.under(self.results, paths.SET_ASIDE)
        return read_rows(path, SetAside) if path.exists() else []

    def set_aside_of(self, device: str) -> list[SetAside]:
        """Return the rows of set_aside.csv for a device, and those for no device."""
        return [row for row in self.set_aside if row.device in (device, None)]

    @cached_property
    def names(self) -> dict[str, str]:
        """Display names by key: the registry's networks, then further ones of the study."""
        known = network_names()
        others = (key for key in self.models if key not in known)
        return known | {key: model_list.printed_name(key) for key in others}

    @cached_property
    def devices(self) -> dict[str, str]:
        """Names of the devices of study.csv (Titan Xp), by key (titanxp-2018)."""
        return {row.device: label(row.device) for row in self.study}

    def network(self, text: str, what: str = "MODEL") -> str:
        """Return the key of a network given by name, by key, or as in params.yaml.

        Raises UserError for an unknown network.
        """
        named = {row.spec: key for key, row in self.models.items()}
        # Accept a timm name without its tag if the study has it with a single tag.
        tagged = [key for spec, key in named.items() if spec.startswith(f"{text}.")]
        if text not in named and len(tagged) == 1:
            return tagged[0]
        return named.get(text) or name_matching.find(model_list.key_of(text), self.names, what)

    def device(self, text: str | None) -> str:
        """Return the key of a device, given by key or name, or by an unambiguous part of them.

        The default is the only measured device.

        Raises UserError if the name is unknown, or if there is more than one choice.
        """
        if text is not None:
            return name_matching.find(text, self.devices, self.parameter("device"), parts=True)
        measured = dict.fromkeys(row.device for row in self.study if row.source == "measured")
        choice: Sequence[str] = list(measured or self.devices)
        if len(choice) == 1:
            return choice[0]
        known = ", ".join(choice)
        if not known:
            table = paths.under(self.results, paths.STUDY)
            raise UserError(f"{table}: no rows. Run the study for a device.")
        raise UserError(
            f"{self.parameter('device')}: missing, and the study has {known}. Name one of them."
        )

    def rows(self, device: str) -> list[StudyRow]:
        """Return the rows of study.csv for a device."""
        return [row for row in self.study if row.device == device]

    def environment(self, device: str) -> Environment | None:
        """Return the description of a device's machine; None if there is none.

        The folder of a shared study may have it next to the tables.
        """
        beside = paths.in_device(self.results, paths.ENVIRONMENT)
        for path in (paths.under(self.results, paths.ENVIRONMENT, device=device), beside):
            if path.exists() and (found := read_json(path, Environment)).device == device:
                return found
        return None
