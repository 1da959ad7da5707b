"""The study and the device: what params.yaml and a device file may say.

The device file's keys override those of params.yaml. Everything is checked before any work
starts, and a mistake is one line that names the file, the key, the value and the remedy.
"""

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from dnnbench import records, variants
from dnnbench.errors import UserError
from dnnbench.records import BatchSize, DeviceName, Positive, Tier

# Checked by what it means, which says more than a pattern that does not fit.
Variant = Annotated[str, Field(json_schema_extra={"pattern": variants.PATTERN})]
_VARIANTS = (
    "Ways of running a network: PRECISION[-autocast]-ENGINE[-channels_last], of"
    f" {', '.join(variants.PRECISIONS)} and {', '.join(variants.ENGINES)}. See docs/variants.md."
)


class ParameterError(UserError):
    """A parameter that cannot be right: names file, key, value and remedy in one line."""


class Section(BaseModel):
    """Base of all sections: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Passes(Section):
    """How many forward passes a process makes: ``discard`` untimed, then ``samples`` timed."""

    rounds: int
    discard: int
    samples: tuple[int, int]
    one_process: Literal["cell", "model"]


PROTOCOLS = {
    "default": Passes(rounds=5, discard=1, samples=(1, 3), one_process="cell"),
    "bianco2018": Passes(rounds=1, discard=10, samples=(10, 10), one_process="model"),
}


class Latency(Section):
    """How inference time is measured."""

    protocol: Annotated[
        Literal["default", "bianco2018"],
        Field(
            description="default: every (model, batch size) in a process of its own, several"
            " rounds spread over the session. bianco2018: 10 passes untimed, mean of the next 10,"
            " one process a model."
        ),
    ] = "default"
    rounds: Annotated[
        int | None,
        Field(
            ge=1,
            description="Rounds, each one visit to every cell in a new process. Fixed beforehand:"
            " stopping when the interval looks narrow destroys its coverage. null: the protocol's.",
        ),
    ] = None
    discard: Annotated[
        int | None,
        Field(ge=1, description="Passes before the timed ones. null: the protocol's."),
    ] = None
    samples: Annotated[
        tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] | None,
        Field(
            description="Fewest and most timed passes in a process; more than the fewest only"
            " while they are short. null: the protocol's."
        ),
    ] = None
    cell_timeout_s: Annotated[
        Positive, Field(description="A cell that takes longer is recorded as a timeout.")
    ] = 60.0

    @model_validator(mode="after")
    def _fits_protocol(self) -> Self:
        passes = PROTOCOLS[self.protocol]
        if self.samples is not None and self.samples[0] > self.samples[1]:
            raise ValueError(f"samples: {list(self.samples)}: the fewest exceeds the most; swap")
        if self.protocol == "bianco2018":
            for key in ("rounds", "discard", "samples"):
                value, fixed = getattr(self, key), getattr(passes, key)
                if value not in (None, fixed):
                    raise ValueError(
                        f"{key}: {value}: protocol bianco2018 fixes it at {fixed}; set it to null"
                    )
        return self

    @property
    def passes(self) -> Passes:
        """The protocol with this study's own numbers put in."""
        own = {k: v for k in ("rounds", "discard", "samples") if (v := getattr(self, k))}
        return PROTOCOLS[self.protocol].model_copy(update=own)


class Memory(Section):
    """How memory is measured."""

    cell_timeout_s: Annotated[
        Positive, Field(description="A batch size that takes longer is recorded as a timeout.")
    ] = 120.0


class Override(Section):
    """A user's own file of weights for one network."""

    path: Annotated[Path, Field(description="The file: what torch.save wrote, or .safetensors.")]
    sha256: Annotated[
        str,
        Field(pattern=r"^[0-9a-f]{64}$", description="Its SHA-256: 64 digits, as sha256sum says."),
    ]

    @model_validator(mode="after")
    def _is_there(self) -> Self:
        if not self.path.is_file():
            raise ValueError(f"path: {str(self.path)!r}: no such file; correct the path")
        return self


