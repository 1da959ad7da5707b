"""Format of resources/weights/<model>.json."""

from typing import Annotated, Literal

from pydantic import (
    Field,
)

from dnnbench.records.base import SCHEMA_VERSION, ModelName, Record, SchemaVersion, Text, Tier


class WeightsTried(Record):
    """A source of weights that was not used."""

    source: Text
    """URL or path."""
    reason: Text
    """Why the source was not used."""


class WeightsRecord(Record):
    """Content of resources/weights/<model>.json: a verified weights file, or why there is none.

    There is no timestamp, so fetching the same file again causes no reruns.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    """Version of the file format."""
    model: ModelName
    """Key of the network."""
    status: Literal["ok", "missed"]
    """``ok``, or ``missed`` if no source had a usable file."""
    path: str | None = None
    """Path of the weights file."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of the weights file."""
    key: str | None = None
    """Key of the weights in the file; null: the whole file is one set of weights."""
    other_keys: list[str] = []
    """Keys of other sets of weights in the file, with different values."""
    tier: Tier | Literal["override"] | None = None
    """Tier of the source, or ``override`` for a file named in ``weights.override``."""
    library: Text | None = None
    """Library that publishes the file."""
    source: Text | None = None
    """URL, path, or file in a package."""
    revision: Text | None = None
    """Commit of the file, if it is from Hugging Face."""
    filename: Text | None = None
    """Name of the file at its source."""
    licence: Text | None = None
    """License of the weights."""
    tried: list[WeightsTried] = []
    """Sources that were tried and not used."""
