"""The study that a stage works on: settings and the networks they name.

The workflow validates params.yaml and the device file once, and passes them to its jobs as one
file. A stage that you start by hand reads and validates them itself, in the same way.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from dnnbench.config import loading
from dnnbench.config.loading import Source
from dnnbench.config.parameters import Parameters
from dnnbench.config.section import ParameterError
from dnnbench.core import home, processors, text_file
from dnnbench.core.errors import UserError
from dnnbench.core.formatting import several
from dnnbench.core.storage import describe, write_json
from dnnbench.networks import model_list, registry
from dnnbench.networks.registry import Network
from dnnbench.records import paths
from dnnbench.records.plan import Plan

T = TypeVar("T")

# Suffixes of files for `snakemake --configfile`.
_SETTINGS_FILES = {".yaml", ".yml", ".json"}


@dataclass(frozen=True)
class Study:
    """Validated settings and their networks by key, measured networks first.

    ``predicted``: keys of networks that are only counted. ``threads``: threads per forward pass of
    variants that do not name their number; None: the machine's default. ``others``: plans of the
    devices merged from other machines; None: not searched yet.
    """

    settings: Parameters
    networks: Mapping[str, Network]
    predicted: Sequence[str] = ()
    registry: Path = paths.REGISTRY
    threads: int | None = None
    session: str = ""
    others: Sequence[Plan] | None = None

    @property
    def timed(self) -> list[str]:
        """Keys of the networks that are measured."""
        return [name for name in self.networks if name not in self.predicted]

    def of(self, names: Sequence[str]) -> "Study":
        """Return the study of only these networks.

        Raises RegistryError if one is not in it.
        """
        for name in names:
            if name not in self.networks:
                raise registry.RegistryError(
                    f"MODELS: {name!r}: not a network of this study. Add it to"
                    f" {paths.PARAMETERS}: models."
                )
        return replace(self, networks={name: self.networks[name] for name in names}, predicted=())

    def check_threads(self) -> None:
        """Raise UserError if a forward pass would use more threads than there are CPUs."""
        threads, cpus = self.settings.base_threads or 1, len(processors.given())
        if threads > cpus:
            raise UserError(
                f"{paths.device_file(self.settings.device)}: threads: {threads}: a process may use"
                f" only {several(cpus, 'CPU')} here. Write at most {cpus}, or null for one per"
                " physical core."
            )

    def check_round(self, number: int) -> None:
        """Raise UserError if the study has no such round, because no table would show it."""
        rounds = self.settings.latency.passes.rounds
        if number > rounds:
            raise UserError(
                f"--round: {number}: the study has {several(rounds, 'round')}. Choose one of"
                " them, or increase latency.rounds."
            )


def check(
    config: Mapping[str, Any],
    origins: Sequence[Source] = (),
    known: Path = paths.REGISTRY,
    models: Sequence[str] | None = None,
) -> Study:
    """Return the study of a merged configuration; ``origins`` are its sources.

    ``known`` is the registry file. ``models`` replaces the networks of the configuration. Raises
    ParameterError or RegistryError with one line that names the file, key, value and fix.
    """
    settings = loading.check(config, origins)
    entries = registry.load_registry(known)

    def find(names: str | Iterable[str], key: str) -> dict[str, Network]:
        return model_list.resolve(names, entries, f"{paths.PARAMETERS}: {key}")

    if models:
        timed, predicted = model_list.resolve(models, entries, "MODELS"), {}
    else:
        timed = find(settings.models, "models")
        predicted = find(settings.predicted, "predicted") if settings.predicted else {}
    entries |= predicted | timed

    def by_key(values: Mapping[str, T], setting: str, what: str) -> dict[str, T]:
        """Return settings of single networks by key; they may have any name of the network."""
        own, names = dict[str, T](), dict[str, str]()
        for name, value in values.items():
            found = find(name, setting)
            where = f"{paths.PARAMETERS}: {setting}: {name!r}"
            if len(found) > 1:
                raise ParameterError(
                    f"{where}: names {len(found)} networks. Name the one that the {what} belongs"
                    " to."
                )
            for key in found:
                if key in own:
                    raise ParameterError(f"{where}: same network as {names[key]!r}. Remove one.")
                own[key], names[key] = value, name
        return own

    files = by_key(settings.weights.override, "weights.override", "file")
    weights = settings.weights.model_copy(update={"override": files})
    accuracy = by_key(settings.accuracy, "accuracy", "accuracy")
    return Study(
        settings=settings.model_copy(update={"weights": weights, "accuracy": accuracy}),
        networks={**timed, **{key: one for key, one in predicted.items() if key not in timed}},
        predicted=[name for name in predicted if name not in timed],
        registry=known,
        threads=settings.base_threads,
        session=datetime.now().strftime("%Y-%m-%dT%H:%M"),
    )


def load(
    profile: str | None = None,
    files: Sequence[Path] = (),
    words: Sequence[str] = (),
    known: Path = paths.REGISTRY,
    models: Sequence[str] | None = None,
) -> Study:
    """Return the study of params.yaml and its overrides; see ``loading.sources``.

    Raises errors as ``check`` does.
    """
    origins = loading.sources(profile, files, words)
    return check(loading.merged(origins), origins, known, models)


def of_snakemake(workflow: Any) -> Study:
    """Return the study of a run of Snakemake, from its files and options.

    Snakemake's own parsing of files and of ``--config`` is not used, because it misreads some
    values. Raises UserError as ``check`` does, and if Snakemake was not started in the folder of
    the study.
    """
    folder = Path(workflow.basedir).resolve()
    if not folder.samefile(Path.cwd()):
        raise UserError(
            f"{Path.cwd()}: not the folder of the study. Run: cd {shlex.quote(str(folder))}"
        )
    for place in (folder, Path(__file__).parent):
        if not {"{", "}"}.isdisjoint(str(place)):
            raise UserError(f"{place}: Snakemake treats braces in a path as wildcards. Rename it.")
    home.ensure()  # The jobs inherit it.
    given = workflow.config_settings
    if given.replace_workflow_config:
        raise UserError(
            f"--replace-workflow-config: {paths.PARAMETERS} is always read. Remove the option."
        )
    # A profile lists itself as a configfile; its name is that of the device file.
    files = [file for file in given.configfiles if file.suffix in _SETTINGS_FILES]
    profiles = [file for file in given.configfiles if file not in files]
    for profile in filter(Path.is_file, profiles):
        loading.read(profile)  # To report duplicate keys, which Snakemake ignores.
    return load(profiles[-1].name if profiles else None, files, given.config_args)


class _File(BaseModel):
    """The settings file of a run, which its jobs read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    settings: Parameters
    networks: list[str]
    predicted: list[str]
    registry: Path
    threads: int
    session: str
    others: list[Plan]


