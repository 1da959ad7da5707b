"""What would settle whether an inconclusive network fits.

*Rounds*: the half-width of a confidence interval shrinks with the square root of the number of
rounds. Let a limit be at distance d from the center of the interval, and the half-width be h, both
in logarithms. With (h / d)^2 times as many rounds, the limit would be outside. This is an estimate,
because further rounds also move the center.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, log
from typing import Literal

from dnnbench.queries.bounds import Bounds
from dnnbench.queries.limits import ACCURACY, Limits, given
from dnnbench.queries.selection import Candidate

# Number of rounds that a study can have.
MOST_ROUNDS = 1000

Kind = Literal["rounds", "too_close", "two_rounds", "again", "measurement", "accuracy", "images"]


@dataclass(frozen=True)
class Remedy:
    """What to do; ``rounds`` is the estimated number of further rounds, if it is that."""

    kind: Kind
    rounds: int | None = None


def remedies(candidate: Candidate, limits: Limits) -> list[Remedy]:
    """Return what would settle the verdict on a network, one remedy of each kind."""
    verdicts = candidate.verdicts(limits)
    return _largest(
        _remedy(candidate, limit.name, value)
        for limit, value in given(limits)
        if verdicts[limit.name] == "cannot_tell"
    )


def _largest(found: Iterable[Remedy]) -> list[Remedy]:
    """Return one remedy of each kind, the one with the most rounds."""
    by_kind: dict[Kind, Remedy] = {}
    for one in found:
        known = by_kind.setdefault(one.kind, one)
        if (one.rounds or 0) > (known.rounds or 0):
            by_kind[one.kind] = one
    return list(by_kind.values())


def _remedy(candidate: Candidate, name: str, limit: float) -> Remedy:
    number = candidate.numbers[name]
    if name == ACCURACY:
        return Remedy("images" if number.kind in ("interval", "wide") else "accuracy")
    if candidate.row.source == "predicted" or number.kind == "rounding":
        return Remedy("measurement")
    if number.kind == "unknown":
        return Remedy("two_rounds")
    rounds, disturbed = candidate.row.rounds, candidate.row.stability == "disturbed"
    if number.kind == "wide" or disturbed or rounds is None:
        return Remedy("again")
    more = more_rounds(number, limit, rounds)
    return Remedy("too_close") if more is None else Remedy("rounds", more)


def more_rounds(number: Bounds, limit: float, rounds: int) -> int | None:
    """Return how many more rounds would settle it, or None if more than MOST_ROUNDS.

    From 100 on, the number is rounded up to tens.
    """
    half = log(number.high / number.low) / 2
    distance = abs(log(limit) - (log(number.high) + log(number.low)) / 2)
    if rounds * half**2 > (rounds + MOST_ROUNDS) * distance**2:
        return None
    # The small number absorbs rounding errors, which would add a round.
    more = max(1, ceil(rounds * ((half / distance) ** 2 - 1) - 1e-9))
    return more if more < 100 else 10 * ceil(more / 10)
