"""The registry: definition, input preparation, weights, published accuracy.

``config/models.yaml`` contains one entry per network. Reading it does not import torch, so that the
workflow can name its files quickly; :mod:`dnnbench.networks.builders` imports what a network needs.
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
from dnnbench.config.stated_accuracy import StatedAccuracy
from dnnbench.core import strict_yaml
from dnnbench.core.errors import UserError
from dnnbench.core.storage import describe
from dnnbench.networks.registry_file import DEFAULT_REGISTRY
from dnnbench.records import paths
from dnnbench.records.base import Digitized, Interpolation, ModelName, Percent, Tier
from dnnbench.records.published_study import STUDY

# ImageNet's classes, the default number of logits.
CLASSES = 1000
_SHA1_DIGITS = 40
# The sets of networks, next to that of the 2018 study.
MODERN: Literal["modern"] = "modern"
SETS = (STUDY, MODERN)


class RegistryError(UserError):
    """An invalid registry or network name; the message names key, value, and fix."""


def _no_truth(value: Any) -> Any:
    """Reject booleans, since a Literal accepts true as 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("number", "Input should be a number")
    return value


# A single line, so that tables and pages can show it.
_Text = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$")]
_Name = Annotated[_Text, Field(min_length=1, max_length=100)]
# Strict: neither true nor "3" is a number.
_Offset = Annotated[float, Strict(), Field(ge=-10_000, le=10_000)]
_Scale = Annotated[float, Strict(), Field(ge=1e-6, le=10_000)]
# With a smaller share, the resized image around the crop would fill the memory.
_Share = Annotated[float, Strict(), Field(ge=0.1, le=1)]
_Percent = Annotated[Percent, Strict()]
_Black = Annotated[Literal[0], BeforeValidator(_no_truth)]
_White = Annotated[Literal[1, 255], BeforeValidator(_no_truth)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Hash(_Entry):
    """The expected hash of a weights file."""

    kind: Literal["sha256_prefix", "sha1"] = Field(
        description="sha256_prefix: first hexadecimal digits of the file's SHA-256, as in its name;"
        " sha1: SHA-1 of the file, or of its only member if it is an archive"
    )
    value: str = Field(pattern=r"^[0-9a-f]{7,64}$", description="Lowercase hexadecimal digits")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.kind == "sha1" and len(self.value) != _SHA1_DIGITS:
            raise ValueError(
                f"value: {self.value!r}: has {len(self.value)} digits instead of {_SHA1_DIGITS}"
            )
        return self


class Preparation(_Entry):
    """The conversion of pixels to the network's input, after resizing and cropping."""

    channel_order: Literal["RGB", "BGR"] = Field(description="Order of the input channels")
    range: tuple[_Black, _White] = Field(
        description="Values of black and white pixels before mean and std are applied"
    )
    mean: tuple[_Offset, _Offset, _Offset] = Field(
        description="Value to subtract from each channel, in channel_order and in units of range"
    )
    std: tuple[_Scale, _Scale, _Scale] = Field(
        description="Value to divide each channel by after subtracting the mean, in channel_order"
    )

    @model_validator(mode="after")
    def _is_in_units_of_range(self) -> Self:
        white = self.range[1]
        for key, values in (("mean", self.mean), ("std", self.std)):
            if max(map(abs, values)) > white:
                raise ValueError(
                    f"{key}: {list(values)}: must be in units of range and within"
                    f" {list(self.range)}"
                )
        return self


class WeightsSource(_Entry):
    """One source of trained weights for a network."""

    tier: Tier = Field(
        description="A: the file of 2018; B: the same tensors, republished since;"
        " C: the same architecture with different weights"
    )
    library: _Name = Field(description="Library that publishes the file, and its version")
    id: _Text | None = Field(default=None, description="Name of the weights in that library")
    url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="URL of the file",
    )
    package: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_]\w*(/\w[\w.-]*)+$",
        description="Instead of url: a file in an installed Python package: package/path",
    )
    filename: str = Field(max_length=200, pattern=r"^\w[\w.-]*$", description="Name of the file")
    key: str | None = Field(
        default=None,
        min_length=1,
        description="Key of the weights in the file, if it contains several different sets;"
        " null: it contains one set",
    )
    hash: Hash | None = Field(
        description="Hash to verify after a download; null: unknown. The hash of a file on"
        " Hugging Face is taken from the hub and stored next to the file"
    )
    interpolation: Interpolation | None = Field(
        default=None, description="Resize filter used for top1 and top5; null: unknown"
    )
    crop_pct: _Share | None = Field(
        default=None,
        description="Crop used for top1 and top5, as a fraction of the resized short side",
    )
    top1: _Percent | None = Field(
        default=None, description="Top-1 accuracy that the source publishes, in percent"
    )
    top5: _Percent | None = Field(
        default=None, description="Top-5 accuracy that the source publishes, in percent"
    )
    preparation: Preparation | None = Field(
        default=None,
        description="Input preparation for these weights, if it differs from the network's",
    )
    licence: _Text | None = Field(default=None, description="License of the weights; null: unknown")
    note: _Text | None = Field(default=None, description="Remarks about this source")

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.url is None) == (self.package is None):
            raise ValueError("url, package: exactly one of the two is required")
        if self.top1 is not None and self.top5 is not None and self.top1 > self.top5:
            raise ValueError(f"top1: {self.top1}: greater than top5, {self.top5}")
        return self

    @property
    def address(self) -> str:
        """The file's location, as shown in messages and records."""
        return self.url or f"package {self.package}"


