"""The answer of ``dnnbench pick`` in a terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console

from dnnbench.cli import messages, printing
from dnnbench.core.formatting import LOSS_MARK, grouped, loosened, significant, span, stability_mark
from dnnbench.queries import wording
from dnnbench.queries.best_fit import Entry, Give, Pick
from dnnbench.queries.limits import ACCURACY, given, known_limits
from dnnbench.records import labels
from dnnbench.records.study_records import loses_accuracy


def print_answer(console: Console, answer: Pick, names: Mapping[str, str]) -> None:
    """Print limits, verdicts, networks that fit, inconclusive ones or misses, and notes."""
    limits = [limit.text(value, answer.batch_size) for limit, value in given(answer.limits)]
    where = f"{labels.device(answer.device)}, {wording.scope(answer)}"
    title = f"{where}: {', '.join(limits) or wording.text('no_limits')}."
    console.print(title, style="bold")
    console.print(wording.count(answer))
    if answer.entries:
        _print_entries(console, answer, names)
    if answer.inconclusive:
        _print_inconclusive(console, answer, names)
    elif answer.nearest:
        _print_nearest(console, answer, names)
    _print_binding(console, answer, names)
    for line in wording.better_batch_sizes(answer, names):
        console.print(line)
    notes = _notes(answer, names)
    if notes:
        console.print("\n" + "\n".join(notes), style="dim")


def _print_entries(console: Console, answer: Pick, names: Mapping[str, str]) -> None:
    """Print two lines per entry: its numbers, and the difference to the next in rank."""
    entries = answer.entries
    # Limits whose number is in none of the usual columns.
    others = [one for one, _ in given(answer.limits) if one.column not in Entry.model_fields]
    usual = (messages.TOP1, messages.LATENCY, messages.MEMORY, messages.PARAMETERS)
    numbers = (*usual, *(f"{one.word}\n{one.unit}" for one in others))
    several = len(answer.variants) > 1
    words = ("network", "variant") if several else ("network",)
    columns = ("", *words, *numbers)
    right = [name for name in columns if name not in (*words, messages.LATENCY)]
    table = printing.table(*columns, right=right, whole=columns[2:], titles=len(words) + 1)
    letters = _tie_letters(entries)
    blank = [""] * len(others)
    for entry, following in zip(entries, [*entries[1:], None], strict=True):
        table.add_row(
            str(entry.rank),
            names.get(entry.model, entry.model),
            *([entry.variant] if several else []),
            f"{entry.top1:.2f}{loss_mark(entry)}{letters.get(entry.tie_group, '')}",
            _latency(entry),
            "" if entry.memory_mib is None else f"{entry.memory_mib:,.0f}",
            "" if entry.params is None else f"{entry.params / 1e6:.1f}",
            *(_number(getattr(entry, one.column)) for one in others),
        )
        if entry.next_model:
            # The network after the last entry is not listed.
            after = messages.NEXT if following else names.get(entry.next_model, entry.next_model)
            versus = [f"  vs. {after}", *([""] if several else [])]
            table.add_row("", *versus, *_differences(entry), *blank, style="dim")
    console.print()
    printing.print_table(console, table)


def _print_inconclusive(console: Console, answer: Pick, names: Mapping[str, str]) -> None:
    """Print the inconclusive networks that might be better, and what would settle each."""
    heading = wording.text("might_be_better" if answer.best else "might_fit")
    console.print(f"\n{heading}", style="bold")
    for entry in answer.inconclusive:
        printing.print_item(console, inconclusive_text(answer, entry, names))
    more = answer.might_be_better - len(answer.inconclusive)
    if more:
        printing.print_item(console, wording.text("and_more", count=more))


def inconclusive_text(answer: Pick, entry: Entry, names: Mapping[str, str]) -> str:
    """Return an inconclusive configuration with its numbers, and what would settle the verdict."""
    top1 = f"{entry.top1:.2f}%{loss_mark(entry)} top-1"
    if ACCURACY in (entry.undecided or "") and entry.top1_low is not None:
        top1 += f" ({entry.top1_low:.2f} to {entry.top1_high:.2f})"
    memory = "" if entry.memory_mib is None else f"{entry.memory_mib:,.0f} MiB"
    numbers = ", ".join(filter(None, (top1, _latency(entry, " ms per image"), memory)))
    name = wording.configuration(answer, names, entry.model, entry.variant)
    return f"{name}: {numbers}. {wording.doubt(entry)}"


def loss_mark(entry: Entry) -> str:
    """Return the mark of an accuracy that is certainly lower by more than a point."""
    return LOSS_MARK if loses_accuracy(entry.top1_change_high) else ""


def _latency(entry: Entry, unit: str = "") -> str:
    """Return the latency with its interval.

    The rounding of published numbers is finer than the digits shown, so it is left out.
    """
    value = f"{significant(entry.latency_ms)}{unit}"
    if entry.source == "published":
        return value
    mark = stability_mark(entry.stability)
    mark += printing.PREDICTED if entry.source == "predicted" else ""
    interval = span(entry.latency_ms_low, entry.latency_ms_high)
    return f"{value} ({interval}){mark}" if interval else f"{value}{mark}"


def _number(value: float | None) -> str:
    return "" if value is None else significant(value)


def _tie_letters(entries: Sequence[Entry]) -> dict[int, str]:
    """Return a letter for each group that has several of the listed networks."""
    letters = wording.tie_letters(entry.tie_group for entry in entries)
    return {group: f" {letter}" for group, letter in letters.items()}


def _differences(entry: Entry) -> tuple[str, str, str, str]:
    """Return the differences to the next in rank, for the columns of numbers."""
    ratio, memory = entry.next_time_ratio, entry.next_memory_more_mib
    params = entry.next_params_more
    return (
        "" if entry.next_top1_more is None else f"{entry.next_top1_more:+.2f}",
        "" if ratio is None else f"x {significant(ratio)}{_similar(entry)}",
        "" if memory is None else f"{memory:+,.0f}",
        "" if params is None else f"{params / 1e6:+.1f}",
    )


def _similar(entry: Entry) -> str:
    """Return the verdict on the latencies of an entry and the next, unless they differ."""
    return "" if entry.next_time == "different" else f", {entry.next_time}"


def _print_nearest(console: Console, answer: Pick, names: Mapping[str, str]) -> None:
    console.print(f"\n{wording.text('nearest')}")
    for miss in answer.nearest:
        name = wording.configuration(answer, names, miss.model, miss.variant)
        limits = ", ".join(f"{_option(give)} ({wording.change(give)})" for give in miss.gives)
        printing.print_item(console, f"{name} ({miss.top1:.2f}% top-1): {limits}")


def _print_binding(console: Console, answer: Pick, names: Mapping[str, str]) -> None:
    """Print the limiting constraints, and how far each would have to be relaxed."""
    if not answer.networks or not given(answer.limits):
        return
    console.print(f"\n{wording.binding(answer)}")
    for binding in answer.binding:
        miss = binding.miss
        network = wording.configuration(answer, names, miss.model, miss.variant)
        printing.print_item(console, wording.admits(binding, _option, network))


def _option(give: Give) -> str:
    """Return the option that would admit a network: ``--min-fps 17.7``."""
    limit = known_limits()[give.limit]
    return f"{limit.option} {loosened(give.needed, limit.minimum)}"


def _notes(answer: Pick, names: Mapping[str, str]) -> list[str]:
    """Return the meaning of marks, the origin of numbers, and the networks left out."""
    entries = [*answer.entries, *answer.inconclusive]
    notes = _versus_notes(answer, names)
    if any(entry.source == "measured" and entry.latency_ms_low for entry in entries):
        notes.append(messages.INTERVAL)
    if any(entry.source == "predicted" for entry in entries):
        notes.append(messages.PREDICTED)
    notes += messages.uncertain(map(_latency, entries))
    stability = wording.stability_notes(entry.stability for entry in entries)
    notes += [*stability, messages.REASONS] if stability else []
    if entries:
        notes += _accuracy_notes(answer, entries, names)
    bases = dict.fromkeys(entry.memory_basis for entry in entries if entry.memory_basis)
    if bases:
        shown = "; ".join(map(labels.memory_basis, bases))
        notes.append(messages.MEMORY_BASIS.format(bases=shown))
    notes += wording.environments(entries)
    if missing := wording.not_evaluated(answer, names):
        notes.append(missing)
    return notes


def _versus_notes(answer: Pick, names: Mapping[str, str]) -> list[str]:
    """Return the meaning of the lines that compare a configuration with the next one in rank."""
    entries = answer.entries
    last = entries[-1] if entries else None
    unlisted = None
    if last and last.next_model and last.next_variant:
        unlisted = wording.configuration(answer, names, last.next_model, last.next_variant)
    notes = []
    if len(entries) > 1:
        network = messages.NEXT_IN_RANK
        notes.append(messages.VERSUS.format(following=messages.NEXT, network=network))
        if unlisted:
            notes.append(messages.NOT_LISTED_NEXT.format(following=unlisted))
    elif unlisted:
        network = f"{unlisted}, {messages.NEXT_IN_RANK}"
        notes.append(messages.VERSUS.format(following=unlisted, network=network))
    verdicts = {entry.next_time for entry in entries}
    return notes + [
        wording.text(verdict) for verdict in ("equivalent", "inconclusive") if verdict in verdicts
    ]


def _accuracy_notes(answer: Pick, entries: Sequence[Entry], names: Mapping[str, str]) -> list[str]:
    """Return where the accuracies come from, and the meaning of the letters of ties."""
    sources = {
        wording.configuration(answer, names, one.model, one.variant): labels.accuracy_source(
            one.accuracy_source
        )
        for one in entries
    }
    kinds = set(sources.values())
    shown = kinds.pop() if len(kinds) == 1 else grouped(sources)
    notes = [messages.ACCURACY.format(sources=shown)]
    if any(map(loss_mark, entries)):
        notes.append(messages.ACCURACY_LOSS)
    if _tie_letters(entries):
        notes.append(wording.tied(entries))
    return notes
