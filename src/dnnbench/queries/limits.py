"""Limits that users can set on a network: one descriptor each.

A descriptor defines the option of ``dnnbench pick`` and its help, the verdict on a network, and the
hint for a network that misses the limit. On the page it defines the control, the table column, the
chart axis and the URL parameter.

To limit a number of study.csv or models.csv, add an entry to ``_LIMITS``. Another distribution can
declare a limit through an entry point:

    [project.entry-points."dnnbench.limits"]
    energy = "my_package.energy:LIMIT"
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dnnbench.core import plugins
from dnnbench.core.errors import UserError
from dnnbench.core.formatting import VERY_UNCERTAIN, significant, span
from dnnbench.core.units import MIB_PER_GIB
from dnnbench.queries import bounds
from dnnbench.queries.bounds import Bounds
from dnnbench.records import labels

if TYPE_CHECKING:
    from dnnbench.records.study_records import ModelRow, StudyRow

Verdict = Literal["yes", "cannot_tell", "no"]
# Values by the name of a limit; None means no limit.
Limits = Mapping[str, float | None]

GROUP = "dnnbench.limits"
# The limit on the number that networks are ranked by.
ACCURACY = "min_top1"


@dataclass(frozen=True)
class Slider:
    """Stops of a slider: multiples of ``step``, or round numbers on a log scale."""

    step: float | None = None


@dataclass(frozen=True)
class Limit:
    """A limit on one number of a network.

    - ``name`` is used in JSON, CSV and the page's URL; ``option`` on the command line.
    - ``number`` returns the number to check, in ``unit``, from the network's rows of study.csv and
      models.csv, or None if it is unknown. ``column`` holds it in the answer's table: a field of
      :class:`dnnbench.queries.best_fit.Entry`, or an additional column.
    - ``word`` names the number in a sentence, ``label`` next to a control, and ``title`` above a
      column. ``quantity`` follows the unit in a sentence ("10 M parameters").
    - ``shown`` returns the number as text, followed by its interval and source. ``missing`` returns
      why it is unknown. ``also`` returns the same limit in another unit, given a value and a batch
      size.
    - ``basis`` returns what the number includes. A limit does not compare devices whose numbers
      include different things.
    - Without ``slider``, the page has no control. Without ``axis`` (a title), the page has no chart
      of accuracy against the number.
    """

    name: str
    option: str
    minimum: bool
    word: str
    label: str
    title: str
    unit: str
    help: str
    column: str
    number: Callable[[StudyRow, ModelRow | None], Bounds | None]
    quantity: str = ""
    shown: Callable[[StudyRow, Bounds], list[str]] | None = None
    missing: Callable[[StudyRow], str] | None = None
    also: Callable[[float, int], str] | None = None
    basis: Callable[[StudyRow], str] | None = None
    slider: Slider | None = None
    axis: str | None = None

    def verdict(self, number: Bounds, value: float) -> Verdict:
        """Return whether a number keeps to the limit at ``value``."""
        if number.high < value if self.minimum else number.low > value:
            return "no"
        inside = number.low >= value if self.minimum else number.high <= value
        return "yes" if number.decisive and inside else "cannot_tell"

    def problem(self, value: float) -> str | None:
        """Return why a value cannot be this limit, or None if it can."""
        if not 0 < value < math.inf:
            return f"{value:g}: expected a number above 0"
        if self.unit == "%" and value <= 1:
            return f"{value:g}: a percentage. Did you mean {100 * value:g}?"
        return None

    def text(self, value: float, batch_size: int) -> str:
        """Return the limit as text: ``at least 30 images/s (33.3 ms per image)``."""
        also = self.also(value, batch_size) if self.also else ""
        bound = "at least" if self.minimum else "at most"
        words = f"{bound} {self.amount(f'{value:g}')} {self.quantity}".rstrip()
        return f"{words} ({also})" if also else words

    def amount(self, value: str) -> str:
        """Return a number with the limit's unit: ``30 images/s``, ``70%``."""
        return f"{value}{'' if self.unit == '%' else ' '}{self.unit}"

    def number_text(self, row: StudyRow, number: Bounds) -> list[str]:
        """Return a number as text, followed by its interval and source."""
        if self.shown:
            return self.shown(row, number)
        return [self.amount(significant(number.value)), _interval(row, number)]

    def missing_text(self, row: StudyRow) -> str:
        """Return why a network's number is unknown."""
        return self.missing(row) if self.missing else f"{self.word} unknown"


def known_limits() -> dict[str, Limit]:
    """Return all limits by name, in the order in which they are always listed."""
    return plugins.extend(_LIMITS, GROUP, Limit)


