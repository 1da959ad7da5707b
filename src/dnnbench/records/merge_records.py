"""Format of results/.merged/<device>.json."""

from typing import Annotated

from pydantic import Field

from dnnbench.records.base import SCHEMA_VERSION, Record, SchemaVersion

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Merged(Record):
    """Content of results/.merged/<device>.json: files that ``dnnbench merge`` copied."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    """Version of the file format."""
    files: dict[str, Sha256]
    """SHA-256 of each copied file, by its path in the device's folder."""
    before: dict[str, Sha256] = {}
    """SHA-256 of the files that an unfinished merge is replacing; empty after a complete merge."""
