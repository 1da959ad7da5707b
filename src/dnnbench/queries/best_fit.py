"""The best configurations for a device under limits, and the limiting constraints.

A configuration is a network in a variant (precision, engine, layout) at a batch size.

*Best*: the configurations that fit for certain (:mod:`dnnbench.queries.selection`), ranked by top-1
accuracy. The inconclusive ones that are more accurate than the first of them are listed apart, with
what would settle the verdict (:mod:`dnnbench.queries.remedies`).

*Misses*: a configuration that misses a limit would fit if the limit were relaxed. ``needed`` is the
limit at which it fits for certain, so it is the far bound of the number rather than the number
itself. ``factor`` is how many times wider that limit is. The distance of a configuration is its
largest factor.

*Binding*: a limit is binding if relaxing it alone would make a configuration fit for certain that
is better than the first of the answer and not tied with it. Of these, the answer names the one that
needs the least change.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from pydantic import Field, SerializeAsAny, create_model

from dnnbench.config import variants
from dnnbench.core.errors import UserError
from dnnbench.queries import latency_verdicts
from dnnbench.queries.accuracy_ties import Ties
from dnnbench.queries.bounds import Bounds, Kind
from dnnbench.queries.limits import Limits, Verdict, given, known_limits
from dnnbench.queries.remedies import remedies
from dnnbench.queries.selection import Candidate, Found, candidates, fitting, order
from dnnbench.records.base import REFERENCE, BatchSize, DeviceName, ModelName, Positive, Record
from dnnbench.records.comparison_records import ComparisonRow
from dnnbench.records.study_records import Fits, ModelRow, Stability, StudyRow
from dnnbench.stats.equivalence import Verdict as LatencyVerdict

# The interval of an accuracy of zero begins at 0, but a limit has to be above 0.
LEAST = 0.01


class Entry(Record):
    """Row of the answer: a configuration that fits for certain, or that is inconclusive.

    Each row has a unique combination of ``device``, ``batch_size`` and ``rank``. The ``next_*``
    columns compare a configuration that fits with the next one in rank, even if that one is not
    listed.
    """

    device: DeviceName
    """Name of the device."""
    batch_size: BatchSize
    """Images per forward pass."""
    rank: int
    """Rank: the configurations that fit, by top-1 accuracy, then the inconclusive ones."""
    model: ModelName
    """Key of the network."""
    variant: str
    """Variant: precision, engine, layout, allocator and threads."""
    fits: Fits
    """``yes``, or ``cannot_tell`` (inconclusive)."""
    undecided: str | None
    """Limits that make the configuration inconclusive, joined by ``+``."""
    settled_by: str | None
    """What would settle an inconclusive verdict, joined by ``+``: ``rounds``; ``too_close`` (no
    number of rounds is likely to); ``two_rounds`` (the interval is unknown after one); ``again``
    (measure it again); ``measurement`` (it was not measured); ``accuracy`` (measure it);
    ``images`` (measure the accuracy on more of them)."""
    more_rounds: int | None
    """Estimated number of further rounds, if rounds would settle it."""
    tie_group: int
    """Number of the tie group: configurations whose accuracy is tied with that of the first one in
    the group."""
    environment: str | None
    """Environment variables that choose the variant's allocator; empty for glibc's defaults."""
    top1: float
    """Top-1 accuracy of the network in this variant."""
    top1_low: float | None
    """Lower bound: the end of the confidence interval, or of the rounding of a published number."""
    top1_high: float | None
    """Upper bound."""
    accuracy_source: str | None
    """Source of ``top1``, as in results/study.csv."""
    top1_change: float | None
    """``top1`` minus that of ``fp32-eager``, as in results/study.csv."""
    top1_change_low: float | None
    """Lower end of the 95% confidence interval of ``top1_change``."""
    top1_change_high: float | None
    """Upper end of that interval."""
    latency_ms: float
    """Latency per image."""
    latency_ms_low: float | None
    """Lower bound: the end of the confidence interval, or of the rounding of a published number."""
    latency_ms_high: float | None
    """Upper bound."""
    batch_ms: float
    """Latency of a forward pass over the whole batch."""
    fps: float
    """Throughput."""
    stability: Stability | None
    """Stability of the latency, as in results/study.csv."""
    stability_reason: str | None
    """Reason of ``stability``. A stable latency may have a remark here."""
    memory_mib: float | None
    """Peak memory of a forward pass, weights included."""
    memory_basis: str | None
    """Memory basis, as in results/study.csv."""
    params: int | None
    """Number of parameters that a forward pass reads."""
    source: str
    """``measured``, ``published`` or ``predicted``."""
    next_model: ModelName | None
    """Key of the network that is next in rank."""
    next_variant: str | None
    """Variant of the next one in rank."""
    next_top1_more: float | None
    """Top-1 accuracy minus that of the next one, in percentage points."""
    next_time_ratio: float | None
    """Latency divided by that of the next one."""
    next_time: LatencyVerdict | None
    """Verdict on the latencies: ``different``, ``equivalent`` within 5%, or ``inconclusive``."""
    next_memory_more_mib: float | None
    """Memory minus that of the next one."""
    next_params_more: int | None
    """Parameters minus those of the next one."""


def entry_type() -> type[Entry]:
    """Return Entry, extended by a column for each limit whose number it lacks."""
    return _entry_type(
        tuple(
            limit.column
            for limit in known_limits().values()
            if limit.column not in Entry.model_fields
        )
    )


@cache
def _entry_type(others: tuple[str, ...]) -> type[Entry]:
    fields: dict[str, Any] = dict.fromkeys(others, (float | None, None))
    return create_model("Entry", __base__=Entry, **fields) if others else Entry


class Give(Record):
    """The value that a limit would need for a configuration to fit for certain."""

    limit: str
    given: float
    needed: float
    factor: float
    fits: Verdict


class Miss(Record):
    """A configuration that misses a limit, with all limits missed or inconclusive."""

    model: ModelName
    variant: str
    top1: float
    gives: list[Give]

    @property
    def factor(self) -> float:
        """How many times wider the limit that needs the largest change has to be."""
        return max(give.factor for give in self.gives)


class Binding(Record):
    """A limit that alone excludes a better configuration, and the nearest such one."""

    limit: str
    miss: Miss


class LeftOut(Record):
    """A configuration that cannot be evaluated, and why."""

    model: ModelName
    variant: str
    reason: str


class OtherBatchSize(Record):
    """The best configuration that fits for certain at another batch size."""

    batch_size: BatchSize
    model: ModelName
    variant: str
    top1: float


class Pick(Record):
    """The answer.

    ``variant`` and ``threads`` are the only ones asked about (None: all), and ``variants`` are
    those that the device has at this batch size. ``configurations`` counts the configurations that
    could be evaluated, and ``networks`` their networks. Of the configurations, ``fit`` fit for
    certain, ``cannot_tell`` are inconclusive, and ``better`` miss a limit but are better than the
    best (all that miss one, if nothing fits). ``best``, which ``best_certain`` repeats, and
    ``best_variant`` are the first of ``entries``, which all fit for certain. ``might_be_better``
    counts the inconclusive configurations that are more accurate than it, and ``inconclusive``
    lists them. ``nearest`` (one for each network) is empty unless nothing fits or is inconclusive.
    ``other_batch_sizes`` has those at which the best is more accurate than here. ``left_out`` says
    why a configuration cannot be evaluated. ``doubts``, which is not part of the
    JSON, has the kinds of bounds that make configurations inconclusive.
    """

    device: DeviceName
    batch_size: BatchSize
    variant: str | None
    threads: int | None
    variants: list[str]
    limits: dict[str, Positive | None]
    networks: int
    configurations: int
    fit: int
    cannot_tell: int
    better: int
    best: ModelName | None
    best_variant: str | None
    best_certain: ModelName | None
    entries: list[SerializeAsAny[Entry]]
    might_be_better: int
    inconclusive: list[SerializeAsAny[Entry]]
    binding: list[Binding]
    nearest: list[Miss]
    other_batch_sizes: list[OtherBatchSize]
    left_out: list[LeftOut]
    doubts: tuple[Kind, ...] = Field((), exclude=True)


def pick(
    rows: Iterable[StudyRow],
    models: Mapping[str, ModelRow],
    device: str,
    limits: Limits,
    batch_size: int = 1,
    top: int = 5,
    comparisons: Iterable[ComparisonRow] = (),
    variant: str | None = None,
    threads: int | None = None,
) -> Pick:
    """Return the ``top`` configurations for ``device`` within ``limits``.

    ``rows``, ``models`` (by key) and ``comparisons`` are the rows of study.csv, models.csv and
    comparisons.csv. As many inconclusive ones are returned, or nearest misses if nothing fits.
    ``variant`` is the only one to consider, and ``threads`` the only number of threads; None: all.
    """
    at_all = [
        row
        for row in rows
        if row.device == device
        and variant in (None, row.variant)
        and threads in (None, row.threads)
    ]
    own = [row for row in at_all if row.batch_size == batch_size]
    ranked = candidates(own, models, batch_size, variant).get(device, [])
    known = [candidate for candidate in ranked if candidate.known(limits)]
    ties = Ties(comparisons)
    found = fitting(known, limits)
    best = found.best
    missing = [c for c in known if c.fits(limits) == "no"]
    better = [c for c in missing if not best or _beats(c, best, ties)]
    misses = {c.key: miss for c in missing if (miss := _miss(c, limits))}
    doubts = {
        candidate.numbers[name].kind
        for candidate in found.inconclusive
        for name, verdict in candidate.verdicts(limits).items()
        if verdict == "cannot_tell"
    }
    entries = _entries(found, limits, ties, top)
    return Pick(
        device=device,
        batch_size=batch_size,
        variant=variant,
        threads=threads,
        variants=list(dict.fromkeys(row.variant for row in own)),
        limits=dict.fromkeys(known_limits()) | {one.name: value for one, value in given(limits)},
        networks=len({c.model for c in known}),
        configurations=len(known),
        fit=len(found.certain),
        cannot_tell=len(found.inconclusive),
        better=len(better),
        best=best.model if best else None,
        best_variant=best.row.variant if best else None,
        best_certain=best.model if best else None,
        entries=[entry for entry in entries if entry.fits == "yes"],
        might_be_better=len(found.rivals()),
        inconclusive=[entry for entry in entries if entry.fits != "yes"],
        binding=_binding(misses[c.key] for c in better if c.key in misses),
        nearest=[] if entries else _nearest(misses.values())[:top],
        other_batch_sizes=list(_better_batch_sizes(at_all, models, limits, batch_size, best)),
        left_out=left_out(own, {c.key: c for c in ranked}, limits),
        doubts=tuple(sorted(doubts)),
    )


def _better_batch_sizes(
    rows: Sequence[StudyRow],
    models: Mapping[str, ModelRow],
    limits: Limits,
    batch_size: int,
    best: Candidate | None,
) -> Iterator[OtherBatchSize]:
    """Yield the other batch sizes of a device with a more accurate best configuration."""
    for other in sorted({row.batch_size for row in rows} - {batch_size}):
        (ranked,) = candidates(rows, models, other).values()
        found = fitting(ranked, limits).best
        if found and (best is None or found.top1.value > best.top1.value):
            model, variant = found.key
            top1 = found.top1.value
            yield OtherBatchSize(batch_size=other, model=model, variant=variant, top1=top1)


def _beats(a: Candidate, b: Candidate, ties: Ties) -> bool:
    return a.top1.value > b.top1.value and not ties.tied(a, b)


def _nearest(misses: Iterable[Miss]) -> list[Miss]:
    """Return each network's nearest miss, nearest first."""
    by_network: dict[str, Miss] = {}
    for miss in sorted(misses, key=_distance):
        by_network.setdefault(miss.model, miss)
    return list(by_network.values())


