"""What a reader has to know to read a figure, in a few sentences made from its data."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from dnnbench.core.formatting import PREDICTED_MARK, STATUS_WORDS, UNSTABLE_MARK
from dnnbench.report.figures.figure_names import device_label
from dnnbench.report.figures.identity import Identity, Row

_BASES = {
    "process": "Memory is the device memory of the whole process, context included (basis"
    " “process”); it is not comparable with basis “net”.",
    "net": "Memory is what the network adds while it runs: the peak, minus the reading after a"
    " one-convolution network in the same process (basis “net”); it is not comparable with the"
    " “process” basis of CUDA devices, which includes the context.",
}
ONE_PASS = (
    "A time is one forward pass with the input on the device; decoding, preprocessing and copying"
    " are not in it."
)


def accuracy(sources: Iterable[str | None]) -> str:
    """Where the accuracy comes from, from the values of ``accuracy_source``."""
    counts = Counter(_origin(source) for source in sources if source)
    if not counts:
        return "No accuracy is known."
    if set(counts) == {_STUDY}:
        return "Accuracy is the published 2018 figure, not measured here."
    parts = [f"{count} {origin}" for origin, count in counts.most_common()]
    return "Accuracy: " + ", ".join(parts) + "."


def balls(sources: Iterable[str | None], *, beyond_convolutions: bool) -> str:
    """Caption of a ball chart; ``beyond_convolutions``: matrix products are counted too."""
    counted = (
        "multiply-adds of convolutions and matrix products, each counted once, from the"
        " architecture itself; the 2018 study, whose networks do almost all of theirs in"
        " convolutions, plots these alone under the name G-FLOPs."
        if beyond_convolutions
        else "multiply-adds of the convolutions, each counted once, from the architecture itself;"
        " the 2018 study plots the same count under the name G-FLOPs."
    )
    return (
        "The area of a ball is the number of parameters that run in a forward pass. Operations are"
        f" {counted} {accuracy(sources)}"
    )


def density(sources: Iterable[str | None]) -> str:
    """Caption of the figures of accuracy density."""
    return (
        "Accuracy density is top-1 accuracy divided by the millions of parameters that run in a"
        f" forward pass. {accuracy(sources)}"
    )


def speed(rows: Sequence[Row], identity: Identity) -> str:
    """Caption of accuracy against images per second."""
    single = [row for row in rows if row["batch_size"] == 1]
    sentences = [source_of(single), ONE_PASS, intervals(single)]
    unstable = sum(row["stable"] is False for row in single)
    if unstable:
        sentences.append(f"Hollow diamonds ({unstable}) are unstable measurements.")
    predicted = sum(row["source"] == "predicted" and row["fps"] is not None for row in single)
    if predicted:
        sentences.append(
            f"Hollow circles ({predicted}) are predicted from the networks that were timed; they"
            " are not on the front."
        )
    sentences.append(
        "The dashed line is the Pareto front: no other network is both faster and more accurate."
    )
    sentences.append(
        _not_shown(
            {
                identity.name(row["model"]): STATUS_WORDS[row["status"]]
                if row["fps"] is None
                else _NO_ACCURACY
                for row in single
                if row["fps"] is None or row["top1"] is None
            }
        )
    )
    sentences.append(accuracy(row["accuracy_source"] for row in single))
    return " ".join(filter(None, sentences))


def memory(rows: Sequence[Row]) -> str:
    """Caption of memory against model size."""
    return (
        f"{source_of(rows)} {memory_basis(rows)} The dashed line, where it passes through the plot,"
        " is the size of the weights alone."
    )


def time_table(rows: Sequence[Row]) -> str:
    """Caption of the table of times."""
    sentences = [
        source_of(rows),
        ONE_PASS,
        "Above batch size 1 a time per image is inverse throughput, not what a request waits.",
        "The letter is the class of the cell, by frames per second.",
    ]
    if any(row["stable"] is False for row in rows):
        sentences.append(f"{UNSTABLE_MARK}: unstable measurement.")
    if any(row["source"] == "predicted" for row in rows):
        sentences.append(f"{PREDICTED_MARK}: predicted from the networks that were timed.")
    sentences.append(intervals(rows))
    return " ".join(filter(None, sentences))


def memory_table(rows: Sequence[Row]) -> str:
    """Caption of the table of memory."""
    return f"{source_of(rows)} {memory_basis(rows)} The letter is the class of the cell."


def best(rows: Sequence[Row], selection: Sequence[Row], borrowed: str | None) -> str:
    """Caption of the table of best networks."""
    sentences = ["The networks of highest top-1 accuracy within both budgets, at batch size 1."]
    if any(row["fits"] == "cannot_tell" for row in selection):
        sentences.append(
            "“?”: cannot tell, since the interval (or the rounding of a published number)"
            " straddles a limit."
        )
    sentences.append(_borrowed(borrowed) if borrowed else memory_basis(rows))
    sentences.append(accuracy(row["accuracy_source"] for row in rows))
    return " ".join(filter(None, sentences))


def explorer(rows: Sequence[Row], borrowed: str | None) -> str:
    """What a device's numbers rest on, for below its answer."""
    memory = f"Memory is that of {device_label(borrowed)}." if borrowed else memory_basis(rows)
    sentences = [source_of(rows), intervals(rows), memory]
    if rows:
        sentences.append(accuracy(row["accuracy_source"] for row in rows))
    return " ".join(filter(None, sentences))


