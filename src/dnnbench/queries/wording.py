"""Sentences of an answer: the terminal and the page use the same text.

The page receives ``WORDS`` as data and fills it in (templates/wording.js), because its limits
change while it is open. tests/report/judging_cases.json checks that both sides agree.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from string import ascii_lowercase

from dnnbench.core.formatting import STABILITY_MARKS, STATUS_WORDS, several
from dnnbench.queries.best_fit import Binding, Entry, Give, Pick
from dnnbench.queries.limits import known_limits

# Fields are in braces. A list holds the text for one and the text for any other number.
WORDS: dict[str, str | list[str]] = {
    # Verdicts.
    "yes": "fits",
    "cannot_tell": "inconclusive",
    "no": "does not fit",
    # How many configurations fit; of a device with one variant, how many networks.
    "networks": ["1 network", "{networks} networks"],
    "configurations": ["1 configuration", "{configurations} configurations of {networks}"],
    "in_variant": "{network} in {variant}",
    "environment": "For {variant}, set in the environment: {variables}",
    "none_evaluated": "No network can be evaluated.",
    "none_fits": ["The only network does not fit.", "None of the {of} fits."],
    "fit": ["{fit} of {of} fits.", "{fit} of {of} fit."],
    "more_inconclusive": [
        "1 more is inconclusive: {why}.",
        "{inconclusive} more are inconclusive: {why}.",
    ],
    "only_inconclusive": [
        "No network fits for certain. 1 of {of} is inconclusive: {why}.",
        "No network fits for certain. {inconclusive} of {of} are inconclusive: {why}.",
    ],
    "none_better": [
        "It is not more accurate than the best.",
        "None of them is more accurate than the best.",
    ],
    # Why networks are inconclusive, by the kind of their bounds.
    "why_interval": [
        "its confidence interval straddles a limit",
        "their confidence intervals straddle a limit",
    ],
    "why_wide": [
        "its confidence interval is wider than a factor of two",
        "their confidence intervals are wider than a factor of two",
    ],
    "why_interval_wide": [
        "its confidence interval straddles a limit or is wider than a factor of two",
        "their confidence intervals straddle a limit or are wider than a factor of two",
    ],
    "why_rounding": [
        "a limit is within the rounding error of a published number",
        "limits are within the rounding error of published numbers",
    ],
    "why_unknown": ["its confidence interval is unknown", "their confidence intervals are unknown"],
    "why_mixed": [
        "a limit is within its interval or rounding error, or its interval is wide or unknown",
        "limits are within their intervals or rounding errors, or these are wide or unknown",
    ],
    # Inconclusive networks, and what would settle the verdict on each.
    "might_be_better": "Might be better, but inconclusive:",
    "might_fit": "Might fit, but inconclusive:",
    "inconclusive_in": "Inconclusive in {limits}.",
    "and_more": "and {count} more",
    "settle_rounds": [
        "Estimate: 1 more round would settle it.",
        "Estimate: {rounds} more rounds would settle it.",
    ],
    "settle_too_close": "More rounds would hardly settle it: the limit is too close.",
    "settle_two_rounds": "Measure it in two or more rounds to settle it.",
    "settle_again": "Measure it again to settle it.",
    "settle_measurement": "Measure it to settle it.",
    "settle_accuracy": "Measure its accuracy to settle it.",
    "settle_images": "Measure its accuracy on more images to settle it.",
    # Limiting constraints.
    "better_network": "Relaxing a single limit would admit a better network:",
    "any_network": "Relaxing a single limit would admit a network:",
    "no_single_limit": "Relaxing a single limit is not enough for a certain fit.",
    "no_limit": "No limit excludes a clearly better network.",
    "would_admit": "{limit} ({change}) would admit {network} ({top1}% top-1).",
    "better_batch_size": "At batch size {batch_size}, {network} would fit ({top1}% top-1).",
    "nearest": "Nearest misses, and the limits at which each would fit for certain:",
    "lower": "{percent}% lower",
    "higher": "{percent}% higher",
    "over": "over {percent}",
    "under": "under {percent}",
    # Notes.
    "no_limits": "no limits",
    "tied": "Networks with the same letter: no test or interval shows which is more accurate.",
    "tied_rounding": "Networks with the same letter: equal accuracy within rounding error.",
    "not_evaluated": "Not evaluated: {reasons}.",
    # Latencies of a network and the next one in rank.
    "versus": "latency vs. {network}: {verdict}",
    "equivalent": "Equivalent latencies differ by less than 5%.",
    "inconclusive": (
        "Inconclusive latencies may differ: neither a difference nor equivalence within 5% is"
        " shown."
    ),
    # Verdicts on latencies, with their marks.
    "stable": "stable: the interval is within 5% on either side.",
    "noisy": (
        f"{STABILITY_MARKS['noisy']} noisy: the interval is wider than 5% on either side. It shows"
        " how well the latency is known."
    ),
    "disturbed": (
        f"{STABILITY_MARKS['disturbed']} disturbed: something slowed particular processes. Measure"
        " it again."
    ),
}


STATUSES = STATUS_WORDS
# Networks named among those of a variant that cannot be evaluated; more are counted.
MOST_NAMED = 5


def text(key: str, **fields: object) -> str:
    """Return a sentence of ``WORDS`` with its fields filled in."""
    words = WORDS[key]
    assert isinstance(words, str)
    return words.format_map(fields)


def numbered(key: str, count: int, **fields: object) -> str:
    """Return the sentence for one or for any other number, with its fields filled in."""
    return WORDS[key][count != 1].format_map(fields)


def count(answer: Pick) -> str:
    """Return how many configurations fit, and how many are inconclusive and why."""
    judged, fit, inconclusive = answer.configurations, answer.fit, answer.cannot_tell
    if not judged:
        return text("none_evaluated")
    of = numbered("networks", answer.networks, networks=answer.networks)
    if len(answer.variants) > 1:
        of = numbered("configurations", judged, configurations=judged, networks=of)
    if not fit + inconclusive:
        return numbered("none_fits", judged, of=of)
    sentences = [numbered("fit", fit, fit=fit, of=of)] if fit else []
    if inconclusive:
        kinds = f"why_{'_'.join(answer.doubts)}"
        why = numbered(kinds if kinds in WORDS else "why_mixed", inconclusive)
        key = "more_inconclusive" if fit else "only_inconclusive"
        sentences.append(numbered(key, inconclusive, inconclusive=inconclusive, of=of, why=why))
        if not answer.might_be_better:
            sentences.append(numbered("none_better", inconclusive))
    return " ".join(sentences)


def binding(answer: Pick) -> str:
    """Return whether relaxing a single limit would admit a better network."""
    if answer.binding:
        return text("better_network" if answer.best else "any_network")
    return text("no_single_limit" if answer.better else "no_limit")


def admits(binding: Binding, limit: Callable[[Give], str], network: str) -> str:
    """Return which ``network`` a relaxed limit would admit; ``limit`` writes the limit."""
    (give,) = binding.miss.gives
    return text(
        "would_admit",
        limit=limit(give),
        change=change(give),
        network=network,
        top1=f"{binding.miss.top1:.2f}",
    )


def better_batch_sizes(answer: Pick, names: Mapping[str, str]) -> list[str]:
    """Return a sentence for each batch size at which the best is more accurate."""
    return [
        text(
            "better_batch_size",
            batch_size=one.batch_size,
            network=configuration(answer, names, one.model, one.variant),
            top1=f"{one.top1:.2f}",
        )
        for one in answer.other_batch_sizes
    ]


def configuration(answer: Pick, names: Mapping[str, str], model: str, variant: str) -> str:
    """Return a network's name, with the variant if the device has several."""
    name = names.get(model, model)
    return text("in_variant", network=name, variant=variant) if len(answer.variants) > 1 else name


