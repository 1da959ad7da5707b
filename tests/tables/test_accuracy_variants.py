from dataclasses import replace
from pathlib import Path

import pytest
from helpers import answers
from helpers.projects import stage
from helpers.rows import row

from dnnbench.core.storage import read_rows, write_json
from dnnbench.measure import accuracy
from dnnbench.records import top5
from dnnbench.records.accuracy_records import AccuracyRecord
from dnnbench.records.comparison_records import ComparisonRow, VariantAccuracyRow
from dnnbench.stats import proportions
from dnnbench.tables.accuracy_ranking import Accuracy, variant_accuracy

BF16 = "bf16-eager"


def put(results: Path, variant: str, right: list[bool], **changes: object) -> None:
    """Write the answers of resnet18 in a variant."""
    folder = results / "accuracy" / "folder" / "cpu" / variant
    kept = replace(answers.answered("resnet18", right), **changes)
    top5.write(folder / "resnet18.npz", kept)
    record = accuracy.record(kept, "resnet18", "folder", "bianco2018", variant)
    write_json(folder / "resnet18.json", record)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Write records in fp32-eager: resnet18 has the first 70 of 100 images right."""
    return answers.write(tmp_path)


def compared(
    results: Path, variant: str = BF16
) -> tuple[list[VariantAccuracyRow], list[ComparisonRow], str]:
    """Run the stage; return the rows of variants, the tests of variants, and what it printed."""
    dataset = f"dataset={{name: folder, path: {results}}}"
    device = f"variants=[fp32-eager, {variant}]"
    options = ("--config", dataset, "--config", device)
    code, said = stage("comparisons", "--results", results, "resnet18", "alexnet", *options)
    assert code == 0, said
    tests = read_rows(results / "comparisons.csv", ComparisonRow)
    rows = read_rows(results / "accuracy" / "variants.csv", VariantAccuracyRow)
    return rows, [test for test in tests if test.device], said


def test_a_variant_is_compared_with_fp32_eager_on_the_same_images(results: Path) -> None:
    put(results, BF16, [number < 60 or number == 99 for number in range(100)])
    (found, missing), (test,), _ = compared(results)
    assert (found.device, found.variant, found.model, found.status) == (
        "cpu",
        BF16,
        "resnet18",
        "ok",
    )
    assert (found.top1, found.n, found.top1_same) == (61, 100, 89)
    ends = [100 * value for value in proportions.paired_difference(1, 10, 100)]
    changes = [found.top1_change, found.top1_change_low, found.top1_change_high]
    assert changes == pytest.approx(ends)
    assert (missing.model, missing.status) == ("alexnet", "not_measured")
    assert (test.model_a, test.model_b) == ("resnet18", "resnet18")
    assert (test.variant_a, test.variant_b) == ("fp32-eager", BF16)
    assert [test.top1_diff, test.low, test.high] == pytest.approx([9, -ends[2], -ends[1]])
    assert test.mcnemar_p == test.holm_p == proportions.mcnemar(1, 10)


def test_tests_of_variants_do_not_change_those_of_networks(results: Path) -> None:
    compared(results)
    (before,) = read_rows(results / "comparisons.csv", ComparisonRow)
    put(results, BF16, [True] * 100)
    compared(results)
    after, _ = read_rows(results / "comparisons.csv", ComparisonRow)
    assert after == before


def test_answers_to_other_images_are_excluded_with_the_reason(results: Path) -> None:
    names = [f"other-{number}.jpg" for number in range(100)]
    put(results, BF16, [True] * 100, names=names)
    (found, _), tests, said = compared(results)
    assert (found.status, found.top1, tests) == ("not_measured", None, [])
    assert "measured on other images than fp32-eager. Remove it to measure again." in said
    assert found.message and found.message.startswith("excluded: ")


def test_a_failure_in_a_variant_is_a_row_with_its_reason(results: Path) -> None:
    failed = AccuracyRecord(
        model="resnet18",
        dataset="folder",
        protocol="bianco2018",
        variant=BF16,
        status="failed",
        message="no kernel",
    )
    write_json(results / "accuracy/folder/cpu" / BF16 / "resnet18.json", failed)
    (found, _), tests, _ = compared(results)
    assert (found.status, found.message, tests) == ("failed", "no kernel", [])


# Accuracy that a variant is ranked by ---------------------------------------------------------

PRINTED = Accuracy(70.0, "published:table3", 89.0, "published:table3")


def measured(**changes: object) -> VariantAccuracyRow:
    """Return a row of a variant that loses 2 (1.2 to 2.9) points on other images than ImageNet."""
    fields: dict[str, object] = {
        **{"device": "cpu", "variant": BF16, "model": "a", "dataset": "folder"},
        **{"status": "ok", "n": 1000, "top1": 80.0, "top1_low": 77.0, "top1_high": 82.0},
        **{"top5": 95.0, "top5_low": 94.0, "top5_high": 96.0, "top1_same": 96.0},
        **{"top1_change": -2.0, "top1_change_low": -2.9, "top1_change_high": -1.2},
        **{"top5_change": -1.0, "top5_change_low": -1.5, "top5_change_high": -0.5},
    }
    return VariantAccuracyRow.model_validate(fields | changes)


def test_a_variant_in_fp32_that_agrees_has_the_accuracy_of_fp32_eager() -> None:
    same = measured(top1_same=100.0, top1_change=0.0)
    for row_ in (None, same):
        found = variant_accuracy("fp32-onnxruntime", PRINTED, True, row_)
        assert (found.top1, found.top1_source) == (70.0, "published:table3")
        assert (found.change, found.change_low) == (0.0, None)


def test_a_variant_in_fp32_without_agreement_or_with_other_answers_is_not_the_same() -> None:
    assert variant_accuracy("fp32-compile", PRINTED, False, None) == Accuracy()
    found = variant_accuracy("fp32-compile", PRINTED, True, measured())
    assert (found.top1, found.top1_source) == (68.0, "published+measured:folder")


def test_agreement_on_noise_is_no_accuracy_in_fewer_bits() -> None:
    for variant in ("bf16-eager", "fp16-eager", "tf32-eager", "bf16-autocast-eager"):
        assert variant_accuracy(variant, PRINTED, True, None) == Accuracy()
        failed = VariantAccuracyRow(device="cpu", variant=variant, model="a", status="failed")
        assert variant_accuracy(variant, PRINTED, True, failed) == Accuracy()


def test_the_change_is_added_with_the_bounds_of_both() -> None:
    found = variant_accuracy(BF16, PRINTED, True, measured())
    assert (found.top1, found.top5) == (68.0, 88.0)
    # The printed accuracy is rounded to two decimals.
    assert (found.top1_low, found.top1_high) == pytest.approx((67.095, 68.805))
    assert (found.top5_low, found.top5_high) == pytest.approx((87.495, 88.505))
    assert (found.change, found.change_low, found.change_high) == (-2.0, -2.9, -1.2)
    assert row("a", top1_change_high=-1.2).loses_accuracy
    assert not row("a", top1_change_high=-0.9).loses_accuracy


def test_bounds_stay_between_0_and_100() -> None:
    gain = measured(top1_change=2.0, top1_change_low=-1.0, top1_change_high=5.0)
    found = variant_accuracy(BF16, replace(PRINTED, top1=99.0), True, gain)
    assert (found.top1, found.top1_high) == (100, 100)


def test_an_accuracy_stated_by_the_user_changes_alike() -> None:
    found = variant_accuracy(BF16, Accuracy(70.0, "stated:my notes"), True, measured())
    assert (found.top1, found.top1_source) == (68.0, "stated+measured:folder")
    assert (found.top1_low, found.top5, found.top5_source) == (67.1, None, None)


def test_a_variant_measured_on_all_validation_images_has_its_own_accuracy() -> None:
    whole = Accuracy(82.0, "measured:imagenet", top1_low=81.0, top1_high=83.0)
    found = variant_accuracy(BF16, whole, True, measured(dataset="imagenet", n=50_000))
    assert (found.top1, found.top1_source) == (80.0, "measured:imagenet")
    assert (found.top1_low, found.top1_high, found.change) == (77.0, 82.0, -2.0)


def test_a_network_without_accuracy_has_none_in_a_variant() -> None:
    assert variant_accuracy(BF16, Accuracy(), True, measured()).top1 is None


def test_int8_is_compared_on_the_images_that_do_not_calibrate_it(results: Path) -> None:
    int8 = "int8-onnxruntime"
    whole = answers.answered("resnet18", [number < 65 for number in range(100)])
    part = whole.only(whole.names[25:])
    folder = results / "accuracy" / "folder" / "cpu" / int8
    top5.write(folder / "resnet18.npz", part)
    record = accuracy.record(part, "resnet18", "folder", "bianco2018", int8)
    write_json(folder / "resnet18.json", record)
    (found, _), (test,), _ = compared(results, int8)
    assert (found.status, found.n, test.n) == ("ok", 75, 75)
    # Of images 25 to 99, fp32-eager classifies the first 45 correctly, and int8 the first 40.
    ends = [100 * value for value in proportions.paired_difference(0, 5, 75)]
    changes = [found.top1_change, found.top1_change_low, found.top1_change_high]
    assert changes == pytest.approx(ends)


def test_another_variant_needs_all_images(results: Path) -> None:
    whole = answers.answered("resnet18", [number < 65 for number in range(100)])
    part = whole.only(whole.names[25:])
    folder = results / "accuracy" / "folder" / "cpu" / BF16
    top5.write(folder / "resnet18.npz", part)
    record = accuracy.record(part, "resnet18", "folder", "bianco2018", BF16)
    write_json(folder / "resnet18.json", record)
    (found, _), tests, _ = compared(results)
    assert (found.status, tests) == ("not_measured", [])
    assert "measured on other images than fp32-eager" in found.message


def test_a_change_on_a_part_of_the_validation_images_is_added_to_the_measured_accuracy() -> None:
    whole = Accuracy(82.0, "measured:imagenet", top1_low=81.0, top1_high=83.0)
    found = variant_accuracy(BF16, whole, True, measured(dataset="imagenet", n=37_500))
    assert (found.top1, found.top1_source) == (80.0, "measured+measured:imagenet")
    assert (found.top1_low, found.top1_high) == pytest.approx((78.1, 81.8))
