from pathlib import Path

import pytest
from helpers import answers
from helpers.projects import stage

from dnnbench.core.storage import read_rows
from dnnbench.records.comparison_records import AccuracyRow, ComparisonRow
from dnnbench.records.top5 import Answers
from dnnbench.tables import accuracy_comparisons


def by_share(*shares: float, n: int = 400) -> dict[str, Answers]:
    """Return predictions of networks a, b, ... that are correct on the given number of images."""
    return {
        name: answers.answered(name, [number < share * n for number in range(n)])
        for name, share in zip("abcdefgh", shares, strict=False)
    }


def compare(networks: dict[str, Answers]) -> list[ComparisonRow]:
    return accuracy_comparisons.compare(networks, "folder", "bianco2018")


# All pairs -----------------------------------------------------------------------------------


def test_every_pair_has_a_row_in_order() -> None:
    rows = compare(by_share(0.80, 0.795, 0.50))
    assert [(row.model_a, row.model_b) for row in rows] == [("a", "b"), ("a", "c"), ("b", "c")]
    first, second, _ = rows
    assert (first.dataset, first.protocol, first.n) == ("folder", "bianco2018", 400)
    assert first.top1_diff == pytest.approx(0.5)
    assert first.low < 0 < first.high
    assert first.mcnemar_p == 0.5 and first.holm_p == 0.5
    assert second.top1_diff == pytest.approx(30)
    assert 25 < second.low < second.high < 35
    assert second.holm_p == pytest.approx(3 * second.mcnemar_p)
    assert compare({}) == compare(by_share(0.5)) == []


def test_ranges_of_ranks_follow_from_the_tests() -> None:
    # a and c differ, but b is tied with both: ties are not transitive. d is worse than all.
    networks = by_share(0.800, 0.785, 0.770, 0.20)
    ranks = accuracy_comparisons.rank_ranges(list(networks), compare(networks))
    separated = {(r.model_a, r.model_b) for r in compare(networks) if r.holm_p < 0.05}
    assert separated == {("a", "c"), ("a", "d"), ("b", "d"), ("c", "d")}
    assert ranks == {"a": (1, 2), "b": (1, 3), "c": (2, 3), "d": (4, 4)}
    assert accuracy_comparisons.rank_ranges(["a"], []) == {"a": (1, 1)}


def test_ranks_do_not_depend_on_the_order_of_the_networks() -> None:
    networks = by_share(0.800, 0.785, 0.770, 0.20)
    backwards = dict(reversed(networks.items()))
    assert accuracy_comparisons.rank_ranges(
        list(backwards), compare(backwards)
    ) == accuracy_comparisons.rank_ranges(list(networks), compare(networks))


# Files ---------------------------------------------------------------------------------------


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Write records of two measured networks, and of one with missing weights."""
    return answers.write(tmp_path)


def script(results: Path, *arguments: str) -> tuple[int, str]:
    return stage("comparisons", "--results", results, *arguments)


def test_the_script_writes_comparisons_and_a_summary(results: Path) -> None:
    pictures = ("--config", f"dataset={{name: folder, path: {results}}}")
    done = script(results, "vgg16", "resnet18", "alexnet", "resnet50", *pictures)
    assert done == (0, "")
    (row,) = read_rows(results / "comparisons.csv", ComparisonRow)
    assert (row.model_a, row.model_b, row.n) == ("resnet18", "alexnet", 100)
    assert row.top1_diff == pytest.approx(20)
    rows = read_rows(results / "accuracy" / "summary.csv", AccuracyRow)
    assert [row.model for row in rows] == ["vgg16", "resnet18", "alexnet", "resnet50"]
    missed, best, second, unknown = rows
    assert (missed.status, missed.message) == ("not_measured", "no weights: 404")
    assert (missed.top1, missed.rank_low, missed.n) == (None, None, 0)
    assert (unknown.status, unknown.dataset) == ("not_measured", None)
    assert (best.top1, best.n, best.skipped, best.classes) == (70, 100, 1, 1)
    assert (best.rank_low, best.rank_high, second.rank_low) == (1, 1, 2)
    assert best.top1_low is not None and best.top1_low < 70
    assert (best.weights_tier, best.weights_library, best.weights_licence) == ("B", "l 1", "MIT")


def test_without_a_data_set_every_network_is_not_measured(tmp_path: Path) -> None:
    done = script(tmp_path, "bianco2018")
    assert done == (0, "")
    assert read_rows(tmp_path / "comparisons.csv", ComparisonRow) == []
    rows = read_rows(tmp_path / "accuracy" / "summary.csv", AccuracyRow)
    assert len(rows) == 44
    assert {(row.status, row.dataset, row.top1) for row in rows} == {("not_measured", None, None)}