def read(path: Path) -> Study:
    """Return the study in a settings file.

    Raises UserError if it is missing or invalid.
    """
    try:
        file = _File.model_validate_json(text_file.read_bytes(path))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file. Start Snakemake, which writes it.") from None
    except ValidationError as error:
        raise ParameterError(
            f"{path}: {describe(error).removesuffix('.')}. Remove it and start Snakemake again."
        ) from None
    known = registry.load_registry(file.registry)
    return Study(
        settings=file.settings,
        networks=model_list.resolve(file.networks, known, str(path)),
        predicted=file.predicted,
        registry=file.registry,
        threads=file.threads,
        session=file.session,
        others=file.others,
    )


def write(study: Study, path: Path, new_session: bool) -> None:
    """Write the settings file atomically, unless it already has the same content.

    A session is a run that measures latency: without ``new_session`` the file keeps its session.
    Raises UserError if another run in this folder uses other settings.
    """
    assert study.threads is not None and study.others is not None
    file = _File(
        settings=study.settings,
        networks=[network.spec for network in study.networks.values()],
        predicted=list(study.predicted),
        registry=study.registry,
        threads=study.threads,
        session=study.session,
        others=list(study.others),
    )
    if path.exists():
        former = text_file.read_text(path)
        try:
            before: _File | None = _File.model_validate_json(former)
        except ValidationError:  # Written by another version.
            before = None
        same = before is not None and file.model_copy(update={"session": before.session}) == before
        if same and not new_session:
            return
        if not same and _other_runs():
            raise UserError(
                f"{path}: another run of Snakemake uses this folder with other settings. Wait for"
                " it, or run dnnbench unlock if it was killed."
            )
    write_json(path, file)


def _other_runs() -> bool:
    """Return whether Snakemake holds locks for more than one run."""
    return len(list(paths.LOCKS.glob("*.output.lock"))) > 1
