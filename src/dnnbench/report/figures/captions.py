"""Captions of figures, derived from their data."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from dnnbench.core.formatting import LOSS_MARK, PREDICTED_MARK, several
from dnnbench.queries.wording import STATUSES, stability_notes
from dnnbench.records import labels
from dnnbench.records.published_study import label
from dnnbench.report.figures.configurations import leading, loses, variants_of
from dnnbench.report.figures.identity import Identity, Row

_BASES = {
    "process": "Memory is “whole process”: all device memory of the process, including its context."
    " It is not comparable with “network only” memory.",
    "net": "Memory is “network only”: the peak of the process while the network runs, minus its"
    " baseline, which covers the interpreter and the libraries. It is not comparable with the"
    " “whole process” memory of CUDA devices.",
}
ONE_PASS = (
    "Latency covers one forward pass, with the input already on the device. It excludes decoding,"
    " preprocessing, and copying."
)


def accuracy(sources: Iterable[str | None]) -> str:
    """Return where the accuracy comes from, given values of ``accuracy_source``."""
    counts = Counter(_origin(source) for source in sources if source)
    if not counts:
        return "No accuracy is known."
    if set(counts) == {_STUDY}:
        return "Accuracy is taken from the 2018 study; it was not measured here."
    parts = [f"{count} {origin}" for origin, count in counts.most_common()]
    return "Accuracy: " + ", ".join(parts) + "."


def bubbles(sources: Iterable[str | None], *, beyond_convolutions: bool) -> str:
    """Return the caption of an operations chart.

    ``beyond_convolutions``: whether the chart counts matrix products too.
    """
    counted = (
        "multiply-adds of convolutions and matrix products, each counted once, from the network's"
        " definition. The 2018 study plots those of convolutions only, under the name G-FLOPs; its"
        " networks do almost all of their multiply-adds there."
        if beyond_convolutions
        else "multiply-adds of convolutions, each counted once, from the network's definition. The"
        " 2018 study plots the same count under the name G-FLOPs."
    )
    return (
        "The area of a bubble is proportional to the number of parameters used in a forward pass."
        f" Operations are {counted} {accuracy(sources)}"
    )


def density(sources: Iterable[str | None]) -> str:
    """Return the caption of the accuracy density figures."""
    return (
        "Accuracy density is top-1 accuracy divided by the millions of parameters used in a forward"
        f" pass. {accuracy(sources)}"
    )


def speedup(points: Sequence[Row]) -> str:
    """Return the caption of the chart of speed-ups by threads."""
    numbers = sorted({point["threads"] for point in points})
    if not numbers:
        return "No latency is known."
    fewest = several(numbers[0], "thread")
    return (
        f"The speed-up is the latency with {fewest} divided by the latency with more, both without"
        " a special allocator. The dashed line is the ideal speed-up, the ratio of the numbers of"
        " threads. The percentage next to a name is the efficiency with"
        f" {several(numbers[-1], 'thread')}: the speed-up divided by the ideal one. {ONE_PASS}"
    )


def speed(rows: Sequence[Row], identity: Identity) -> str:
    """Return the caption of the chart of accuracy against throughput."""
    single = [row for row in rows if row["batch_size"] == 1]
    shown = [row for row in single if row["fps"] is not None and row["top1"] is not None]
    compared = len(variants_of(rows)) > 1
    noun = "configuration" if compared else "network"
    sentences = [source_of(single), ONE_PASS, intervals(single)]
    if compared:
        sentences += [
            f"{_MARKS} The name is next to the large mark: of the variants on the Pareto front, or"
            " else of all, the fastest that is known to keep the accuracy.",
            _losses(shown),
        ]
    disturbed = sum(row["stability"] == "disturbed" for row in shown)
    if disturbed:
        sentences.append(
            f"Hollow diamonds ({disturbed}) are disturbed measurements, which should be repeated:"
            " something slowed particular processes."
        )
    predicted = sum(row["source"] == "predicted" for row in shown)
    if predicted:
        marks = "Other hollow marks" if compared else "Hollow circles"
        sentences.append(
            f"{marks} ({predicted}) are predictions from the networks that were timed. They are"
            " excluded from the Pareto front."
        )
    sentences.append(
        f"The dashed line is the Pareto front: no {noun} beats those on it in both speed and"
        " accuracy."
    )
    left_out = {}
    for row in single:
        if row["fps"] is None or row["top1"] is None:
            variant = f" in {row['variant']}" if compared else ""
            why = STATUSES[row["status"]] if row["fps"] is None else _NO_ACCURACY
            left_out[f"{identity.name(row['model'])}{variant}"] = why
    sentences.append(_not_shown(left_out, noun))
    sentences.append(accuracy(row["accuracy_source"] for row in single))
    return " ".join(filter(None, sentences))


def memory(rows: Sequence[Row]) -> str:
    """Return the caption of the chart of memory against model size."""
    sentences = [source_of(rows), memory_basis(rows)]
    if len(variants_of(rows)) > 1:
        shown = [row for row in rows if row["batch_size"] == 1 and row["memory_mib"] is not None]
        sentences += [
            f"{_MARKS} The name is next to the large mark: the variant with the least memory that"
            " is known to keep the accuracy.",
            _losses(shown),
            "The model size is that in fp32.",
        ]
    sentences.append("On the dashed line, if visible, memory equals the size of the weights.")
    return " ".join(filter(None, sentences))


def time_table(rows: Sequence[Row]) -> str:
    """Return the caption of the latency table."""
    shown = leading(rows, "latency_ms")
    sentences = [
        source_of(rows),
        _choice(rows, "the fastest variant"),
        _losses(shown),
        ONE_PASS,
        "Above batch size 1, latency per image is inverse throughput, not the time that a request"
        " waits.",
        "Letters and colors grade the throughput.",
    ]
    sentences += stability_notes(row["stability"] for row in shown)
    if any(row["source"] == "predicted" for row in shown):
        sentences.append(f"{PREDICTED_MARK}: predicted from the networks that were timed.")
    sentences.append(intervals(rows))
    return " ".join(filter(None, sentences))


def memory_table(rows: Sequence[Row]) -> str:
    """Return the caption of the memory table."""
    sentences = [
        source_of(rows),
        _choice(rows, "the variant with the least memory"),
        _losses(leading(rows, "memory_mib")),
        memory_basis(rows),
        "Letters and colors grade the memory.",
    ]
    return " ".join(filter(None, sentences))


def best(rows: Sequence[Row], selection: Sequence[Row], borrowed: str | None) -> str:
    """Return the caption of the table of best networks within budgets."""
    sentences = ["The networks with the highest top-1 accuracy within both limits at batch size 1."]
    if any(row["fits"] == "cannot_tell" for row in selection):
        sentences.append(
            "“?” means inconclusive: a limit is within a confidence interval or within the rounding"
            " error of a published number, or the latency is very uncertain. These networks come"
            " last, and would be among the five if they fit."
        )
    sentences.append(_borrowed(borrowed) if borrowed else memory_basis(rows))
    sentences.append(accuracy(row["accuracy_source"] for row in rows if row["batch_size"] == 1))
    return " ".join(filter(None, sentences))


def explorer(rows: Sequence[Row], borrowed: str | None) -> str:
    """Return where a device's numbers come from, for the note below its answer."""
    memory = f"Memory is taken from the {label(borrowed)}." if borrowed else memory_basis(rows)
    sentences = [source_of(rows), intervals(rows), memory]
    if rows:
        # A configuration counts once, not once per batch size.
        sources = {(row["model"], row["variant"]): row["accuracy_source"] for row in rows}
        sentences.append(accuracy(sources.values()))
    return " ".join(filter(None, sentences))


