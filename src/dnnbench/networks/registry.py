"""The networks: where a definition comes from, how its input is prepared, what was published.

``config/models.yaml`` holds one entry a network. Reading it costs no import of torch, so that a
workflow can name its files; :mod:`dnnbench.networks.builders` imports what a network needs.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    Strict,
    ValidationError,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from dnnbench.config.library import by_key, libraries
from dnnbench.core import strict_yaml
from dnnbench.core.errors import UserError
from dnnbench.core.storage import describe
from dnnbench.networks.registry_file import DEFAULT_REGISTRY
from dnnbench.records import paths
from dnnbench.records.base import Digitised, Interpolation, ModelName, Percent, Tier
from dnnbench.records.published_study import STUDY

# ImageNet's classes: what a network tells apart unless its entry says otherwise.
CLASSES = 1000
_SHA1_DIGITS = 40
# A set of networks: that of 2018, and this.
MODERN: Literal["modern"] = "modern"
SETS = (STUDY, MODERN)


class RegistryError(UserError):
    """A registry, or a name looked up in it, that is wrong: names file, key, value and remedy."""


def _no_truth(value: Any) -> Any:
    """A literal alone takes true for 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("number", "Input should be a number")
    return value


# One line, as tables and pages show it.
_Text = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$")]
_Name = Annotated[_Text, Field(min_length=1, max_length=100)]
# A number is written as one: neither true nor "3".
_Offset = Annotated[float, Strict(), Field(ge=-10_000, le=10_000)]
_Scale = Annotated[float, Strict(), Field(ge=1e-6, le=10_000)]
# Of a smaller one, the picture around the crop would fill the memory.
_Share = Annotated[float, Strict(), Field(ge=0.1, le=1)]
_Percent = Annotated[Percent, Strict()]
_Black = Annotated[Literal[0], BeforeValidator(_no_truth)]
_White = Annotated[Literal[1, 255], BeforeValidator(_no_truth)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Hash(_Entry):
    """What the content of a file of weights must hash to."""

    kind: Literal["sha256_prefix", "sha1"] = Field(
        description="sha256_prefix: first hexadecimal digits of the file's SHA-256, as in its name;"
        " sha1: of the file, after unpacking if it is an archive"
    )
    value: str = Field(pattern=r"^[0-9a-f]{7,64}$", description="Hexadecimal digits, lower case")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.kind == "sha1" and len(self.value) != _SHA1_DIGITS:
            raise ValueError(
                f"value: {self.value!r}: {len(self.value)} digits, where a sha1 has {_SHA1_DIGITS}"
            )
        return self


class Preparation(_Entry):
    """How pixels become the network's input, after resizing and cropping."""

    channel_order: Literal["RGB", "BGR"] = Field(description="Order of the input's channels")
    range: tuple[_Black, _White] = Field(
        description="Values of a black and of a white pixel, before mean and std"
    )
    mean: tuple[_Offset, _Offset, _Offset] = Field(
        description="Subtracted from each channel, in channel_order and in the units of range"
    )
    std: tuple[_Scale, _Scale, _Scale] = Field(
        description="Divides each channel after the mean, in channel_order"
    )

    @model_validator(mode="after")
    def _is_in_units_of_range(self) -> Self:
        white = self.range[1]
        for key, values in (("mean", self.mean), ("std", self.std)):
            if max(map(abs, values)) > white:
                raise ValueError(
                    f"{key}: {list(values)}: beyond range {list(self.range)}, whose units it has"
                )
        return self


class WeightsSource(_Entry):
    """One place where trained weights of a network can be had."""

    tier: Tier = Field(
        description="A: the file of 2018; B: the same tensors, re-published since;"
        " C: the same architecture with other weights"
    )
    library: _Name = Field(description="Library, and version, that publishes the file")
    id: _Text | None = Field(default=None, description="Name of the weights within that library")
    url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="Address of the file",
    )
    package: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_]\w*(/\w[\w.-]*)+$",
        description="Where no url: an installed Python package and the file in it, module/path",
    )
    filename: str = Field(max_length=200, pattern=r"^\w[\w.-]*$", description="Name of the file")
    key: str | None = Field(
        default=None,
        min_length=1,
        description="Where the weights stand in the file, if it holds several sets that differ;"
        " null: it holds one",
    )
    hash: Hash | None = Field(
        description="What to verify after a download; null: unknown. Of a file on Hugging Face the"
        " hub states it, and it is kept beside the file"
    )
    interpolation: Interpolation | None = Field(
        default=None, description="Resize filter behind top1 and top5; null: unknown"
    )
    crop_pct: _Share | None = Field(
        default=None, description="Crop as a share of the resized short side behind top1 and top5"
    )
    top1: _Percent | None = Field(
        default=None, description="Top-1 accuracy that the source publishes, %"
    )
    top5: _Percent | None = Field(
        default=None, description="Top-5 accuracy that the source publishes, %"
    )
    preparation: Preparation | None = Field(
        default=None, description="Input of these weights where it differs from the network's own"
    )
    licence: _Text | None = Field(default=None, description="Licence of the weights; null: unknown")
    note: _Text | None = Field(
        default=None, description="What else to know before using this source"
    )

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.url is None) == (self.package is None):
            raise ValueError("url, package: give one of the two")
        if self.top1 is not None and self.top5 is not None and self.top1 > self.top5:
            raise ValueError(f"top1: {self.top1}: above top5, {self.top5}")
        return self

    @property
    def address(self) -> str:
        """Where the file is, as messages and records name it."""
        return self.url or f"package {self.package}"


