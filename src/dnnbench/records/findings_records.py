"""Formats of results/findings.json and results/replication.csv."""

from typing import Literal

from dnnbench.records.base import (
    SCHEMA_VERSION,
    BatchSize,
    DeviceName,
    ModelName,
    NonNegative,
    Record,
)


class ReplicationRow(Record):
    """Row of results/replication.csv: a published number next to one measured here.

    ``tolerance`` and ``within`` are empty if the two are not the same quantity (other hardware,
    another memory basis, other images), so that agreement would mean nothing.
    """

    model: ModelName
    """Key of the network."""
    device: DeviceName | None
    """Measured device; empty for numbers that do not depend on a machine."""
    batch_size: BatchSize | None
    """Images per forward pass."""
    index: str
    """Quantity, with its unit: ``conv_gmacs``, ``params_m``, ``weights_mib``, ``top1``, ``top5``,
    ``latency_ms`` or ``memory_mib``. The published device follows a colon, or ``relabelled`` if
    exchanged rows were put back."""
    published: NonNegative
    """Published number."""
    measured: NonNegative
    """Number measured here."""
    ratio: NonNegative | None
    """``measured`` / ``published``."""
    tolerance: NonNegative | None
    """Stated error of the published number, in its unit."""
    within: bool | None
    """Whether the two differ by at most ``tolerance``."""


Verdict = Literal["holds", "holds only as printed", "does not hold", "cannot be tested here"]


class Evidence(Record):
    """Result of testing a claim in one place."""

    place: str
    """``published`` (the printed tables), ``corrected`` (without the anomalies found in them),
    ``counted`` (the networks as counted here) or a measured device."""
    text: str
    """Result in a sentence."""
    numbers: dict[str, float]
    """Numbers behind it, by name."""
    verdict: Verdict
    """Verdict of this place."""
    needs: str | None = None
    """Data that would test the claim, if this place cannot."""


class Claim(Record):
    """Claim of the published study, and whether it holds."""

    key: str
    """Key of the claim."""
    section: str
    """Section of the paper."""
    statement: str
    """The claim in a sentence."""
    published: dict[str, float | str | list[str]]
    """Numbers of the claim as printed, by name."""
    verdict: Verdict
    """Overall verdict."""
    recomputed: Evidence
    """Test with the printed tables."""
    corrected: Evidence
    """Test with the corrected tables."""
    measured: list[Evidence]
    """Tests with what was counted and measured here."""


class Detection(Record):
    """Search for an anomaly in the tables of one place."""

    place: str
    """``published`` or a measured device."""
    text: str
    """Result in a sentence."""
    numbers: dict[str, float]
    """Numbers behind it, by name."""
    found: bool | None
    """Whether the anomaly is there; null if that cannot be tested."""


class Anomaly(Record):
    """Pattern in the published tables that does not look like measurement."""

    key: str
    """Key of the anomaly."""
    title: str
    """The anomaly in a few words."""
    published: Detection
    """Search in the published tables."""
    measured: list[Detection]
    """Searches in the measured tables."""


class Findings(Record):
    """Content of results/findings.json: tests of the claims of the 2018 study."""

    schema_version: int = SCHEMA_VERSION
    """Version of the file format."""
    claims: list[Claim]
    """Claims of the study."""
    anomalies: list[Anomaly]
    """Anomalies in its tables."""
