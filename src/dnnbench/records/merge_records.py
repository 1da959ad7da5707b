"""The shape of results/.merged/<device>.json."""

from typing import Annotated

from pydantic import Field

from dnnbench.records.base import SCHEMA_VERSION, Record, SchemaVersion

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Merged(Record):
    """What ``dnnbench merge`` brought of a device: SHA-256 by path in the device's folder.

    ``before`` is what it takes the place of, while it does.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    files: dict[str, Sha256]
    before: dict[str, Sha256] = {}
