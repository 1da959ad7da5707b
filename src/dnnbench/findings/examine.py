"""Tests of the published study: every claim with its verdict, and every anomaly.

A claim is tested on the printed tables, on the tables corrected for the anomalies found in them,
and on the measurements made here. Its verdict:

- ``does not hold``: the printed tables contradict it; if they cannot test it, a measurement does;
- ``holds only as printed``: the printed tables support it, but the corrected tables or a
  measurement contradict it;
- ``holds``: the printed tables support it, and nothing contradicts it;
- ``cannot be tested here``: neither the tables nor any measurement can test it.

A device only tests claims about its own hardware and memory basis. A claim about the Titan Xp needs
a Titan Xp, and a claim about the memory of a whole GPU process is not tested by the memory that a
network adds to a CPU process. The number is still shown, with the hardware needed for a test.
"""

from collections.abc import Iterable, Mapping, Sequence

from dnnbench.core.errors import UserError
from dnnbench.findings import (
    anomalies,
    claims_budgets,
    claims_memory,
    claims_networks,
    claims_speed,
    corrections,
    place_tables,
    replication,
)
from dnnbench.findings.place_tables import MissingError, Tables
from dnnbench.findings.stated import Outcome, Stated, listed, stated
from dnnbench.records import paths
from dnnbench.records.environment_records import Environment
from dnnbench.records.findings_records import Claim, Evidence, Findings, ReplicationRow, Verdict
from dnnbench.records.published_study import JETSON, TITAN, label
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.tables.published import BestEntry, ClaimEntry, Published

KINDS = {
    **claims_networks.CLAIMS,
    **claims_speed.CLAIMS,
    **claims_memory.CLAIMS,
    **claims_budgets.CLAIMS,
}

# Part of the name that a GPU of the published study reports.
_CARDS = {"titan xp": TITAN, "tx1": JETSON}
_HARDWARE = {device: f"a {label(device)}" for device in (TITAN, JETSON)}


def same_hardware(environments: Iterable[Environment]) -> dict[str, str]:
    """Return measured device -> published device, for devices with the same hardware."""
    return {
        environment.device: device
        for environment in environments
        for card, device in _CARDS.items()
        if environment.gpu and card in environment.gpu.lower()
    }


def examine(
    printed_study: Published,
    best: Sequence[BestEntry],
    entries: Iterable[ClaimEntry],
    families: Mapping[str, str],
    models: Sequence[ModelRow],
    study: Sequence[StudyRow],
    hardware: Mapping[str, str],
) -> tuple[Findings, list[ReplicationRow]]:
    """Return every claim and anomaly, and the replication table.

    ``families``: model -> family for at least the published networks. ``hardware``: the result of
    :func:`same_hardware`. Raises UserError for a claim that no module tests.
    """
    claims = stated(entries)
    for claim in claims:
        if claim.key not in KINDS:
            raise UserError(
                f"{paths.PUBLISHED.format(table='claims')}: claim: {claim.key!r}: no test for it."
                " Add it to CLAIMS in a module findings/claims_*.py."
            )
    printed = place_tables.printed(printed_study, best, families)
    counted = place_tables.counted(models, printed)
    devices = place_tables.measured(study, counted)

    found = corrections.exchanges(printed, counted, corrections.reference_times(printed))
    jump = corrections.memory_step(printed)
    corrected = corrections.corrected(printed, found, jump)
    findings = Findings(
        claims=[_claim(claim, printed, corrected, counted, devices, hardware) for claim in claims],
        anomalies=anomalies.report(printed, counted, devices, found, jump),
    )
    owners = found.owners
    return findings, replication.replicate(printed_study, models, study, owners, hardware)


def _claim(
    claim: Stated,
    printed: Tables,
    corrected: Tables,
    counted: Tables,
    devices: Sequence[Tables],
    hardware: Mapping[str, str],
) -> Claim:
    recomputed, without = (_evidence(claim, place, None) for place in (printed, corrected))
    places = [counted] if claim.tested_on == "networks" else devices
    measured = [_evidence(claim, place, _needs(claim, place, hardware)) for place in places]
    return Claim(
        key=claim.key,
        section=claim.section,
        statement=KINDS[claim.key].said(claim, printed.names),
        published={name: _value(values) for name, values in claim.values.items()},
        verdict=overall(recomputed, without, measured),
        recomputed=recomputed,
        corrected=without,
        measured=measured,
    )


def overall(recomputed: Evidence, corrected: Evidence, measured: Iterable[Evidence]) -> Verdict:
    """Return the verdict on a claim, given the results of each place."""
    tests = [evidence.verdict for evidence in measured]
    if recomputed.verdict == "cannot be tested here":
        for verdict in ("does not hold", "holds"):
            if verdict in tests:
                return verdict
        return "cannot be tested here"
    if recomputed.verdict == "does not hold":
        return "does not hold"
    if "does not hold" in (corrected.verdict, *tests):
        return "holds only as printed"
    return "holds"


def _evidence(claim: Stated, place: Tables, needs: str | None) -> Evidence:
    """Test a claim in a place; ``needs`` names the requirement it fails to meet."""
    try:
        outcome = KINDS[claim.key].test(claim, place)
    except MissingError as missing:
        outcome = Outcome("", {}, None, str(missing))
    verdict: Verdict = "holds" if outcome.holds else "does not hold"
    if needs is not None or outcome.holds is None:
        verdict = "cannot be tested here"
    return Evidence(
        place=place.place,
        text=outcome.text,
        numbers=outcome.numbers,
        verdict=verdict,
        needs=needs or outcome.needs,
    )


def _needs(claim: Stated, place: Tables, hardware: Mapping[str, str]) -> str | None:
    """Return what a test of the claim needs, or ``None`` if the device can do it."""
    if claim.tested_on in _HARDWARE:
        same = hardware.get(place.place) == claim.tested_on
        return None if same else _HARDWARE[claim.tested_on]
    if claim.tested_on == "both":
        return listed(list(_HARDWARE.values()))
    if claim.tested_on == "process" and place.machine().basis != "process":
        return "a CUDA device, which has “whole process” memory"
    return None


def _value(values: Sequence[str]) -> str | float | list[str]:
    if len(values) > 1:
        return list(values)
    try:
        return float(values[0])
    except ValueError:
        return values[0]
