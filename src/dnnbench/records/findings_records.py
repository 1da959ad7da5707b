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
    """Row of results/replication.csv: a published number and the one measured here.

    ``tolerance`` and ``within`` are empty if the two numbers are not comparable, because the
    hardware, the memory basis or the images differ.
    """

    model: ModelName
    """Key of the network."""
    device: DeviceName | None
    """Name of the measured device; empty for numbers that do not depend on a machine."""
    batch_size: BatchSize | None
    """Images per forward pass."""
    index: str
    """Quantity, with its unit: ``conv_gmacs``, ``params_m``, ``weights_mib``, ``top1``, ``top5``,
    ``latency_ms`` or ``memory_mib``. After a colon: the published device, or ``relabelled`` if
    the exchange of rows was undone."""
    published: NonNegative
    """Published number."""
    measured: NonNegative
    """Number measured here."""
    ratio: NonNegative | None
    """``measured`` / ``published``."""
    tolerance: NonNegative | None
    """Error of the published number, such as its rounding, in the same unit."""
    within: bool | None
    """Whether the two numbers differ by at most ``tolerance``."""


Verdict = Literal["holds", "holds only as printed", "does not hold", "cannot be tested here"]


class Evidence(Record):
    """Result of testing a claim on one set of tables."""

    place: str
    """Set of tables: ``published`` (as printed), ``corrected`` (as printed, without the anomalies
    found), ``counted`` (the networks as counted here) or a measured device."""
    text: str
    """Result as a sentence."""
    numbers: dict[str, float]
    """Numbers that the result is based on, by name."""
    verdict: Verdict
    """Verdict from these tables alone."""
    needs: str | None = None
    """Data or hardware needed to test the claim, if these tables cannot."""


class Claim(Record):
    """Claim of the published study, and whether it holds."""

    key: str
    """Key of the claim."""
    section: str
    """Section of the paper."""
    statement: str
    """The claim as a sentence."""
    published: dict[str, float | str | list[str]]
    """Numbers in the claim, as printed, by name."""
    verdict: Verdict
    """Overall verdict."""
    recomputed: Evidence
    """Test with the printed tables."""
    corrected: Evidence
    """Test with the corrected tables."""
    measured: list[Evidence]
    """Tests with the counts or the measurements made here."""


class Detection(Record):
    """Result of searching one set of tables for an anomaly."""

    place: str
    """Set of tables: ``published`` or a measured device."""
    text: str
    """Result as a sentence."""
    numbers: dict[str, float]
    """Numbers that the result is based on, by name."""
    found: bool | None
    """Whether the anomaly was found; null if it cannot be tested."""


class Anomaly(Record):
    """A pattern in the published tables that does not look like the result of measurements."""

    key: str
    """Key of the anomaly."""
    title: str
    """Short description of the anomaly."""
    published: Detection
    """Result for the published tables."""
    measured: list[Detection]
    """Results for the measured devices."""


class Findings(Record):
    """Content of results/findings.json: tests of the claims of the 2018 study."""

    schema_version: int = SCHEMA_VERSION
    """Version of the file format."""
    claims: list[Claim]
    """Claims of the 2018 study."""
    anomalies: list[Anomaly]
    """Anomalies in the tables of the 2018 study."""
