"""The page's section on the published study: findings and replication.

The sentences about claims and anomalies are written where their numbers are computed. This module
arranges and labels them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isclose
from statistics import median
from typing import get_args

from dnnbench.findings.place_tables import CORRECTED, COUNTED, PRINTED
from dnnbench.findings.stated import listed
from dnnbench.records import labels
from dnnbench.records.findings_records import (
    Anomaly,
    Claim,
    Detection,
    Evidence,
    Findings,
    ReplicationRow,
    Verdict,
)
from dnnbench.records.published_study import DEVICES

# The verdicts that need most explanation come first.
VERDICTS: tuple[Verdict, ...] = (
    "does not hold",
    "holds only as printed",
    "cannot be tested here",
    "holds",
)
assert set(VERDICTS) == set(get_args(Verdict))

# Relative difference below which corrected numbers are not shown next to the printed ones.
ALIKE = 0.05

_PLACES = {PRINTED: "Printed tables", CORRECTED: "Corrected tables", COUNTED: "Counted here"}
_INDICES = {
    "conv_gmacs": "Operations, as labeled",
    "conv_gmacs:relabelled": "Operations, with the exchange of rows undone",
    "params_m": "Parameters",
    "weights_mib": "Size of weights (tensors / published file)",
    "top1": "Top-1 accuracy",
    "top5": "Top-5 accuracy",
    "latency_ms": "Latency",
    "memory_mib": "Memory",
}


@dataclass(frozen=True)
class Line:
    """One place's result; ``verdict`` is empty if it repeats the group's verdict."""

    place: str
    text: str
    verdict: str


@dataclass(frozen=True)
class Shown:
    """A claim or an anomaly, with the result of each place."""

    key: str
    title: str
    source: str
    lines: list[Line]


@dataclass(frozen=True)
class Group:
    """The claims of one verdict."""

    verdict: Verdict
    claims: list[Shown]


@dataclass(frozen=True)
class Replicated:
    """A row for one index of replication.csv: how many numbers agree, and the ratios."""

    index: str
    where: str
    count: int
    within: str
    ratio: str


@dataclass(frozen=True)
class Section:
    """The content of the section."""

    summary: str
    groups: list[Group]
    anomalies: list[Shown]
    replicated: list[Replicated]


def arrange(findings: Findings, replication: Iterable[ReplicationRow]) -> Section:
    """Return the section's content, with claims grouped by verdict."""
    claims = findings.claims
    groups = [
        Group(verdict, [_claim(claim) for claim in claims if claim.verdict == verdict])
        for verdict in VERDICTS
    ]
    return Section(
        summary=_summary(claims, findings.anomalies),
        groups=[group for group in groups if group.claims],
        anomalies=[_anomaly(anomaly) for anomaly in findings.anomalies],
        replicated=_replicated(replication),
    )


def _summary(claims: Sequence[Claim], anomalies: Sequence[Anomaly]) -> str:
    counts = [
        f"{count} {verdict if count == 1 else _PLURALS[verdict]}"
        for verdict in VERDICTS
        if (count := sum(claim.verdict == verdict for claim in claims))
    ]
    tested = sum(
        any(evidence.verdict != "cannot be tested here" for evidence in claim.measured)
        for claim in claims
    )
    found = sum(anomaly.published.found is True for anomaly in anomalies)
    return (
        f"Of {len(claims)} claims, {listed(counts)}. {tested} of them were also tested on numbers"
        f" measured or counted here. The printed tables show {found} of the {len(anomalies)}"
        " anomalies searched for."
    )


_PLURALS = {
    "does not hold": "do not hold",
    "holds only as printed": "hold only as printed",
    "cannot be tested here": "cannot be tested here",
    "holds": "hold",
}


def _claim(claim: Claim) -> Shown:
    lines = [_line(claim.recomputed, plain=claim.recomputed.verdict == claim.verdict)]
    if _differ(claim.recomputed, claim.corrected):
        lines.append(_line(claim.corrected, plain=False))
    lines += [_line(evidence, plain=False) for evidence in claim.measured]
    return Shown(claim.key, claim.statement, _section(claim.section), lines)


def _section(section: str) -> str:
    """Return where the paper makes a claim.

    A section is ``text`` if it was not recorded.
    """
    if section == "text":
        return "section not recorded"
    return section if section.startswith("Table") else f"Section {section}"


def _differ(printed: Evidence, corrected: Evidence) -> bool:
    """Return whether the corrected tables change the verdict or a number noticeably."""
    return printed.verdict != corrected.verdict or any(
        not isclose(value, printed.numbers[name], rel_tol=ALIKE)
        for name, value in corrected.numbers.items()
    )


def _line(evidence: Evidence, *, plain: bool) -> Line:
    verdict: str = "" if plain else evidence.verdict
    if evidence.needs:
        verdict = f"cannot be tested: needs {evidence.needs}"
    return Line(_place(evidence.place), _capitalized(evidence.text), verdict)


def _anomaly(anomaly: Anomaly) -> Shown:
    lines = [_detection(detection) for detection in (anomaly.published, *anomaly.measured)]
    return Shown(anomaly.key, anomaly.title, "", lines)


def _detection(detection: Detection) -> Line:
    verdict = {True: "found", False: "not found", None: "cannot be tested here"}[detection.found]
    return Line(_place(detection.place), _capitalized(detection.text), verdict)


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _place(place: str) -> str:
    return _PLACES.get(place) or labels.device(place)


def _replicated(rows: Iterable[ReplicationRow]) -> list[Replicated]:
    cells: dict[tuple[str, str | None, int | None], list[ReplicationRow]] = {}
    for row in rows:
        cells.setdefault((row.index, row.device, row.batch_size), []).append(row)
    return [_cell(index, device, size, own) for (index, device, size), own in cells.items()]


def _cell(
    index: str, device: str | None, batch_size: int | None, rows: Sequence[ReplicationRow]
) -> Replicated:
    kind, _, detail = index.partition(":")
    words = _INDICES.get(index) or _INDICES[kind]
    if detail in DEVICES:
        words += f", compared with {labels.device(detail)}"
    judged = [row.within for row in rows if row.within is not None]
    ratios = [row.ratio for row in rows if row.ratio is not None]
    return Replicated(
        index=words,
        where="any" if device is None else f"{labels.device(device)}, batch size {batch_size}",
        count=len(rows),
        within=f"{sum(judged)} of {len(judged)}" if judged else "not comparable",
        ratio=f"{median(ratios):#.3g} ({min(ratios):#.3g} to {max(ratios):#.3g})" if ratios else "",
    )
