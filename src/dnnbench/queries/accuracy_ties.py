"""Ties: configurations whose difference in accuracy is inconclusive.

- If both were measured on the same images, results/comparisons.csv has a paired test. They are tied
  unless its corrected p value is below 5%.
- Variants of one network are tied unless their paired difference (``top1_change``) shows which is
  more accurate.
- Otherwise, they are tied if their bounds overlap. The bounds of a published accuracy are its
  rounding, so two published networks are tied only if the same number could have been printed for
  both. This does not cover how they would perform on other images.

Ties are not transitive: a may be tied with b, and b with c, although a and c differ. A group is
therefore a network followed by the ones directly behind it that are tied with it. The first network
that is not tied starts the next group.
"""

from collections.abc import Iterable, Sequence

from dnnbench.queries import bounds
from dnnbench.queries.bounds import Bounds
from dnnbench.queries.selection import Candidate
from dnnbench.records.comparison_records import ComparisonRow


class Ties:
    """Ties among candidates, given the rows of results/comparisons.csv."""

    def __init__(self, comparisons: Iterable[ComparisonRow] = ()) -> None:
        self._rows = {
            (f"measured:{row.dataset}", frozenset((row.model_a, row.model_b))): row
            for row in comparisons
        }

    def test(self, a: Candidate, b: Candidate) -> ComparisonRow | None:
        """Return the paired test of the accuracy that both are ranked by, if there is one.

        Tests compare networks in fp32-eager.
        """
        if a.row.top1_change or b.row.top1_change:
            return None
        if a.row.accuracy_source is None or a.row.accuracy_source != b.row.accuracy_source:
            return None
        return self._rows.get((a.row.accuracy_source, frozenset((a.model, b.model))))

    def tied(self, a: Candidate, b: Candidate) -> bool:
        """Return whether the two are tied in accuracy."""
        if a.model == b.model:
            return _change(a).overlaps(_change(b))
        if test := self.test(a, b):
            return not test.separates
        return a.top1.overlaps(b.top1)

    def groups(self, ranked: Sequence[Candidate]) -> list[int]:
        """Return each candidate's group number, starting at 1.

        ``ranked`` is best first.
        """
        numbers: list[int] = []
        first: Candidate | None = None
        for candidate in ranked:
            if first is None or not self.tied(first, candidate):
                first = candidate
                numbers.append(numbers[-1] + 1 if numbers else 1)
            else:
                numbers.append(numbers[-1])
        return numbers


def _change(candidate: Candidate) -> Bounds:
    """Return the accuracy of a variant minus that of fp32-eager."""
    row = candidate.row
    change = row.top1_change or 0.0
    low, high = row.top1_change_low, row.top1_change_high
    return bounds.exact(change) if low is None or high is None else Bounds(change, low, high)
