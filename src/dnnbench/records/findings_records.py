"""The shapes of results/findings.json and results/replication.csv."""

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
    """A row of results/replication.csv: a published number beside one measured here.

    ``device`` is the measured one, empty for what does not depend on a machine. ``index`` carries
    the unit, and after a colon the published device where several were published. ``ratio`` is
    measured / published. ``tolerance`` is the stated error of the published number, in its unit;
    it and ``within`` are empty where the two are not the same quantity (other hardware, memory on
    another basis, other images), so that agreement would mean nothing.
    """

    model: ModelName
    device: DeviceName | None
    batch_size: BatchSize | None
    index: str
    published: NonNegative
    measured: NonNegative
    ratio: NonNegative | None
    tolerance: NonNegative | None
    within: bool | None


Verdict = Literal["holds", "holds only as printed", "does not hold", "cannot be tested here"]


class Evidence(Record):
    """What a claim comes to in one place, in words and numbers.

    ``place`` is ``published`` (the printed tables), ``corrected`` (without the anomalies found in
    them), ``counted`` (the networks as counted here) or a measured device. ``needs`` says what
    would test the claim, where this place cannot.
    """

    place: str
    text: str
    numbers: dict[str, float]
    verdict: Verdict
    needs: str | None = None


class Claim(Record):
    """One claim of the published study; ``published`` holds its numbers as printed."""

    key: str
    section: str
    statement: str
    published: dict[str, float | str | list[str]]
    verdict: Verdict
    recomputed: Evidence
    corrected: Evidence
    measured: list[Evidence]


class Detection(Record):
    """Whether an anomaly is in the tables of one place; ``None`` where that cannot be told."""

    place: str
    text: str
    numbers: dict[str, float]
    found: bool | None


class Anomaly(Record):
    """Something in the published tables that does not look like measurement."""

    key: str
    title: str
    published: Detection
    measured: list[Detection]


class Findings(Record):
    """results/findings.json: the published study put to the test."""

    schema_version: int = SCHEMA_VERSION
    claims: list[Claim]
    anomalies: list[Anomaly]