def _distance(miss: Miss) -> tuple[float, float, str, str]:
    return miss.factor, -miss.top1, miss.model, miss.variant


def _miss(candidate: Candidate, limits: Limits) -> Miss | None:
    """Return the miss of a candidate; None if no other limit would make it fit for certain."""
    verdicts = candidate.verdicts(limits)
    gives = []
    for limit, value in given(limits):
        fits = verdicts[limit.name]
        if fits == "yes":
            continue
        if not candidate.numbers[limit.name].decisive:
            return None
        value_needed = needed(candidate.numbers[limit.name], limit.minimum)
        factor = value / value_needed if limit.minimum else value_needed / value
        gives.append(
            Give(limit=limit.name, given=value, needed=value_needed, factor=factor, fits=fits)
        )
    model, variant = candidate.key
    return Miss(model=model, variant=variant, top1=candidate.top1.value, gives=gives)


def _binding(better: Iterable[Miss]) -> list[Binding]:
    """Return the nearest miss for each limit that alone excludes one."""
    nearest: dict[str, tuple[float, Miss]] = {}
    for miss in better:
        if len(miss.gives) == 1:
            (give,) = miss.gives
            if give.limit not in nearest or give.factor < nearest[give.limit][0]:
                nearest[give.limit] = give.factor, miss
    return [Binding(limit=name, miss=miss) for name, (_, miss) in nearest.items()]