class Weights(Section):
    """Where trained weights come from."""

    mirror: Annotated[
        Path | None,
        Field(
            description="Folder with files of weights, named as upstream names them; it is looked"
            " through before any address is. null: none."
        ),
    ] = None
    tiers: Annotated[
        list[Tier],
        Field(
            description="Kinds of sources that may be used. A: the files of 2018. B: the same"
            " tensors, re-published since. C: the same architecture with other weights, whose"
            " accuracy is another number. Tried in this order, however written. []: none, only"
            " override."
        ),
    ] = ["A", "B"]
    override: Annotated[
        dict[str, Override],
        Field(description="Files of your own, by network: {vgg16: {path: ..., sha256: ...}}."),
    ] = {}

    @model_validator(mode="after")
    def _mirror_is_there(self) -> Self:
        if self.mirror is not None and not self.mirror.is_dir():
            raise ValueError(f"mirror: {str(self.mirror)!r}: no such folder; correct it, or null")
        return self


class Dataset(Section):
    """Labelled pictures that accuracy is measured on."""

    name: Annotated[
        Literal["imagenet", "imagenetv2", "imagenette", "folder"] | None,
        Field(
            description="imagenet: the 50,000 validation pictures, or some of them. imagenetv2,"
            " imagenette: downloaded, or in path. folder: pictures named or foldered by synset."
            " null: accuracy is not measured."
        ),
    ] = None
    path: Annotated[
        Path | None,
        Field(description="Folder that holds the data set. null: resources/datasets."),
    ] = None
    protocol: Annotated[
        Literal["bianco2018", "native"],
        Field(
            description="bianco2018: bilinear, short side to floor(size / 0.875), centre crop, for"
            " every network. native: filter and crop of the library that publishes the weights."
        ),
    ] = "bianco2018"

    @model_validator(mode="after")
    def _is_there(self) -> Self:
        if self.path is None and self.name in ("imagenet", "folder"):
            raise ValueError(f"path: null: {self.name} cannot be downloaded; name its folder")
        if self.path is not None and self.name is None:
            raise ValueError(f"name: null: {str(self.path)!r} would not be used; write folder")
        if self.path is not None and not self.path.is_dir():
            raise ValueError(f"path: {str(self.path)!r}: no such folder; correct it")
        return self


class Budgets(Section):
    """What results/selection.csv chooses under."""

    max_memory_gib: Annotated[
        list[Positive], Field(min_length=1, description="Memory budgets, GiB.")
    ] = [0.7, 1.0, 1.4]
    min_fps: Annotated[
        list[Positive], Field(min_length=1, description="Speed budgets, frames a second.")
    ] = [15.0, 30.0, 60.0]
    top: Annotated[int, Field(ge=1, description="Networks listed under each pair of budgets.")] = 5


class Gpu(Section):
    """How an NVIDIA GPU is chosen and set up. Everything here changes times, so it is recorded."""

    select: Annotated[
        str,
        Field(
            pattern=r"^([0-9]+|GPU-[0-9a-f-]+|[0-9a-fA-F]+:[0-9a-fA-F:.]+)$",
            description="Which GPU, where there are several: its place among those that CUDA shows,"
            " its UUID (GPU-...) or its PCI address. Quote a number.",
        ),
    ] = "0"
    cudnn_benchmark: Annotated[
        bool,
        Field(description="Whether cuDNN tries its algorithms in the first pass, and keeps one."),
    ] = True
    deterministic: Annotated[
        bool, Field(description="Whether cuDNN may only use algorithms that repeat bit by bit.")
    ] = False
    when_clocks_float: Annotated[
        Literal["flag", "refuse"],
        Field(
            description="What to do where the clocks are not locked: flag the cells as unstable,"
            " or refuse to time."
        ),
    ] = "flag"
    cool_down_c: Annotated[
        Positive | None,
        Field(description="Wait before a cell until the GPU is this cool, Celsius. null: do not."),
    ] = None
    cool_down_limit_s: Annotated[
        Positive, Field(description="Longest wait before a cell for it to cool down, seconds.")
    ] = 60.0


