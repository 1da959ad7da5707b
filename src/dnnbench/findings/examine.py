"""The published study put to the test: every claim with its verdict, every anomaly.

A claim is asked of the printed tables, of the tables without the anomalies found in them, and of
what was measured here. Its verdict:

- ``does not hold``: the printed tables contradict it, or, where they cannot answer, a test here;
- ``holds only as printed``: they bear it out, the corrected tables or a test here do not;
- ``holds``: they bear it out, and nothing at hand contradicts it;
- ``cannot be tested here``: neither the tables nor anything measured can answer.

A device tests what a claim is about and no more: a claim on the Titan Xp needs one, and a claim on
the memory of a process on a GPU is not tested by what a network adds to one on a CPU. The number is
shown all the same, with what would test it.
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

# What a card of the published study calls itself.
_CARDS = {"titan xp": TITAN, "tx1": JETSON}
_HARDWARE = {device: f"a {label(device)}" for device in (TITAN, JETSON)}


def same_hardware(environments: Iterable[Environment]) -> dict[str, str]:
    """Measured device -> the published device whose hardware it is, where it is one."""
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

    ``families`` of at least the published networks; ``hardware`` as :func:`same_hardware`. Raises
    UserError for a claim that no module of findings tests.
    """
    claims = stated(entries)
    for claim in claims:
        if claim.key not in KINDS:
            raise UserError(
                f"{paths.PUBLISHED.format(table='claims')}: claim: {claim.key!r}: nothing tests it;"
                " add it to CLAIMS of a module findings/claims_*.py"
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
    """The verdict on a claim, from those of each place."""
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
    """What a claim comes to in a place; ``needs``: what would test it where this place cannot."""
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
    """What would test a claim that a measured device cannot; ``None`` where it can."""
    if claim.tested_on in _HARDWARE:
        same = hardware.get(place.place) == claim.tested_on
        return None if same else _HARDWARE[claim.tested_on]
    if claim.tested_on == "both":
        return listed(list(_HARDWARE.values()))
    if claim.tested_on == "process" and place.machine().basis != "process":
        return "a CUDA device, where memory is that of the whole process"
    return None


def _value(values: Sequence[str]) -> str | float | list[str]:
    if len(values) > 1:
        return list(values)
    try:
        return float(values[0])
    except ValueError:
        return values[0]
