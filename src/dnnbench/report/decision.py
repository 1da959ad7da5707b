"""A decision as Markdown, to paste into a pull request or a ticket.

The page's button gives the same text (templates/decision.js), from ``WORDS`` and the same facts.
"""

from collections.abc import Iterator, Mapping, Sequence

from dnnbench.config.variants import REFERENCE
from dnnbench.core.formatting import grouped, loosened
from dnnbench.queries import wording
from dnnbench.queries.best_fit import Entry, Give, Miss, Pick
from dnnbench.queries.limits import Limit, given, known_limits
from dnnbench.records import labels
from dnnbench.report.figures.explorer_facts import facts
from dnnbench.report.provenance import Provenance

WORDS = {
    "title": "**Decision: {network} on {device}**",
    "no_title": "**No decision: no network fits for certain on {device}**",
    "question": "- Question: which network is the most accurate? {question}",
    "machine": "- Machine: {machine}",
    "answer": "- Answer: {count}",
    "numbers": "- Latency and memory: {numbers}.",
    "reproduce": "- To reproduce: `{command}`",
    "stability": "Stability",
    "unknown": "unknown",
}
# Networks listed in each part; as many as `dnnbench pick` lists unless told otherwise.
LISTED = 5
NEAREST = 3

# The texts of a network's facts, by key: the number, its interval and its source.
Shown = Mapping[str, Sequence[str]]


def texts() -> dict[str, object]:
    """Return what the page needs to write the same text."""
    return {"words": WORDS, "listed": LISTED, "nearest": NEAREST}


def markdown(
    answer: Pick,
    shown: Mapping[str, Shown],
    names: Mapping[str, str],
    provenance: Provenance,
    predicted: bool = False,
) -> str:
    """Return the question, the answer, the runners-up, why no other network, and the origin.

    ``shown`` has the texts of the networks' facts, by key of the network.
    """
    parts = [
        [_title(answer, names)],
        list(_summary(answer, provenance, predicted)),
        _table(answer.entries[:LISTED], shown, names),
        _rivals(answer, shown, names),
        [_miss(miss, names) for miss in answer.nearest[:NEAREST]],
        [f"- {wording.admits(one, _relaxed, names)}" for one in answer.binding],
        _left_out(answer, names),
    ]
    headings = {
        3: wording.text("might_be_better" if answer.best else "might_fit"),
        4: wording.text("nearest"),
        5: wording.binding(answer),
    }
    blocks = [
        "\n".join([f"{headings[place]}\n", *lines] if place in headings else lines)
        for place, lines in enumerate(parts)
        if lines
    ]
    return "\n\n".join(blocks) + "\n"


def _title(answer: Pick, names: Mapping[str, str]) -> str:
    device = labels.device(answer.device)
    if answer.best is None:
        return WORDS["no_title"].format(device=device)
    return WORDS["title"].format(network=names.get(answer.best, answer.best), device=device)


def _summary(answer: Pick, provenance: Provenance, predicted: bool) -> Iterator[str]:
    limits = [limit_text(limit, value) for limit, value in given(answer.limits)]
    variant = "" if answer.variant == REFERENCE else f"{answer.variant}, "
    question = (
        f"Batch size {answer.batch_size}, {variant}"
        f"{', '.join(limits) or wording.text('no_limits')}."
    )
    yield WORDS["question"].format(question=question)
    if provenance.machine:
        yield WORDS["machine"].format(machine=provenance.machine)
    yield WORDS["answer"].format(count=wording.count(answer))
    if provenance.numbers:
        yield WORDS["numbers"].format(numbers=provenance.numbers)
    yield WORDS["reproduce"].format(command=_command(answer, predicted))


def _command(answer: Pick, predicted: bool) -> str:
    words = ["dnnbench pick", f"--device {answer.device}", f"--batch-size {answer.batch_size}"]
    words += [f"{limit.option} {_plain(value)}" for limit, value in given(answer.limits)]
    if answer.variant != REFERENCE:
        words.append(f"--variant {answer.variant}")
    return " ".join([*words, *(["--predicted"] if predicted else []), "--markdown"])


def _table(
    entries: Sequence[Entry], shown: Mapping[str, Shown], names: Mapping[str, str]
) -> list[str]:
    if not entries:
        return []
    columns = [fact for fact in facts() if fact.column]
    rows = [
        [str(entry.rank), names.get(entry.model, entry.model)]
        + [_fact(shown[entry.model], fact.key) for fact in columns]
        + [entry.stability or ""]
        for entry in entries
    ]
    head = ["", "Network", *(fact.title for fact in columns), WORDS["stability"]]
    return [_row(head), f"|{'---|' * len(head)}", *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _fact(shown: Shown, key: str) -> str:
    """Return a number with its interval and source in parentheses."""
    if key not in shown:
        return WORDS["unknown"]
    number, *notes = shown[key]
    inside = ", ".join(filter(None, notes))
    return f"{number} ({inside})" if inside else number


def _rivals(answer: Pick, shown: Mapping[str, Shown], names: Mapping[str, str]) -> list[str]:
    listed = answer.inconclusive[:LISTED]
    lines = [
        f"- {names.get(one.model, one.model)}: {shown[one.model]['top1'][0]},"
        f" {_fact(shown[one.model], 'latency')}. {wording.doubt(one)}"
        for one in listed
    ]
    more = answer.might_be_better - len(listed)
    return [*lines, f"- {wording.text('and_more', count=more)}"] if more else lines


def _miss(miss: Miss, names: Mapping[str, str]) -> str:
    needs = ", ".join(f"{_relaxed(give)} ({wording.change(give)})" for give in miss.gives)
    return f"- {names.get(miss.model, miss.model)} ({miss.top1:.2f}%): {needs}"


def _left_out(answer: Pick, names: Mapping[str, str]) -> list[str]:
    reasons = {
        names.get(model, model): wording.reason(why)
        for model, why in sorted(answer.left_out.items())
    }
    return [wording.text("not_evaluated", reasons=grouped(reasons))] if reasons else []


def limit_text(limit: Limit, value: float | str) -> str:
    """Return a limit as text: ``throughput ≥ 30 images/s``."""
    number = value if isinstance(value, str) else _plain(value)
    return f"{limit.word} {'≥' if limit.minimum else '≤'} {limit.amount(number)}"


def _relaxed(give: Give) -> str:
    limit = known_limits()[give.limit]
    return limit_text(limit, loosened(give.needed, limit.minimum))


def _plain(value: float) -> str:
    """Return a number as JavaScript writes it."""
    return repr(value).removesuffix(".0")