def left_out(
    rows: Iterable[StudyRow], ran: Mapping[tuple[str, str], Candidate], limits: Limits
) -> list[LeftOut]:
    """Return the configurations of ``rows`` that cannot be evaluated, with the reasons.

    They are sorted by network. ``ran`` has the candidates among them by key.
    """
    reasons: dict[tuple[str, str], str] = {}
    for row in rows:
        key = row.model, row.variant
        if key in ran:
            missing = unknown(ran[key])
            if found := [missing[one.name] for one, _ in given(limits) if one.name in missing]:
                reasons[key] = found[0]
        else:
            reasons[key] = _accuracy_unknown(row) if row.status == "ok" else row.status
    return [
        LeftOut(model=model, variant=variant, reason=why)
        for (model, variant), why in sorted(reasons.items())
    ]


def _accuracy_unknown(row: StudyRow) -> str:
    if row.variant == REFERENCE:
        return "accuracy unknown"
    return "accuracy unknown until it is measured on images"


def unknown(candidate: Candidate) -> dict[str, str]:
    """Return why a number is unknown, for each limit that lacks one."""
    return {
        name: limit.missing_text(candidate.row)
        for name, limit in known_limits().items()
        if name not in candidate.numbers
    }


def needed(number: Bounds, minimum: bool) -> float:
    """Return the limit at which a number fits for certain."""
    return max(number.low, LEAST) if minimum else number.high


