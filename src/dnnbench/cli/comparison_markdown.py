"""The comparison of two runs as Markdown, for a comment on a pull request."""

from collections.abc import Iterator, Mapping

from dnnbench.cli import gate, messages, printing
from dnnbench.core.formatting import percent, significant
from dnnbench.queries.changes import RunComparison
from dnnbench.queries.regressions import Check, Gate

_ROWS = 20


def of_gate(found: Gate, names: Mapping[str, str], strict: bool) -> str:
    """Return the verdict, and a table of the regressions or of what ``strict`` does not accept."""
    failing = ("regression", "inconclusive") if strict else ("regression",)
    listed = [check for check in found.checks if check.outcome in failing]
    rows = [
        f"| {check.device} | {check.variant or ''} | {gate.cell(check, names)} | {check.metric}"
        f" | {_number(check.before)} | {_number(check.after)} | {_change(check)} |"
        for check in listed
    ]
    columns = ("device", "variant", "cell", "metric", "before", "after", "after / before")
    return "\n".join(_lines(gate.verdict(found), columns, rows))


def of_comparison(found: RunComparison, names: Mapping[str, str]) -> str:
    """Return the number of changed cells and a table of them."""
    counts = {
        verdict: sum(cell.verdict == verdict for cell in found.cells)
        for verdict in ("slower", "faster", "equivalent", "inconclusive")
    }
    verdict = messages.CHANGED_CELLS.format(**counts, margin=percent(found.margin))
    rows = [
        f"| {cell.device} | {cell.variant} | {names.get(cell.model, cell.model)} x"
        f" {cell.batch_size} | {significant(cell.before_ms)} | {significant(cell.after_ms)}"
        f" | {printing.with_bounds(cell.ratio, cell.low, cell.high)} | {cell.verdict} |"
        for cell in found.cells
        if cell.verdict in ("slower", "faster")
    ]
    columns = ("device", "variant", "cell", "before, ms", "after, ms", "after / before", "verdict")
    return "\n".join(_lines(verdict, columns, rows))


def _lines(verdict: str, columns: tuple[str, ...], rows: list[str]) -> Iterator[str]:
    yield f"**{verdict}**"
    if rows:
        yield ""
        yield f"| {' | '.join(columns)} |"
        yield f"|{'---|' * len(columns)}"
        yield from rows[:_ROWS]
    if len(rows) > _ROWS:
        yield f"\n{messages.MORE_ROWS.format(count=len(rows) - _ROWS)}"


def _number(value: float | None) -> str:
    return "" if value is None else significant(value)


def _change(check: Check) -> str:
    if check.ratio is None:
        return check.reason
    return printing.with_bounds(check.ratio, check.low, check.high)
