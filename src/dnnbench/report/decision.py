"""A decision as Markdown, to paste into a pull request or a ticket.

The page's button gives the same text (templates/decision.js), from ``WORDS`` and the same facts.
"""

from collections.abc import Iterator, Mapping, Sequence

from dnnbench.core.formatting import loosened
from dnnbench.queries import wording
from dnnbench.queries.best_fit import Binding, Entry, Give, Miss, Pick
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
# The texts of all configurations, by key of the network and variant.
AllShown = Mapping[tuple[str, str], Shown]


def texts() -> dict[str, object]:
    """Return what the page needs to write the same text."""
    return {"words": WORDS, "listed": LISTED, "nearest": NEAREST}


def markdown(
    answer: Pick,
    shown: AllShown,
    names: Mapping[str, str],
    provenance: Provenance,
    predicted: bool = False,
) -> str:
    """Return the question, the answer, the runners-up, why no other network, and the origin.

    ``shown`` has the texts of the configurations' facts.
    """
    parts = [
        [_title(answer, names)],
        list(_summary(answer, provenance, predicted)),
        _table(answer, shown, names),
        _rivals(answer, shown, names),
        [_miss(answer, miss, names) for miss in answer.nearest[:NEAREST]],
        [_admits(answer, one, names) for one in answer.binding],
        wording.environments([*answer.entries[:LISTED], *answer.inconclusive[:LISTED]]),
        list(filter(None, [wording.not_evaluated(answer, names)])),
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
    best = wording.configuration(answer, names, answer.best, answer.best_variant or "")
    return WORDS["title"].format(network=best, device=device)


def _summary(answer: Pick, provenance: Provenance, predicted: bool) -> Iterator[str]:
    limits = [limit_text(limit, value) for limit, value in given(answer.limits)]
    scope = wording.scope(answer)
    scope = scope[0].upper() + scope[1:]
    question = f"{scope}, {', '.join(limits) or wording.text('no_limits')}."
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
    if answer.variant:
        words.append(f"--variant {answer.variant}")
    if answer.threads:
        words.append(f"--threads {answer.threads}")
    return " ".join([*words, *(["--predicted"] if predicted else []), "--markdown"])


def _table(answer: Pick, shown: AllShown, names: Mapping[str, str]) -> list[str]:
    entries = answer.entries[:LISTED]
    if not entries:
        return []
    columns = [fact for fact in facts() if fact.column]
    rows = [
        [str(entry.rank), _name(answer, entry, names)]
        + [_fact(shown[entry.model, entry.variant], fact.key) for fact in columns]
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


def _rivals(answer: Pick, shown: AllShown, names: Mapping[str, str]) -> list[str]:
    listed = answer.inconclusive[:LISTED]
    lines = []
    for one in listed:
        texts = shown[one.model, one.variant]
        numbers = f"{texts['top1'][0]}, {_fact(texts, 'latency')}"
        lines.append(f"- {_name(answer, one, names)}: {numbers}. {wording.doubt(one)}")
    more = answer.might_be_better - len(listed)
    return [*lines, f"- {wording.text('and_more', count=more)}"] if more else lines


def _name(answer: Pick, one: Entry | Miss, names: Mapping[str, str]) -> str:
    return wording.configuration(answer, names, one.model, one.variant)


def _miss(answer: Pick, miss: Miss, names: Mapping[str, str]) -> str:
    needs = ", ".join(f"{_relaxed(give)} ({wording.change(give)})" for give in miss.gives)
    return f"- {_name(answer, miss, names)} ({miss.top1:.2f}%): {needs}"


def _admits(answer: Pick, binding: Binding, names: Mapping[str, str]) -> str:
    return f"- {wording.admits(binding, _relaxed, _name(answer, binding.miss, names))}"


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
