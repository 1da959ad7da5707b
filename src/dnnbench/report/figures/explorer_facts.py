"""What the explorer shows of a network: the number of each limit, and what is not limited."""

from dataclasses import dataclass

from dnnbench.core.formatting import significant, span
from dnnbench.queries.limits import ACCURACY, Limit, known_limits
from dnnbench.queries.selection import Candidate
from dnnbench.report.figures.cells import source_text, stability_text


@dataclass(frozen=True)
class Fact:
    """A fact: ``title`` in the table, the details and the chart's tooltips.

    ``limit`` names the limit on the number; the table has a column for it if ``column``, and sorts
    it the other way round if ``reverse``.
    """

    key: str
    title: str
    limit: str | None = None
    column: bool = False
    reverse: bool = False


def controls() -> list[Limit]:
    """Return the limits that the explorer has a slider for."""
    return [limit for limit in known_limits().values() if limit.slider]


def facts() -> list[Fact]:
    """Return what is shown of a network: accuracy first, then the other limits' numbers."""
    limits = sorted(known_limits().values(), key=lambda limit: limit.name != ACCURACY)
    found = []
    for limit in limits:
        found.append(Fact(limit.column, limit.title, limit.name, column=limit.slider is not None))
        if limit.name == "min_fps":
            found.append(Fact("time", "Per image", limit.name, column=True, reverse=True))
    return [*found, Fact("stability", "Stability"), Fact("source", "Source")]


def texts(candidate: Candidate) -> dict[str, list[str]]:
    """Return each fact that is known, in words, then what it rests on."""
    row, time = candidate.row, candidate.time
    timed = row.source == "measured" and time.certain
    fields = row.model_dump()
    return {
        **{
            limit.column: limit.number_text(row, candidate.numbers[name])
            for name, limit in known_limits().items()
            if name in candidate.numbers
        },
        "time": [f"{significant(time.value)} ms", span(time.low, time.high) if timed else ""],
        "stability": [stability_text(fields)],
        "source": [source_text(fields)],
    }