class Published(_Entry):
    """Accuracy in the 2018 study: center crop, single model, ImageNet validation."""

    top1: _Percent = Field(description="Top-1 accuracy, in percent")
    top1_source: Digitized = Field(
        description="table3: printed (exact); figure: read from a figure (within 0.03)"
    )
    top5: _Percent = Field(description="Top-5 accuracy, in percent")
    top5_source: Digitized = Field(
        description="table3: printed (exact); figure: read from a figure (within 0.05)"
    )


class Network(Preparation):
    """One entry of the registry.

    Input size and normalization always come from here, never from the model. Channel order,
    range, mean and std apply to the weights of 2018; other weights can have their own.
    """

    key: SkipJsonSchema[ModelName] = Field(description="The entry's key in the file")
    spec: SkipJsonSchema[str] = Field(default="", description="Its name in a list of models")
    name: _Name = Field(
        description="The network's name, as spelled by the 2018 study or by its library"
    )
    family: _Name = Field(description="Networks of the same design; figures use one hue per family")
    year: Annotated[int, Strict(), Field(ge=2012, le=2100)] | None = Field(
        description="Year of the paper that introduced the network; null: unknown"
    )
    venue: _Text | None = Field(description="Venue of that paper; null: unknown")
    set: Literal["modern"] | None = Field(
        default=None, description="Set that the network belongs to; models can name the whole set"
    )
    builder: str = Field(
        pattern=r"^([A-Za-z_][\w.]*|[^:]+\.py):[A-Za-z_][\w.]*$",
        description="Function that returns the untrained network: module:function, or"
        " file.py:function",
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="Keyword arguments for the builder"
    )
    input_size: Annotated[int, Strict(), Field(ge=1, le=4096)] = Field(
        description="Height and width of the input in pixels"
    )
    interpolation: Interpolation | None = Field(
        default=None,
        description="Resize filter for protocol native, if no source of weights states one",
    )
    crop_pct: _Share | None = Field(
        default=None,
        description="Crop for protocol native, as a fraction of the resized short side, if no"
        " source of weights states one",
    )
    classes: Annotated[int, Strict(), Field(ge=2, le=1_000_000)] = Field(
        default=CLASSES,
        description="Number of logits per image; accuracy is measured only for the 1000 classes of"
        " ImageNet",
    )
    weights: tuple[WeightsSource, ...] = Field(
        default=(),
        description="Sources of trained weights; within a tier, the first one is preferred",
    )
    accuracy: StatedAccuracy | None = Field(
        default=None, description="Accuracy that you state for the network; null: none"
    )
    published: Published | None = Field(
        default=None, description="Accuracy in the 2018 study; null: the study did not include it"
    )

    @model_validator(mode="before")
    @classmethod
    def _goes_by_its_key(cls, data: Any) -> Any:
        return {"spec": data.get("key"), **data} if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _has_whole_geometry(self) -> Self:
        if (self.interpolation is None) != (self.crop_pct is None):
            raise ValueError("interpolation, crop_pct: both or neither are required")
        return self

    def definition(self) -> str:
        """Return as text everything that determines the network's cost."""
        parts = [self.builder, self.arguments, self.input_size]
        if self.classes != CLASSES:
            parts.append({"classes": self.classes})
        module = self.builder.partition(":")[0]
        for library in libraries().values():
            if library.versioned and module == library.package:
                parts.append(importlib.metadata.version(module))
        return json.dumps(parts, sort_keys=True)

    def preparations(self) -> str:
        """Return as text the input preparation of network and weights sources."""
        every = [self, *(source.preparation for source in self.weights)]
        fields = set(Preparation.model_fields)
        return json.dumps([own and own.model_dump(include=fields) for own in every])