class Published(_Entry):
    """Accuracy in the 2018 study: centre crop, single model, ImageNet validation images."""

    top1: _Percent = Field(description="Top-1 accuracy, %")
    top1_source: Digitised = Field(
        description="table3: printed (exact); figure: read off a figure (within 0.03)"
    )
    top5: _Percent = Field(description="Top-5 accuracy, %")
    top5_source: Digitised = Field(
        description="table3: printed (exact); figure: read off a figure (within 0.05)"
    )


class Network(Preparation):
    """One entry of the registry. Input size and normalisation come from here, never from the model.

    The input fields are those of the 2018 weights.
    """

    key: SkipJsonSchema[ModelName] = Field(description="The entry's key in the file")
    spec: SkipJsonSchema[str] = Field(default="", description="How a list of models names it")
    name: _Name = Field(
        description="The network's name as the 2018 study spells it, or its library"
    )
    family: _Name = Field(description="Networks of one design; figures group by it")
    year: Annotated[int, Strict(), Field(ge=2012, le=2100)] | None = Field(
        description="Year of the paper that introduced it; null: not known"
    )
    venue: _Text | None = Field(description="Where that paper appeared; null: not known")
    set: Literal["modern"] | None = Field(
        default=None, description="Name that stands for it and others in a list of models"
    )
    builder: str = Field(
        pattern=r"^([A-Za-z_][\w.]*|[^:]+\.py):[A-Za-z_][\w.]*$",
        description="module:function that returns the untrained network",
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="Keyword arguments for the builder"
    )
    input_size: Annotated[int, Strict(), Field(ge=1, le=4096)] = Field(
        description="Height and width of the input in pixels"
    )
    interpolation: Interpolation | None = Field(
        default=None,
        description="Resize filter of protocol native, where no source of weights states one",
    )
    crop_pct: _Share | None = Field(
        default=None,
        description="Crop as a share of the resized short side of protocol native, where no source"
        " of weights states one",
    )
    classes: Annotated[int, Strict(), Field(ge=2, le=1_000_000)] = Field(
        default=CLASSES,
        description="Logits an image; accuracy is measured of ImageNet's 1000 alone",
    )
    weights: tuple[WeightsSource, ...] = Field(
        default=(), description="Sources of trained weights, best first within a tier"
    )
    published: Published | None = Field(
        default=None, description="Accuracy in the 2018 study; null: not one of its networks"
    )

    @model_validator(mode="before")
    @classmethod
    def _goes_by_its_key(cls, data: Any) -> Any:
        return {"spec": data.get("key"), **data} if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _has_whole_geometry(self) -> Self:
        if (self.interpolation is None) != (self.crop_pct is None):
            raise ValueError("interpolation, crop_pct: give both or neither")
        return self

    def definition(self) -> str:
        """What its cost depends on, as text: neither names nor weights nor published numbers."""
        parts = [self.builder, self.arguments, self.input_size]
        if self.classes != CLASSES:
            parts.append({"classes": self.classes})
        module = self.builder.partition(":")[0]
        for library in libraries().values():
            if library.versioned and module == library.package:
                parts.append(importlib.metadata.version(module))
        return json.dumps(parts, sort_keys=True)

    def preparations(self) -> str:
        """How its input is prepared, for each source of weights, as text."""
        every = [self, *(source.preparation for source in self.weights)]
        fields = set(Preparation.model_fields)
        return json.dumps([own and own.model_dump(include=fields) for own in every])