class Parameters(Section):
    """params.yaml with a device file's keys put over it."""

    profile: Annotated[
        str, Field(description="Snakemake profile that `dvc repro` runs with.", pattern=r"^\S+$")
    ] = "cpu"
    models: Annotated[
        str | Annotated[list[str], Field(min_length=1)],
        Field(
            description="Networks: a set (bianco2018, modern), or a list of sets, names from the"
            " registry, timm:<name>, torchvision:<name> (wildcards allowed) and"
            " mine:<file>.py:<function>."
        ),
    ] = "bianco2018"
    predicted: Annotated[
        str | list[str],
        Field(
            description="A set of networks or a list of names, as models: those that are not among"
            " models are counted and not measured. Their time is predicted from those that are."
        ),
    ] = []
    devices: Annotated[
        list[DeviceName],
        Field(
            description="Devices that other machines measure, and whose records `dnnbench merge`"
            " brings: shown beside this one's where they are there, never measured here."
        ),
    ] = []
    latency: Annotated[Latency, Field(description="How inference time is measured.")] = Latency()
    memory: Annotated[Memory, Field(description="How memory is measured.")] = Memory()
    budgets: Annotated[Budgets, Field(description="Budgets to choose under.")] = Budgets()
    weights: Annotated[Weights, Field(description="Where trained weights come from.")] = Weights()
    dataset: Annotated[
        Dataset, Field(description="Labelled pictures that accuracy is measured on.")
    ] = Dataset()

    device: Annotated[
        DeviceName, Field(description="Name of the device in paths and tables: a fixed string.")
    ]
    backend: Annotated[
        Literal["cpu", "cuda", "jetson"],
        Field(description="How the device is driven, timed and watched."),
    ]
    batch_sizes: Annotated[
        list[BatchSize],
        Field(min_length=1, description="Batch sizes that are measured. 1 decides selections."),
    ]
    threads: Annotated[
        int | None,
        Field(ge=1, description="CPU threads of a forward pass. null: one a physical core."),
    ] = None
    variants: Annotated[
        list[Variant],
        Field(min_length=1, description=_VARIANTS),
    ] = ["fp32-eager"]
    gpu: Annotated[
        Gpu | None,
        Field(
            description="How the GPU is set up: of backends cuda and jetson alone.",
            validate_default=True,
        ),
    ] = None
    when_busy: Annotated[
        Literal["flag", "refuse"],
        Field(
            description="What to do before a round where other programs use the machine:"
            " flag the round's cells as unstable, or refuse to start."
        ),
    ] = "flag"
    conda: Annotated[
        Literal["device", "device-cu126", "device-jetson"],
        Field(
            description="Environment of workflow/envs that the device is driven in, with"
            " `snakemake --sdm conda`."
        ),
    ] = "device"

    @field_validator("gpu")
    @classmethod
    def _only_where_there_is_one(cls, gpu: Gpu | None, info: ValidationInfo) -> Gpu | None:
        """The settings of backends that have a GPU: those that are not written are the defaults."""
        if info.data.get("backend") == "cpu":
            if gpu is not None:
                raise PydanticCustomError("gpu", "Backend cpu has no GPU: remove it")
            return None
        return gpu or Gpu()

    @field_validator("variants")
    @classmethod
    def _run_here(cls, names: list[str], others: ValidationInfo) -> list[str]:
        for place, name in enumerate(names):
            if name in names[:place]:
                raise ValueError(f"{place}: {name!r}: named twice; remove one")
            if "backend" in others.data:
                try:
                    variants.check(name, others.data["backend"])
                except UserError as error:
                    raise ValueError(f"{place}: {error}") from None
        return names