def spec_of(key: str) -> str:
    """Return a key's form in a list of models, such as ``timm:resnet18``."""
    library, name = by_key(key) or (None, key)
    return f"{library.name}:{name}" if library and not library.key else key


class _Registry(RootModel[dict[ModelName, Network]]):
    """The networks of dnnbench, by key."""

    @model_validator(mode="before")
    @classmethod
    def _name_entries(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        for key, entry in data.items():
            if key in SETS:
                raise ValueError(f"{key}: reserved for a set of networks")
            for own in {"key", "spec"}.intersection(entry if isinstance(entry, dict) else ()):
                raise ValueError(f"{key}.{own}: unknown key")
        return {
            key: {**entry, "key": key, "spec": spec_of(key)} if isinstance(entry, dict) else entry
            for key, entry in data.items()
        }


def load_registry(path: Path = DEFAULT_REGISTRY) -> dict[str, Network]:
    """Read a registry and return its networks by key, in the order of the file.

    Raises UserError, which names file, key, value, and fix, if the file is missing or invalid.
    """
    try:
        return _Registry.model_validate(strict_yaml.read(path)).root
    except FileNotFoundError as error:
        raise RegistryError(
            f"{path}: no such file. Pass the path of a registry (--registry config/models.yaml)."
        ) from error
    except ValidationError as error:
        raise RegistryError(f"{path}: {_problem(error)}") from error


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the registry file, which describes every key."""
    return _Registry.model_json_schema() | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": str(paths.REGISTRY),
        "description": "The networks of dnnbench, by key.",
    }


def hint(name: object, known: Iterable[str], otherwise: str = "See config/models.yaml.") -> str:
    """Return a remedy for an unknown name: the closest, or else ``otherwise``."""
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"Did you mean {close[0]!r}?" if close else otherwise


def _problem(error: ValidationError) -> str:
    """Return key, value, and remedy of the most telling problem.

    A misspelled key causes two problems, an unknown and a missing key; the former explains both.
    """
    for problem in error.errors(include_url=False):
        if problem["type"] == "extra_forbidden":
            where = ".".join(str(part) for part in problem["loc"])
            models = (Network, WeightsSource, Published, Preparation, Hash, StatedAccuracy)
            fields = sorted({field for model in models for field in model.model_fields})
            close = difflib.get_close_matches(str(problem["loc"][-1]), fields, n=1)
            remedy = f"Did you mean {close[0]!r}?" if close else "Remove it."
            return f"{where}: {problem['input']!r}: unknown key. {remedy}"
    text = describe(error)
    if text.endswith("?"):  # It asks about the likely value.
        return text
    return f"{text}. Correct it (workflow/schemas/models.schema.yaml describes every key)."