def spec_of(key: str) -> str:
    """How a list of models names the network of ``key``: ``timm:resnet18`` for timm-resnet18."""
    library, name = by_key(key) or (None, key)
    return f"{library.name}:{name}" if library and not library.key else key


class _Registry(RootModel[dict[ModelName, Network]]):
    """The networks that dnnbench knows, by key."""

    @model_validator(mode="before")
    @classmethod
    def _name_entries(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        for key, entry in data.items():
            if key in SETS:
                raise ValueError(f"{key}: the name of a set of networks; choose another")
            for own in {"key", "spec"}.intersection(entry if isinstance(entry, dict) else ()):
                raise ValueError(f"{key}.{own}: unknown key")
        return {
            key: {**entry, "key": key, "spec": spec_of(key)} if isinstance(entry, dict) else entry
            for key, entry in data.items()
        }


def load_registry(path: Path = DEFAULT_REGISTRY) -> dict[str, Network]:
    """Read a registry: key -> network, in the order of the file.

    Raises UserError naming file, key, value and remedy where the file is missing or wrong.
    """
    try:
        return _Registry.model_validate(strict_yaml.read(path)).root
    except FileNotFoundError as error:
        raise RegistryError(
            f"{path}: no such file; give the path of a registry (--registry config/models.yaml)"
        ) from error
    except ValidationError as error:
        raise RegistryError(f"{path}: {_problem(error)}") from error


def schema() -> dict[str, Any]:
    """JSON Schema of the registry file, with a description on every key."""
    return _Registry.model_json_schema() | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": str(paths.REGISTRY),
        "description": "The networks that dnnbench knows, by key.",
    }


def hint(name: object, known: Iterable[str], otherwise: str = "see config/models.yaml") -> str:
    """What to do about a name that is none of ``known``: the nearest, or else ``otherwise``."""
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"did you mean {close[0]!r}?" if close else otherwise


def _problem(error: ValidationError) -> str:
    """Key, value and remedy: of an unknown key if there is one, else of the first problem.

    A misspelt key is two problems, an unknown key and a missing one, and the first explains both.
    """
    for problem in error.errors(include_url=False):
        if problem["type"] == "extra_forbidden":
            where = ".".join(str(part) for part in problem["loc"])
            models = (Network, WeightsSource, Published, Preparation, Hash)
            fields = sorted({field for model in models for field in model.model_fields})
            close = difflib.get_close_matches(str(problem["loc"][-1]), fields, n=1)
            remedy = f"did you mean {close[0]!r}?" if close else "remove it"
            return f"{where}: {problem['input']!r}: unknown key; {remedy}"
    return (
        f"{describe(error)}; correct it (workflow/schemas/models.schema.yaml describes every key)"
    )