_STUDY = "published in the 2018 study"
_NO_ACCURACY = "accuracy not known"
_MOST_LISTED = 20


def without_accuracy(names: Iterable[str]) -> str:
    """Which networks a figure of accuracy leaves out; empty for none."""
    return _not_shown(dict.fromkeys(names, _NO_ACCURACY))


def _not_shown(reasons: Mapping[str, str]) -> str:
    """Which networks, and why; more than a person would read as a number for each reason."""
    if len(reasons) > _MOST_LISTED:
        counts = Counter(reasons.values())
        listed = ", ".join(f"{count} networks ({reason})" for reason, count in counts.items())
    else:
        listed = ", ".join(f"{name} ({reason})" for name, reason in reasons.items())
    return f"Not shown: {listed}." if listed else ""


def _origin(source: str) -> str:
    kind, _, detail = source.partition(":")
    if kind == "measured":
        return f"measured on {detail}"
    return _STUDY if detail in ("table3", "figure") else "published by the library of the weights"


def source_of(rows: Sequence[Row]) -> str:
    """Return where a device's numbers come from, in one sentence."""
    if not rows:
        return "The study has no rows for this device."
    device = device_label(rows[0]["device"])
    sessions = sorted({row["session"] for row in rows if row["session"]})
    if rows[0]["source"] == "measured":
        when = f", session {', '.join(sessions)}" if sessions else ""
        return f"Measured on {device}{when}."
    return f"{device}: {rows[0]['source']} numbers, protocol {rows[0]['protocol']}."


def intervals(rows: Sequence[Row]) -> str:
    """Return what the intervals of a device's numbers cover; empty where there are none."""
    if any(row["latency_ms_low"] is not None for row in rows):
        return (
            "Intervals are 95 %, over fresh processes during one session on one machine; they do"
            " not cover other days or machines."
        )
    return "No intervals were published." if rows and rows[0]["source"] == "published" else ""


def memory_basis(rows: Sequence[Row]) -> str:
    """Return what the memory of these rows includes; empty where there is none."""
    bases = sorted({row["memory_basis"] for row in rows if row["memory_basis"]})
    return " ".join(_BASES.get(basis, f"Memory basis: {basis}.") for basis in bases)


def _borrowed(device: str) -> str:
    return (
        "No memory was published for this device. Budgets are held against the memory of"
        f" {device_label(device)}, as the 2018 study did; there is no memory figure here."
    )
