"""The facts that the explorer shows about a network, limited ones and others."""

from dataclasses import dataclass

from dnnbench.core.formatting import significant, span
from dnnbench.queries.limits import ACCURACY, Limit, known_limits
from dnnbench.queries.selection import Candidate
from dnnbench.report.figures.cells import source_text, stability_text


@dataclass(frozen=True)
class Fact:
    """A fact, shown under ``title`` in table, details and tooltips.

    ``limit`` names the limit on the number. The table has a column for the fact if ``column``, and
    sorts it by the negated number if ``reverse``. If ``detail``, only the details of a network show
    the fact, and only if it is known.
    """

    key: str
    title: str
    limit: str | None = None
    column: bool = False
    reverse: bool = False
    detail: bool = False


# Title of each number that has no limit, and its text.
_DETAILS = {
    "processes": ("Processes", "{:d}"),
    "page_faults": ("Page faults per pass", "{:,.0f}"),
    "system_ms": ("System time per pass", "{:,.3g} ms"),
}


def controls() -> list[Limit]:
    """Return the limits that have a slider in the explorer."""
    return [limit for limit in known_limits().values() if limit.slider]


def facts() -> list[Fact]:
    """Return the facts in display order: accuracy, other limits, and the rest."""
    limits = sorted(known_limits().values(), key=lambda limit: limit.name != ACCURACY)
    found = []
    for limit in limits:
        found.append(Fact(limit.column, limit.title, limit.name, column=limit.slider is not None))
        if limit.name == "min_fps":
            found.append(Fact("latency", "Latency", limit.name, column=True, reverse=True))
    found.append(Fact("stability", "Stability"))
    found += [Fact(key, title, detail=True) for key, (title, _) in _DETAILS.items()]
    return [*found, Fact("source", "Source")]


def texts(candidate: Candidate) -> dict[str, list[str]]:
    """Return the text of each known fact, followed by its interval and source."""
    row, time = candidate.row, candidate.time
    timed = row.source == "measured" and time.certain
    fields = row.model_dump()
    return {
        **{
            limit.column: limit.number_text(row, candidate.numbers[name])
            for name, limit in known_limits().items()
            if name in candidate.numbers
        },
        "latency": [f"{significant(time.value)} ms", span(time.low, time.high) if timed else ""],
        "stability": [stability_text(fields)],
        **{
            key: [shown.format(fields[key])]
            for key, (_, shown) in _DETAILS.items()
            if fields[key] is not None
        },
        "source": [source_text(fields)],
    }
