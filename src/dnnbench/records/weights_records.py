"""The shape of resources/weights/<model>.json."""

from typing import Annotated, Literal

from pydantic import (
    Field,
)

from dnnbench.records.base import SCHEMA_VERSION, ModelName, Record, SchemaVersion, Text, Tier


class WeightsTried(Record):
    """A source of weights that was not used, and why."""

    source: Text
    reason: Text


class WeightsRecord(Record):
    """resources/weights/<model>.json: a network's verified file of weights, or why there is none.

    ``sha256`` is of the file at ``path``. ``source`` is an address, a path, or a file in a package;
    ``revision`` is the commit that a file on Hugging Face is of. ``key`` is where the set of
    weights that is used stands in the file, null where it is the whole file, and ``other_keys``
    are those of sets that differ from it. ``tier`` is that of ``registry.WeightsSource``, or
    override for a file of the user's own. There is no time in it, so that what is fetched again
    unchanged does not run anything again.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    model: ModelName
    status: Literal["ok", "missed"]
    path: str | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    key: str | None = None
    other_keys: list[str] = []
    tier: Tier | Literal["override"] | None = None
    library: Text | None = None
    source: Text | None = None
    revision: Text | None = None
    filename: Text | None = None
    licence: Text | None = None
    tried: list[WeightsTried] = []
