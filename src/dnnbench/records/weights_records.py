"""Format of resources/weights/<model>.json."""

from typing import Annotated, Literal

from pydantic import (
    Field,
)

from dnnbench.records.base import SCHEMA_VERSION, ModelName, Record, SchemaVersion, Text, Tier


class WeightsTried(Record):
    """Source of weights that was not used."""

    source: Text
    """Address or path."""
    reason: Text
    """Reason why it was not used."""


class WeightsRecord(Record):
    """Content of resources/weights/<model>.json: a verified weights file, or why there is none.

    It has no timestamp, so fetching the same file again does not rerun anything.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    """Version of the file format."""
    model: ModelName
    """Key of the network."""
    status: Literal["ok", "missed"]
    """``missed`` if no source had a usable file."""
    path: str | None = None
    """File of weights."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of that file."""
    key: str | None = None
    """Key of the weights in the file; null: they are the whole file."""
    other_keys: list[str] = []
    """Keys of other, different sets of weights in the file."""
    tier: Tier | Literal["override"] | None = None
    """Tier of the source, or ``override`` for a file named in ``weights.override``."""
    library: Text | None = None
    """Library that publishes the file."""
    source: Text | None = None
    """Address, path, or file in a package."""
    revision: Text | None = None
    """Commit of a file on Hugging Face."""
    filename: Text | None = None
    """Name of the file at its source."""
    licence: Text | None = None
    """License of the weights."""
    tried: list[WeightsTried] = []
    """Sources that were not used."""