def scope(answer: Pick) -> str:
    """Return the batch size, variant and number of threads asked about."""
    threads = several(answer.threads, "thread") if answer.threads else None
    parts = [f"batch size {answer.batch_size}", answer.variant, threads]
    return ", ".join(filter(None, parts))


def environments(entries: Iterable[Entry]) -> list[str]:
    """Return the variables that choose an allocator, for each variant that has one."""
    found = {entry.variant: entry.environment for entry in entries if entry.environment}
    return [text("environment", variant=one, variables=found[one]) for one in found]


def not_evaluated(answer: Pick, names: Mapping[str, str]) -> str:
    """Return the configurations that cannot be evaluated, by variant and reason.

    The text is empty if there are none. With several variants, a long list becomes a number.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for one in answer.left_out:
        key = one.variant, reason(one.reason)
        groups.setdefault(key, []).append(names.get(one.model, one.model))
    many = len(answer.variants) > 1
    shown = []
    for (variant, why), networks in groups.items():
        listed = ", ".join(networks)
        if many and len(networks) > MOST_NAMED:
            listed = numbered("networks", len(networks), networks=len(networks))
        if many:
            listed = text("in_variant", network=listed, variant=variant)
        shown.append(f"{listed} ({why})")
    return text("not_evaluated", reasons="; ".join(shown)) if shown else ""


def change(give: Give) -> str:
    """Return how far a limit has to be relaxed: ``41% lower``, ``7.3% higher``."""
    minimum = known_limits()[give.limit].minimum
    percent = 100 * abs((1 / give.factor if minimum else give.factor) - 1)
    # Round halves up, as the page's script does; Python's own formatting rounds them to even.
    whole, tenths = math.floor(percent + 0.5), math.floor(10 * percent + 0.5)
    most = 99 if minimum else 1000
    if whole > most:
        shown = text("over", percent=most)
    elif whole >= 10:
        shown = str(whole)
    else:
        shown = f"{tenths / 10:.1f}" if tenths else text("under", percent=0.1)
    return text("lower" if minimum else "higher", percent=shown)


def doubt(entry: Entry) -> str:
    """Return for which limits a network is inconclusive, and what would settle it."""
    undecided = (entry.undecided or "").split("+")
    words = [limit.word for name, limit in known_limits().items() if name in undecided]
    sentences = [text("inconclusive_in", limits=", ".join(words))]
    for kind in (entry.settled_by or "").split("+"):
        rounds = entry.more_rounds or 0
        settle = f"settle_{kind}"
        sentences.append(
            numbered(settle, rounds, rounds=rounds) if kind == "rounds" else text(settle)
        )
    return " ".join(sentences)


def reason(why: str) -> str:
    """Return why a network cannot be evaluated, with its status in plain English."""
    return " ".join(STATUSES.get(word, word) for word in why.split(" "))


def stability_notes(stabilities: Iterable[str | None]) -> list[str]:
    """Return the meaning of the marks of noisy and disturbed latencies, if there are any."""
    found = set(stabilities)
    return [text(one) for one in STABILITY_MARKS if one in found]


def tied(entries: Iterable[Entry]) -> str:
    """Return what the letters of ties mean; bounds of published numbers are only their rounding."""
    published = [(entry.accuracy_source or "").startswith("published:") for entry in entries]
    return text("tied_rounding" if all(published) else "tied")


def tie_letters(groups: Iterable[int]) -> dict[int, str]:
    """Return a letter for each group of ties that occurs more than once."""
    tied = [group for group, networks in Counter(groups).items() if networks > 1]
    return {group: ascii_lowercase[at % 26] for at, group in enumerate(tied)}
