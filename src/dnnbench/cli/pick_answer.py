"""The answer of ``dnnbench pick`` in a terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from dnnbench.cli import printing
from dnnbench.config.variants import REFERENCE
from dnnbench.core.formatting import grouped, loosened, significant
from dnnbench.queries import wording
from dnnbench.queries.best_fit import Entry, Give, Miss, Pick
from dnnbench.queries.limits import given, known_limits


def print_answer(console: Console, answer: Pick, names: Mapping[str, str]) -> None:
    """Print limits, verdicts, the listed networks or the nearest misses, and notes."""
    limits = [limit.text(value, answer.batch_size) for limit, value in given(answer.limits)]
    way = "" if answer.variant == REFERENCE else f"{answer.variant}, "
    where = f"{answer.device}, {way}batch size {answer.batch_size}"
    what = f"{where}: {', '.join(limits) or 'no limit'}."
    console.print(what, style="bold")
    console.print(wording.count(answer))
    if answer.entries:
        _print_entries(console, answer, names)
    elif answer.nearest:
        _print_nearest(console, answer.nearest, names)
    _print_binding(console, answer, names)
    notes = _notes(answer, names)
    if notes:
        console.print("\n" + "\n".join(notes), style="dim")


def _print_entries(console: Console, answer: Pick, names: Mapping[str, str]) -> None:
    """Print two lines an entry: its numbers, and what they are against those of the next."""
    entries = answer.entries
    # Limits whose number is in none of the usual columns.
    others = [one for one, _ in given(answer.limits) if one.column not in Entry.model_fields]
    numbers = ("top-1, %", "ms an image", "MiB", "M par.", *(one.unit for one in others))
    columns = ("", "network", *numbers, "fits")
    right = [name for name in columns if name not in ("network", "ms an image", "fits")]
    table = printing.table(*columns, right=right, whole=columns[2:])
    letters = _tie_letters(entries)
    blank = [""] * len(others)
    for entry, following in zip(entries, [*entries[1:], None], strict=True):
        table.add_row(
            str(entry.rank),
            names.get(entry.model, entry.model),
            f"{entry.top1:.2f}{letters.get(entry.tie_group, '')}",
            _time(entry),
            "" if entry.memory_mib is None else f"{entry.memory_mib:,.0f}",
            "" if entry.params is None else f"{entry.params / 1e6:.1f}",
            *(_number(getattr(entry, one.column)) for one in others),
            Text("yes", "green") if entry.fits == "yes" else Text("cannot tell", "yellow"),
        )
        undecided = (entry.undecided or "").split("+")
        why = ", ".join(one.word for name, one in known_limits().items() if name in undecided)
        if entry.next_model:
            # The next of the last one is not in the list.
            after = "the next" if following else names.get(entry.next_model, entry.next_model)
            table.add_row("", f"  over {after}", *_against(entry), *blank, why, style="dim")
        elif why:
            table.add_row("", "", "", "", "", "", *blank, why, style="dim")
    console.print()
    console.print(table)


def _time(entry: Entry) -> str:
    """The time with its interval. The rounding of a published one is finer than what is shown."""
    if entry.source == "published":
        return significant(entry.latency_ms)
    mark = printing.UNSTABLE if entry.stable is False else ""
    mark += printing.PREDICTED if entry.source == "predicted" else ""
    low, high = entry.latency_ms_low, entry.latency_ms_high
    return f"{printing.with_bounds(entry.latency_ms, low, high)}{mark}"


def _number(value: float | None) -> str:
    return "" if value is None else significant(value)


def _tie_letters(entries: Sequence[Entry]) -> dict[int, str]:
    """A letter for each group that has more than one of the listed networks."""
    letters = wording.tie_letters(entry.tie_group for entry in entries)
    return {group: f" {letter}" for group, letter in letters.items()}


def _against(entry: Entry) -> tuple[str, str, str, str]:
    """What an entry has more of than the next in rank, for the columns of numbers."""
    time, memory, params = entry.next_time_ratio, entry.next_memory_more_mib, entry.next_params_more
    return (
        "" if entry.next_top1_more is None else f"{entry.next_top1_more:+.2f}",
        "" if time is None else f"x {significant(time)}{'' if entry.next_time_apart else ' ~'}",
        "" if memory is None else f"{memory:+,.0f}",
        "" if params is None else f"{params / 1e6:+.1f}",
    )


def _print_nearest(console: Console, misses: Sequence[Miss], names: Mapping[str, str]) -> None:
    console.print("\nThe nearest misses, and what each would need to fit for certain:\n")
    columns = ("network", "top-1, %", "furthest", "needs")
    table = printing.table(*columns, right=("top-1, %",), whole=columns[1:3])
    for miss in misses:
        table.add_row(
            names.get(miss.model, miss.model),
            f"{miss.top1:.2f}",
            f"x {significant(miss.factor)}",
            "\n".join(map(_give_text, miss.gives)),
        )
    console.print(table)


def _print_binding(console: Console, answer: Pick, names: Mapping[str, str]) -> None:
    """Print which limits are in the way, and how far each would have to give by itself."""
    if not answer.networks or not given(answer.limits):
        return
    console.print(f"\n{wording.binding(answer)}")
    if not answer.binding:
        return
    columns = ("limit", "network", "top-1, %", "needs")
    table = printing.table(*columns, right=("top-1, %",), whole=columns[2:])
    for binding in answer.binding:
        table.add_row(
            known_limits()[binding.limit].word,
            names.get(binding.miss.model, binding.miss.model),
            f"{binding.miss.top1:.2f}",
            *map(_give_text, binding.miss.outside),
        )
    console.print()
    console.print(table)


def _give_text(give: Give) -> str:
    """The option that would let the network in, and how far that is from the one given."""
    limit = known_limits()[give.limit]
    return f"{limit.option} {loosened(give.needed, limit.minimum)} ({wording.change(give)})"


def _notes(answer: Pick, names: Mapping[str, str]) -> list[str]:
    """What the marks mean, where the numbers come from, and what is missing."""
    entries, certain = answer.entries, answer.best_certain
    notes = []
    if entries and certain != answer.best:
        notes.append(
            f"The first that fits for certain: {names.get(certain, certain)}."
            if certain
            else "None fits for certain."
        )
    if any(entry.fits == "cannot_tell" for entry in entries):
        notes.append(
            "cannot tell: the limit lies within the bounds of the number, or these are not known."
        )
    if any(entry.next_model for entry in entries):
        close = any(entry.next_time_apart is False for entry in entries)
        notes.append(
            "Second lines: against the next in rank"
            + ("; ~ the two times cannot be told apart." if close else ".")
        )
    if any(entry.source == "measured" and entry.latency_ms_low for entry in entries):
        notes.append("In brackets: 95 %, over processes of one session on one machine.")
    if any(entry.source == "predicted" for entry in entries):
        notes.append(f"{printing.PREDICTED} predicted: dnnbench predict says how well.")
    if any(entry.stable is False for entry in entries):
        notes.append(f"{printing.UNSTABLE} not stable: dnnbench show says why.")
    if entries:
        notes.append(_accuracy_note(entries, names))
    bases = dict.fromkeys(entry.memory_basis for entry in entries if entry.memory_basis)
    if bases:
        notes.append(f"Memory basis: {', '.join(bases)}.")
    if answer.left_out:
        reasons = {
            names.get(model, model): wording.reason(reason)
            for model, reason in answer.left_out.items()
        }
        notes.append(f"Not judged: {grouped(reasons)}.")
    return notes


def _accuracy_note(entries: Sequence[Entry], names: Mapping[str, str]) -> str:
    """Where top-1 comes from, and what the letters of ties rest on."""
    sources = {
        names.get(entry.model, entry.model): entry.accuracy_source or "source not known"
        for entry in entries
    }
    kinds = set(sources.values())
    text = f"Top-1: {kinds.pop() if len(kinds) == 1 else grouped(sources)}."
    if not _tie_letters(entries):
        return text
    if all(source.startswith("published") for source in sources.values()):
        return f"{text} Same letter: equal within their rounding."
    return f"{text} Same letter: no test, or no interval, tells them apart."
