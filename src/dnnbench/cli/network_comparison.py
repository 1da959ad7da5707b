"""The answer of ``dnnbench compare A B`` in a terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from dnnbench.cli import messages, printing
from dnnbench.core.formatting import percent, significant, stability_mark
from dnnbench.queries import wording
from dnnbench.queries.compare_networks import Comparison

# Values are divided by these before they are shown.
_SCALES = {"params": 1e6, "macs": 1e9}


def print_comparisons(
    console: Console,
    found: Sequence[Comparison],
    pair: tuple[str, str],
    stability: Mapping[tuple[str, str, int], str | None],
    margin: float,
) -> None:
    """Print the differences, and the meaning of their numbers and verdicts."""
    columns = ("", "batch", "A", "B", "A vs. B", "verdict")
    table = printing.table(*columns, right=("batch", "A", "B"), whole=columns)
    differences = []
    for one in found:
        scale = _SCALES.get(one.quantity, 1.0)
        differences.append(_difference(one, scale))
        cells = []
        timed = [stability.get(cell) for cell in _timed(one, pair)] or [None, None]
        for seen, value in zip(timed, (one.a, one.b), strict=True):
            text = "" if value is None else _number(one.quantity, value / scale)
            cells.append(text + stability_mark(seen))
        size = "" if one.batch_size is None else str(one.batch_size)
        quantity = messages.QUANTITIES[one.quantity]
        table.add_row(quantity, size, *cells, differences[-1], _verdict(one))
    printing.print_table(console, table)
    bases: dict[str, list[str]] = {}
    for one in found:
        words = bases.setdefault(one.basis, [])
        if (word := messages.QUANTITIES_IN_NOTES[one.quantity]) not in words:
            words.append(word)
    notes = [messages.DIFFERENCES]
    notes += [f"{', '.join(words).capitalize()}: {basis}." for basis, words in bases.items()]
    if any((one.quantity, one.verdict) == ("time", "equivalent") for one in found):
        notes.append(messages.EQUIVALENT.format(margin=percent(margin)))
    marks = wording.stability_notes(
        stability.get(cell) for one in found for cell in _timed(one, pair)
    )
    notes += [*marks, messages.REASONS] if marks else []
    notes += messages.uncertain(differences)
    console.print("\n" + "\n".join(notes), style="dim")


def print_variants(console: Console, found: Sequence[Comparison], chosen: bool) -> None:
    """Print the variants compared; ``chosen``: by dnnbench."""
    sizes: dict[tuple[str, str], list[str]] = {}
    for one in found:
        if one.quantity == "time" and one.variant_a and one.variant_b:
            sizes.setdefault((one.variant_a, one.variant_b), []).append(str(one.batch_size))
    for (a, b), those in sizes.items():
        size = messages.AT_BATCH_SIZES.format(sizes=", ".join(those)) if len(sizes) > 1 else ""
        console.print(messages.COMPARED_VARIANTS.format(a=a, b=b) + size)
    console.print(messages.CHOSEN_VARIANTS + "\n" if chosen else "")


def _timed(one: Comparison, pair: tuple[str, str]) -> list[tuple[str, str, int]]:
    """Return the cells of both networks behind a comparison of latencies."""
    if one.quantity != "time":
        return []
    variants = (one.variant_a or "", one.variant_b or "")
    return [(*cell, one.batch_size or 0) for cell in zip(pair, variants, strict=True)]


def _number(quantity: str, value: float) -> str:
    return f"{value:.2f}" if quantity == "top1" else significant(value)


def _difference(one: Comparison, scale: float) -> str:
    """Return the ratio of latencies, or the difference of others, with its interval."""
    if one.difference is None:
        return ""
    if one.quantity == "time":
        return f"x {printing.with_bounds(one.difference, one.low, one.high)}"
    if one.low == one.high:  # Exact, or of unknown bounds.
        sign = "-" if one.difference < 0 else "+" if one.difference > 0 else ""
        return f"{sign}{significant(abs(one.difference) / scale)}"
    digits = 2 if one.quantity == "top1" else 1 if abs(one.difference) < 1000 else 0
    numbers = (one.difference, one.low or 0.0, one.high or 0.0)
    value, low, high = (f"{number:+,.{digits}f}" for number in numbers)
    return f"{value} ({low} to {high})"


def _verdict(one: Comparison) -> Text:
    if one.verdict in ("equal", "equivalent"):
        return printing.styled(one.verdict)
    if one.verdict == "inconclusive":
        return printing.styled(one.verdict, "yellow")
    better = messages.BETTER.get(one.quantity, messages.SMALLER)
    return printing.styled(better.format(network=one.verdict.upper()), "green")