def given(limits: Limits) -> list[tuple[Limit, float]]:
    """Return the limits that have a value, with their values.

    Raises UserError for an unknown name.
    """
    known = known_limits()
    for name in limits:
        if name not in known:
            raise UserError(f"{name}: unknown limit. Use one of {', '.join(known)}.")
    values = ((limit, limits.get(name)) for name, limit in known.items())
    return [(limit, value) for limit, value in values if value is not None]


def numbers(row: StudyRow, model: ModelRow | None) -> dict[str, Bounds]:
    """Return the known numbers that limits apply to, by the name of the limit."""
    found = ((name, limit.number(row, model)) for name, limit in known_limits().items())
    return {name: number for name, number in found if number is not None}


def _interval(row: StudyRow, number: Bounds) -> str:
    """Return the interval of a measured number.

    The rounding of published numbers is finer than the digits.
    """
    known = row.source == "measured" and number.certain and number.low < number.high
    return span(number.low, number.high) if known else ""


def _memory(row: StudyRow, _: ModelRow | None) -> Bounds | None:
    number = bounds.memory_mib(row)
    return number and number.times(1 / MIB_PER_GIB)


def _fps(row: StudyRow, _: ModelRow | None) -> Bounds | None:
    time = bounds.latency_ms(row)
    return time and time.inverse(1000)


def _pass(row: StudyRow, _: ModelRow | None) -> Bounds | None:
    time = bounds.latency_ms(row)
    return time and time.times(row.batch_size)


def _memory_basis(row: StudyRow) -> str:
    # Memory taken from another device includes the same as there.
    kind, *_ = (row.memory_basis or "").split(":")
    return labels.memory_basis(kind)


def _params(_: StudyRow, model: ModelRow | None) -> Bounds | None:
    params = model.params_executed if model else None
    return None if params is None else bounds.exact(params / 1e6)


def _top1_text(row: StudyRow, number: Bounds) -> list[str]:
    intervals = {"interval": f"{number.low:.2f} to {number.high:.2f}", "wide": VERY_UNCERTAIN}
    interval = intervals.get(number.kind, "")
    return [f"{number.value:.2f}%", interval, labels.accuracy_source(row.accuracy_source)]


_LIMITS = (
    Limit(
        name="max_memory_gib",
        option="--max-memory",
        minimum=False,
        word="memory",
        label="Max. memory",
        title="Memory",
        unit="GiB",
        help="Maximum memory, in GiB.",
        column="memory_mib",
        number=_memory,
        shown=lambda row, gib: [
            f"{gib.value * MIB_PER_GIB:,.0f} MiB",
            labels.memory_basis(row.memory_basis),
        ],
        missing=lambda row: f"memory: {row.memory_status}",
        basis=_memory_basis,
        slider=Slider(),
        axis="Memory (GiB)",
    ),
    Limit(
        name="min_fps",
        option="--min-fps",
        minimum=True,
        word="throughput",
        label="Min. throughput",
        title="Images/s",
        unit="images/s",
        help="Minimum throughput, in images/s.",
        column="fps",
        number=_fps,
        shown=lambda row, fps: [significant(fps.value), _interval(row, fps)],
        also=lambda fps, _: f"{significant(1000 / fps)} ms per image",
        slider=Slider(),
        axis="Throughput (images/s)",
    ),
    Limit(
        name="deadline_ms",
        option="--deadline-ms",
        minimum=False,
        word="deadline",
        label="Deadline",
        title="Per batch",
        unit="ms",
        quantity="per batch",
        help="Maximum time for a whole batch, in ms.",
        column="batch_ms",
        number=_pass,
        shown=lambda _, ms: [f"{significant(ms.value)} ms"],
        also=lambda ms, size: f"{significant(ms / size)} ms per image" if size > 1 else "",
    ),
    Limit(
        name="max_params_m",
        option="--max-params",
        minimum=False,
        word="parameters",
        label="Max. parameters",
        title="Parameters",
        unit="M",
        quantity="parameters",
        help="Maximum number of parameters used in the forward pass, in millions.",
        column="params",
        number=_params,
        slider=Slider(),
        axis="Parameters used in the forward pass (millions)",
    ),
    Limit(
        name=ACCURACY,
        option="--min-top1",
        minimum=True,
        word="top-1",
        label="Min. top-1",
        title="Top-1",
        unit="%",
        quantity="top-1",
        help="Minimum top-1 accuracy, in percent.",
        column="top1",
        number=bounds.top1,
        shown=_top1_text,
        slider=Slider(step=0.5),
    ),
)