def check(config: Mapping[str, Any], files: Iterable[Path | str] = ()) -> Parameters:
    """Parameters from a merged configuration.

    ``files`` are those it was merged from, later ones overriding; they are read again only to
    say which of them holds a mistake. Raises ParameterError with one line.
    """
    paths = [Path(os.path.relpath(file)) for file in files]
    try:
        return Parameters.model_validate(dict(config))
    except ValidationError as error:
        raise ParameterError(_line(error, paths)) from None


def load(*files: Path | str) -> Parameters:
    """Parameters from files, later ones overriding earlier ones key by key."""
    config: dict[str, Any] = {}
    for file in files:
        config = _merge(config, read_yaml(Path(file)))
    return check(config, files)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping from ``path``. Raises ParameterError naming the file and the remedy."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = difflib.get_close_matches(
            str(path), [str(file) for file in path.parent.glob("*.yaml")], n=1, cutoff=0
        )
        hint = f"; there is {known[0]}" if known else ""
        raise ParameterError(f"{path}: no such file{hint}") from None
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        line = f":{place.line + 1}" if place else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ParameterError(f"{path}{line}: not YAML: {problem}; mend the line") from None
    if not isinstance(content, dict):
        raise ParameterError(f"{path}: {content!r}: not a mapping; write `key: value` lines")
    return content


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = (
            _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged


def _line(error: ValidationError, files: list[Path]) -> str:
    first = error.errors(include_url=False)[0]
    location = [str(part) for part in first["loc"]]
    file = _holder(location, files)
    if first["type"] == "extra_forbidden":
        section = _section(location[:-1])
        close = difflib.get_close_matches(location[-1], section.model_fields, n=1)
        remedy = (
            f"did you mean {close[0]!r}?"
            if close
            else f"remove it; known keys: {', '.join(section.model_fields)}"
        )
        return f"{file}: {'.'.join(location)}: {first['input']!r}: unknown key; {remedy}"
    if first["type"] == "missing" and len(location) == 1:
        return (
            f"{file}: {'.'.join(location)}: missing; a device file sets it:"
            " run with a device's profile, such as snakemake --profile cpu"
        )
    if first["type"] == "value_error":  # Our own checks, which say what to do.
        return f"{file}: {'.'.join(location)}.{first['ctx']['error']}"
    return f"{file}: {records.describe(error)}; {_remedy(location)}"


def _remedy(location: list[str]) -> str:
    """What the schema says of the nearest key that has a description."""
    section: type[BaseModel] = Parameters
    text = "mend the value"
    for part in location:
        field = section.model_fields.get(part)
        if field is None:
            break
        text = f"mend the value ({field.description})"
        if inner := _inner(field.annotation):
            section = inner
    return text


def _section(location: list[str]) -> type[BaseModel]:
    section: type[BaseModel] = Parameters
    parts = iter(location)
    for part in parts:
        annotation: Any = section.model_fields[part].annotation
        if get_origin(annotation) is dict:  # Sections by name: the next part is the name.
            next(parts)
            annotation = get_args(annotation)[1]
        section = _inner(annotation) or section
    return section


def _inner(annotation: Any) -> type[BaseModel] | None:
    """The section that a field holds, also where it may be null."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _holder(location: list[str], files: list[Path]) -> str:
    """The last file that sets the key, or the first part of it that any file sets."""
    for depth in range(len(location), 0, -1):
        for file in reversed(files):
            node: Any = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else None
            for part in location[:depth]:
                node = node.get(part, _ABSENT) if isinstance(node, dict) else _ABSENT
            if node is not _ABSENT:
                return str(file)
    return " + ".join(str(file) for file in files) or "parameters"


_ABSENT = object()


def schema() -> dict[str, Any]:
    """JSON Schema of params.yaml and device files, with a description on every key.

    Nothing is required, since each file holds some of the keys.
    """
    whole = Parameters.model_json_schema()
    del whole["required"]
    return whole | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dnnbench parameters",
        "description": "params.yaml, and the device files (config/devices/) that override it.",
    }