def _entries(found: Found, limits: Limits, ties: Ties, top: int) -> list[Entry]:
    """Return the ``top`` candidates that fit, and as many rivals."""
    rivals = found.rivals()
    by_accuracy = sorted([*found.listed, *rivals], key=order)
    keys = [candidate.key for candidate in by_accuracy]
    groups = dict(zip(keys, ties.groups(by_accuracy), strict=True))
    following = {one.key: after for one, after in pairwise(found.listed)}
    return [
        entry(one, limits, rank, groups[one.key], following.get(one.key))
        for first, listed in ((1, found.listed), (len(found.listed) + 1, rivals))
        for rank, one in enumerate(listed[:top], start=first)
    ]


def entry(
    candidate: Candidate,
    limits: Limits = MappingProxyType({}),
    rank: int = 1,
    group: int = 1,
    after: Candidate | None = None,
) -> Entry:
    """Return a candidate as a row of the answer, followed in rank by ``after``."""
    row, time, top1 = candidate.row, candidate.time, candidate.top1
    undecided = [n for n, verdict in candidate.verdicts(limits).items() if verdict != "yes"]
    settling = remedies(candidate, limits)
    return entry_type()(
        device=row.device,
        batch_size=row.batch_size,
        rank=rank,
        model=row.model,
        variant=row.variant,
        environment=_environment(row.variant),
        fits="cannot_tell" if undecided else "yes",
        undecided="+".join(undecided) or None,
        settled_by="+".join(one.kind for one in settling) or None,
        more_rounds=next((one.rounds for one in settling if one.rounds), None),
        tie_group=group,
        top1=top1.value,
        top1_low=top1.low if top1.certain else None,
        top1_high=top1.high if top1.certain else None,
        accuracy_source=row.accuracy_source,
        top1_change=row.top1_change,
        top1_change_low=row.top1_change_low,
        top1_change_high=row.top1_change_high,
        latency_ms=time.value,
        latency_ms_low=time.low if time.certain else None,
        latency_ms_high=time.high if time.certain else None,
        batch_ms=time.value * row.batch_size,
        fps=1000 / time.value,
        stability=row.stability,
        stability_reason=row.stability_reason,
        memory_mib=candidate.memory.value if candidate.memory else None,
        memory_basis=row.memory_basis,
        params=candidate.params,
        source=row.source,
        next_model=after.model if after else None,
        next_variant=after.row.variant if after else None,
        next_top1_more=top1.value - after.top1.value if after else None,
        next_time_ratio=time.value / after.time.value if after else None,
        next_time=latency_verdicts.verdict(candidate, after) if after else None,
        next_memory_more_mib=_more(candidate.memory, after.memory if after else None),
        next_params_more=None
        if after is None or after.params is None or candidate.params is None
        else candidate.params - after.params,
        **_other_numbers(candidate),
    )


def _environment(variant: str) -> str | None:
    try:
        return variants.environment(variant) or None
    except UserError:  # The variant's engine is not installed here.
        return None


def _other_numbers(candidate: Candidate) -> dict[str, Any]:
    """Return the numbers of limits that need an additional column."""
    return {
        limit.column: candidate.numbers[name].value if name in candidate.numbers else None
        for name, limit in known_limits().items()
        if limit.column not in Entry.model_fields
    }


def _more(a: Bounds | None, b: Bounds | None) -> float | None:
    return None if a is None or b is None else a.value - b.value