_MARKS = (
    "Each mark is a network in one variant, which its shape shows. A line joins the variants of a"
    " network."
)
_LOSS = (
    f"{LOSS_MARK}: top-1 accuracy is certainly lower than in fp32-eager by more than one percentage"
    " point."
)
_STUDY = "published in the 2018 study"
_NO_ACCURACY = "accuracy unknown"
_MOST_LISTED = 20


def without_accuracy(names: Iterable[str]) -> str:
    """Return which networks an accuracy figure omits, or an empty string for none."""
    return _not_shown(dict.fromkeys(names, _NO_ACCURACY))


def _losses(shown: Iterable[Row]) -> str:
    """Return what the mark of a loss of accuracy means, if a row has it, or an empty string."""
    return _LOSS if any(map(loses, shown)) else ""


def _choice(rows: Sequence[Row], chosen: str) -> str:
    """Return which variant a cell of a table shows; an empty string for a single variant."""
    if len(variants_of(rows)) < 2:
        return ""
    return (
        f"Each cell shows {chosen}, except those whose change of top-1 accuracy from fp32-eager is"
        " unknown or certainly a loss of more than one percentage point. Hover over a cell for the"
        " others."
    )


def _not_shown(reasons: Mapping[str, str], noun: str = "network") -> str:
    """Return what is omitted and why; for many networks or configurations, only counts."""
    if len(reasons) > _MOST_LISTED:
        counts = Counter(reasons.values())
        listed = ", ".join(f"{several(count, noun)} ({reason})" for reason, count in counts.items())
    else:
        listed = ", ".join(f"{name} ({reason})" for name, reason in reasons.items())
    return f"Not shown: {listed}." if listed else ""


def _origin(source: str) -> str:
    kind, _, detail = source.partition(":")
    if kind == "measured":
        return labels.accuracy_source(source)
    if kind == labels.STATED:
        return "stated rather than measured"
    return _STUDY if detail in ("table3", "figure") else labels.accuracy_source(source)


def source_of(rows: Sequence[Row]) -> str:
    """Return in one sentence where a device's numbers come from."""
    if not rows:
        return "The study has no results for this device."
    device = labels.device(rows[0]["device"])
    sessions = sorted({row["session"] for row in rows if row["session"]})
    if rows[0]["source"] == "measured":
        word = "session" if len(sessions) == 1 else "sessions"
        when = f" in {word} {', '.join(sessions)}" if sessions else ""
        return f"Measured on {device}{when}."
    return f"{device}: {rows[0]['source']} numbers, protocol {rows[0]['protocol']}."


def intervals(rows: Sequence[Row]) -> str:
    """Return which variation the confidence intervals cover, or an empty string."""
    if any(row["latency_ms_low"] is not None for row in rows):
        return (
            "The 95% confidence intervals cover the variation between processes of one session on"
            " one machine, not between days or machines."
        )
    return (
        "The published numbers have no confidence intervals."
        if rows and rows[0]["source"] == "published"
        else ""
    )


def memory_basis(rows: Sequence[Row]) -> str:
    """Return what the memory of these rows includes, or an empty string."""
    bases = sorted({row["memory_basis"] for row in rows if row["memory_basis"]})
    return " ".join(
        _BASES.get(basis, f"Memory basis: {labels.memory_basis(basis)}.") for basis in bases
    )


def _borrowed(device: str) -> str:
    return (
        f"No memory was published for this device. As in the 2018 study, the memory of the"
        f" {label(device)} is used instead."
    )
