"""Which networks are tied in accuracy: those that the numbers at hand do not tell apart.

- Both measured on one set of pictures, and paired in results/comparisons.csv: tied unless the
  corrected p of that test is below 5 %.
- Otherwise: tied where the bounds overlap. Those of a published accuracy are its rounding, so two
  published networks are tied only where the same number could have been printed for both. How
  they would do on other pictures is not known of them.

Ties are not transitive: a may tie with b and b with c where a and c differ. So a group is a
network with those right behind it that it is tied with, and the first that it is not begins the
next one.
"""

from collections.abc import Iterable, Sequence

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
        """The paired test of the accuracy that both are ranked by, if there is one."""
        if a.row.accuracy_source is None or a.row.accuracy_source != b.row.accuracy_source:
            return None
        return self._rows.get((a.row.accuracy_source, frozenset((a.model, b.model))))

    def tied(self, a: Candidate, b: Candidate) -> bool:
        """Whether nothing tells the accuracy of the two apart."""
        if test := self.test(a, b):
            return not test.separates
        return a.top1.overlaps(b.top1)

    def groups(self, ranked: Sequence[Candidate]) -> list[int]:
        """The number of each one's group, from 1 on; ``ranked`` best first."""
        numbers: list[int] = []
        first: Candidate | None = None
        for candidate in ranked:
            if first is None or not self.tied(first, candidate):
                first = candidate
                numbers.append(numbers[-1] + 1 if numbers else 1)
            else:
                numbers.append(numbers[-1])
        return numbers
