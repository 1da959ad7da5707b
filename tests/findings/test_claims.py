"""Every verdict on the published study, pinned with its numbers, and the changes that flip it."""

import re
from itertools import product
from pathlib import Path
from typing import get_args

import pytest
from helpers import studies
from helpers.studies import TABLES, counted, environment, examined, invented_cells

from dnnbench.core.errors import UserError
from dnnbench.core.storage import read_json, write_json
from dnnbench.findings.examine import KINDS, examine, overall, same_hardware
from dnnbench.findings.place_tables import Tables
from dnnbench.findings.stated import Kind, Outcome, Stated
from dnnbench.records import published_study
from dnnbench.records.findings_records import Claim, Detection, Evidence, Findings, Verdict
from dnnbench.records.study_records import StudyRow
from dnnbench.report.findings_section import VERDICTS, arrange
from dnnbench.tables import published

HOLDS, NOT = "holds", "does not hold"
PRINTED, UNTESTED = "holds only as printed", "cannot be tested here"

# The verdict, and numbers recomputed from the printed tables, to the given digits.
PINNED: dict[str, tuple[str, dict[str, float]]] = {
    "accuracy-and-operations": (
        NOT,
        {
            "spearman": 0.61,
            "spearman_low": 0.34,
            "spearman_high": 0.79,
            "spearman_without_low": 0.56,
            "spearman_without_high": 0.90,
            "pearson": 0.51,
            "pearson_low": 0.27,
            "pearson_high": 0.65,
            "share_reversed": 0.26,
        },
    ),
    "accuracy-and-size": (
        HOLDS,
        {
            "pearson": 0.11,
            "pearson_low": -0.16,
            "pearson_high": 0.38,
            "pearson_without_low": -0.05,
            "pearson_without_high": 0.53,
            "spearman": 0.27,
            "spearman_low": -0.08,
            "spearman_high": 0.58,
            "most_explained": 0.28,
        },
    ),
    "parameter-efficiency": (HOLDS, {"lowest": 0.50, "highest": 47.3, "ratio": 94}),
    "throughput-bounds-accuracy": (
        HOLDS,
        {
            "spearman:titanxp-2018": -0.89,
            "spearman:titanxp-2018_low": -0.95,
            "spearman:titanxp-2018_high": -0.77,
            "spearman:jetsontx1-2018": -0.64,
            "spearman:jetsontx1-2018_low": -0.81,
            "spearman:jetsontx1-2018_high": -0.37,
            "pearson:titanxp-2018": -0.91,
            "pearson:jetsontx1-2018": -0.74,
        },
    ),
    "memory-from-size": (
        HOLDS,
        {
            "pearson": 0.90,
            "pearson_low": 0.80,
            "pearson_high": 0.95,
            "spearman": 0.76,
            "spearman_low": 0.52,
            "spearman_high": 0.91,
            "one_line": 0.81,
            "two_lines": 0.98,
        },
    ),
    "real-time-workstation": (HOLDS, {"networks": 43, "networks_table_3": 32}),
    "real-time-embedded": (HOLDS, {"networks": 7, "networks_table_3": 2}),
    "least-memory": (HOLDS, {"memory_gib": 0.63}),
    "networks-analysed": (HOLDS, {"networks": 44}),
    "inception-input-size": (NOT, {}),
    "flops-per-multiply-add": (NOT, {}),
    "most-accurate": (HOLDS, {"top-1": 82.50, "top-5": 96.04, "operations": 23.80}),
    "best-under-5-gmacs": (HOLDS, {"networks": 18, "top1": 79.11, "top5": 94.48}),
    "size-of-best-under-5-gmacs": (NOT, {"params_m": 27.58, "ratio": 9.99}),
    "senet154-operations": (HOLDS, {"ratio": 2.60}),
    "vgg13-and-resnet18": (HOLDS, {"ratio": 11.4, "points": 0.35}),
    "most-efficient": (HOLDS, {"last_named": 14.01, "next": 9.49}),
    "accurate-among-efficient": (HOLDS, {"points_ahead": 2.29}),
    "efficient-above-80": (HOLDS, {"last_named": 1.64, "next": 1.44}),
    "super-real-time-titan": (
        NOT,
        {"networks": 32, "limit_above": 18.59, "limit_up_to": 30.96},
    ),
    "super-real-time-jetson": (
        NOT,
        {"networks": 2, "limit_above": 28.15, "limit_up_to": 31.14},
    ),
    "upper-bound-titan": (
        HOLDS,
        {
            "touching": 2,
            "highest_points": -0.03,
            "second_points": -0.04,
            "third_points": -0.72,
            "slope": -0.0244,
            "intercept": 83.25,
        },
    ),
    "upper-bound-jetson": (
        HOLDS,
        {
            "touching": 2,
            "highest_points": -0.03,
            "second_points": -0.04,
            "third_points": -1.03,
            "slope": -0.2025,
            "intercept": 82.96,
        },
    ),
    "upper-bound-ratio": (HOLDS, {"ratio": 8.31}),
    "best-above-250-fps": (HOLDS, {"top1": 73.27, "fps": 321.54}),
    "best-above-125-fps": (HOLDS, {"top1": 78.79, "fps": 155.28}),
    "best-above-62-fps": (HOLDS, {"top1": 79.11, "fps": 82.92}),
    "best-above-30-fps": (HOLDS, {"top1": 82.50, "fps": 30.96}),
    "best-super-real-time-jetson": (
        NOT,
        {"top1": 69.52, "fps": 66.40, "limit_from": 28.15, "limit_below": 48.76},
    ),
    "fastest-above-75": (HOLDS, {"fps": 18.836, "top1": 76.01}),
    "fastest-above-80": (HOLDS, {"fps": 7.162, "top1": 80.28}),
    "speed-of-most-accurate-titan": (HOLDS, {"fps": 30.960}),
    "speed-of-most-accurate-jetson": (HOLDS, {"fps": 2.287}),
    "memory-below-1-gib": (PRINTED, {"networks": 16, "most_gib": 1.49}),
    "two-memory-lines": (
        PRINTED,
        {
            "upper_slope": 1.07,
            "upper_intercept": 927,
            "lower_slope": 1.04,
            "lower_intercept": 659,
        },
    ),
    "memory-of-squeezenet1-0": (PRINTED, {"size_mb": 5.0, "memory_mib": 942}),
    "memory-of-squeezenet1-1": (PRINTED, {"size_mb": 4.9, "memory_mib": 922}),
    "memory-of-mobilenet": (HOLDS, {"size_mb": 16.9, "memory_mib": 645}),
    "memory-of-mobilenetv2": (HOLDS, {"size_mb": 14.0, "memory_mib": 645}),
    "best-in-low-memory": (HOLDS, {"cells": 3, "cells_of_named": 3}),
    "best-super-real-time": (HOLDS, {"cells": 2, "cells_of_named": 2}),
    "best-super-real-time-any-memory": (HOLDS, {"cells": 1, "cells_of_named": 1}),
    "jetson-like-titan": (UNTESTED, {}),
    "best-under-budgets-titan": (PRINTED, {"cells": 9, "cells_same": 9}),
    "best-under-budgets-jetson": (PRINTED, {"cells": 9, "cells_same": 9}),
}


@pytest.fixture(scope="module")
def found() -> Findings:
    return studies.found()[0]


def claims_of(found: Findings) -> dict[str, Claim]:
    return {claim.key: claim for claim in found.claims}


def detection(found: Findings, key: str) -> Detection:
    (anomaly,) = [anomaly for anomaly in found.anomalies if anomaly.key == key]
    return anomaly.published


def close(value: float, pinned: float) -> bool:
    """Return whether two numbers agree to the digits of the pinned one."""
    digits = len(repr(pinned).partition(".")[2]) if isinstance(pinned, float) else 0
    return abs(value - pinned) <= 0.5000001 * 10**-digits


def measured(device: str, **changes: object) -> list[StudyRow]:
    """Return the printed cells of a published device as if measured on ``card``."""
    update = {"device": "card", "source": "measured", **changes}
    made = published.study_rows(published.read(TABLES))
    return [row.model_copy(update=update) for row in made if row.device == device]


# Verdicts ----------------------------------------------------------------------------------------


def test_every_claim_has_a_verdict(found: Findings) -> None:
    assert [claim.key for claim in found.claims] == list(PINNED)


def judge(*entries: published.ClaimEntry) -> list[Claim]:
    """Return these claims, tested on the published tables."""
    printed = published.read(TABLES)
    families = {entry.model: entry.model for entry in printed.models}
    best = published.read_best(TABLES)
    return examine(printed, best, entries, families, counted(), [], {})[0].claims


MADE_UP = published.ClaimEntry(
    claim="made-up", section="V", tested_on="networks", name="least", value="40", unit="networks"
)


def test_a_claim_needs_only_its_rows_and_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    def test(claim: Stated, tables: Tables) -> Outcome:
        count = len(tables.networks)
        return Outcome(f"{count} networks", {"networks": count}, count >= claim.number("least"))

    monkeypatch.setitem(KINDS, "made-up", Kind("at least {least} networks were analyzed", test))
    (claim,) = judge(MADE_UP)
    assert (claim.statement, claim.verdict) == ("At least 40 networks were analyzed", HOLDS)
    assert claim.recomputed.numbers == {"networks": 44}


def test_a_claim_without_a_test_is_a_one_line_error() -> None:
    with pytest.raises(UserError) as caught:
        judge(MADE_UP)
    assert str(caught.value) == (
        "published/bianco2018/claims.csv: claim: 'made-up': no test for it."
        " Add it to CLAIMS in a module findings/claims_*.py."
    )


@pytest.mark.parametrize("key", PINNED)
def test_verdicts_and_numbers_on_the_published_tables(found: Findings, key: str) -> None:
    claim = claims_of(found)[key]
    verdict, numbers = PINNED[key]
    assert claim.verdict == verdict
    assert claim.recomputed.place == "published"
    for name, value in numbers.items():
        assert close(claim.recomputed.numbers[name], value), (name, claim.recomputed.numbers)


def test_a_claim_keeps_its_printed_numbers(found: Findings) -> None:
    claims = claims_of(found)
    size = claims["size-of-best-under-5-gmacs"].published
    assert size == {"network": "se_resnext50_32x4d", "params": 2.76}
    assert len(claims["most-efficient"].published["network"]) == 6


def test_a_claim_contradicted_by_the_corrections_holds_only_as_printed(found: Findings) -> None:
    claims = claims_of(found)
    corrected = {key: claim.corrected for key, claim in claims.items()}
    for key, claim in claims.items():
        falls = claim.recomputed.verdict == HOLDS and corrected[key].verdict == NOT
        assert falls == (claim.verdict == PRINTED), key
    # Without the step: ten networks at 1 GiB or more, five lists changed, and a single line.
    assert corrected["memory-below-1-gib"].numbers["networks"] == 10
    assert corrected["best-under-budgets-titan"].numbers["cells_same"] == 6
    assert corrected["best-under-budgets-jetson"].numbers["cells_same"] == 7
    assert abs(corrected["two-memory-lines"].numbers["apart"]) < 20
    assert close(corrected["memory-from-size"].numbers["one_line"], 0.96)


def test_counts_test_claims_that_the_tables_cannot(found: Findings) -> None:
    claims = claims_of(found)
    (flops,) = claims["flops-per-multiply-add"].measured
    assert flops.place == "counted" and flops.verdict == NOT
    assert close(flops.numbers["median_ratio"], 1.00)
    (size,) = claims["inception-input-size"].measured
    assert size.numbers["input_size"] == 299
    assert close(size.numbers["plotted_to_counted"], 1.00)
    assert close(size.numbers["expected"], 0.59)


@pytest.mark.parametrize(
    ("recomputed", "corrected", "measured", "verdict"),
    [
        (HOLDS, HOLDS, [], HOLDS),
        (HOLDS, HOLDS, [HOLDS, UNTESTED], HOLDS),
        (HOLDS, UNTESTED, [UNTESTED], HOLDS),
        (HOLDS, NOT, [], PRINTED),
        (HOLDS, HOLDS, [HOLDS, NOT], PRINTED),
        (NOT, HOLDS, [HOLDS], NOT),
        (UNTESTED, UNTESTED, [], UNTESTED),
        (UNTESTED, UNTESTED, [UNTESTED], UNTESTED),
        (UNTESTED, UNTESTED, [UNTESTED, HOLDS], HOLDS),
        (UNTESTED, UNTESTED, [HOLDS, NOT], NOT),
    ],
)
def test_a_verdict_follows_from_the_results_of_each_place(
    recomputed: Verdict, corrected: Verdict, measured: list[Verdict], verdict: Verdict
) -> None:
    def evidence(given: Verdict) -> Evidence:
        return Evidence(place="x", text="", numbers={}, verdict=given)

    assert overall(evidence(recomputed), evidence(corrected), map(evidence, measured)) == verdict


# Devices -----------------------------------------------------------------------------------------


def test_a_device_tests_only_claims_about_its_hardware_and_memory_basis() -> None:
    # On the made-up CPU, one network failed at batch size 1.
    complete = [
        row.model_copy(update={"status": "ok", "latency_ms": row.latency_ms or 900.0})
        for row in invented_cells()
    ]
    for found, lacking in ((studies.found(), True), (examined(counted(), complete), False)):
        claims = claims_of(found[0])
        (speed,) = claims["throughput-bounds-accuracy"].measured
        assert speed.place == "cpu"
        assert (speed.verdict == UNTESTED) == lacking
        assert (speed.needs == "latency at batch size 1 of senet154") == lacking
        (named,) = claims["best-above-250-fps"].measured
        assert (named.verdict, named.needs) == (UNTESTED, "a Titan Xp")
        (memory,) = claims["least-memory"].measured
        assert memory.verdict == UNTESTED
        assert memory.needs == "a CUDA device, which has “whole process” memory"
        assert memory.numbers  # Still shown.


def test_the_same_gpu_confirms_or_contradicts_a_claim() -> None:
    hardware = {"card": published_study.TITAN}
    claims = claims_of(examined(counted(), measured(published_study.TITAN), hardware)[0])
    for key, claim in claims.items():
        if key.endswith(("titan", "-fps")) or key == "least-memory":
            (test,) = claim.measured
            assert test.place == "card"
            assert test.verdict == claim.recomputed.verdict, key
    slower = [
        row.model_copy(update={"latency_ms": row.latency_ms * 2})
        if row.model == "nasnetalarge" and row.latency_ms
        else row
        for row in measured(published_study.TITAN)
    ]
    claim = claims_of(examined(counted(), slower, hardware)[0])["best-above-30-fps"]
    assert [test.verdict for test in claim.measured] == [NOT]
    assert claim.verdict == PRINTED


def test_a_jetson_measured_here_tests_a_claim_that_the_printed_tables_cannot() -> None:
    hardware = {"card": published_study.JETSON}
    rows = measured(published_study.JETSON, memory_basis="net")
    for networks, verdict in (([], HOLDS), (["resnet50"], NOT)):
        slower = [
            row.model_copy(update={"latency_ms": 500.0}) if row.model in networks else row
            for row in rows
        ]
        claim = claims_of(examined(counted(), slower, hardware)[0])["jetson-like-titan"]
        assert claim.recomputed.verdict == UNTESTED
        assert claim.recomputed.needs == "memory measured on a Jetson TX1"
        assert [test.verdict for test in claim.measured] == [verdict]
        assert claim.verdict == verdict


def test_a_published_gpu_is_recognized_by_its_name() -> None:
    machine = environment()
    for gpu, device in (
        ("NVIDIA TITAN Xp", published_study.TITAN),
        ("NVIDIA Jetson TX1", published_study.JETSON),
    ):
        assert same_hardware([machine.model_copy(update={"gpu": gpu})]) == {"cpu": device}
    for gpu in (None, "NVIDIA TITAN X (Pascal)", "NVIDIA H100"):
        assert same_hardware([machine.model_copy(update={"gpu": gpu})]) == {}


def test_the_printed_tables_are_tested_without_any_measurement() -> None:
    found, rows = examined([], [])
    assert rows == []
    claims = claims_of(found)
    assert claims["upper-bound-titan"].verdict == HOLDS
    assert claims["upper-bound-titan"].measured == []
    assert claims["flops-per-multiply-add"].verdict == UNTESTED
    (flops,) = claims["flops-per-multiply-add"].measured
    assert flops.needs == "the counted operations of 44 networks"
    # The step needs printed tables only; exchanged operations need counts.
    assert detection(found, "memory-step").found
    assert "operations: p" not in detection(found, "exchanged-rows").numbers


def test_a_study_of_two_networks_names_the_missing_numbers() -> None:
    two = ("squeezenet1_1", "shufflenet")
    found, rows = examined(
        [row for row in counted() if row.model in two],
        [row for row in invented_cells() if row.model in two],
    )
    claims = claims_of(found)
    (test,) = claims["most-accurate"].measured
    assert (test.verdict, test.needs) == (UNTESTED, "the top-1 accuracy of 42 networks")
    (known,) = claims["memory-of-squeezenet1-1"].measured
    assert known.numbers and known.needs == "a Titan Xp"
    assert {row.model for row in rows} == set(two)
    assert not any(test.found for anomaly in found.anomalies for test in anomaly.measured)


def test_newer_networks_do_not_change_the_findings() -> None:
    new = counted()[0].model_copy(update={"model": "newer", "top1": 99.0, "conv_macs": 10**6})
    cell = invented_cells()[0].model_copy(update={"model": "newer", "top1": 99.0})
    with_it = examined([*counted(), new], [*invented_cells(), cell])
    assert with_it == studies.found()


# Anomalies ---------------------------------------------------------------------------------------


def test_the_exchange_of_rows_is_found(found: Findings) -> None:
    seen = detection(found, "exchanged-rows")
    assert seen.found
    numbers = seen.numbers
    assert numbers["operations: left"] < 0.001 < 0.1 < numbers["operations: next_left"]
    assert numbers["operations: p"] == 4 / 2000  # The smallest p of 1,999 tables and four columns.
    assert close(numbers["time on Jetson TX1: left"], 0.31)
    assert close(numbers["time on Jetson TX1: next_left"], 0.47)
    assert numbers["time on Jetson TX1: p"] < 0.01
    # The Titan's labels are correct; memory is only compatible with the same exchange.
    assert numbers["time on Titan Xp: p"] > 0.5
    assert close(numbers["memory: left"], 0.46)
    assert 0.01 < numbers["memory: p"] < 0.1
    assert numbers["operations within error, as labelled"] == 41
    assert numbers["operations within error, after the exchange"] == 44
    assert numbers["lists_changed"] == 0
    for shown, owner in (("169", "161"), ("201", "169"), ("161", "201")):
        assert re.search(
            rf"row of DenseNet-{shown} \S+ has the value of DenseNet-{owner}", seen.text
        )
    assert "Latency on Titan Xp: no exchange found" in seen.text
    assert "Latency on Jetson TX1: the same exchange (" in seen.text
    assert "Memory: the same exchange fits best, but that may be chance" in seen.text


def test_the_memory_step_is_found_in_the_printed_tables_only(found: Findings) -> None:
    seen = detection(found, "memory-step")
    assert seen.found
    numbers = seen.numbers
    assert close(numbers["step_mib"], 274)
    assert close(numbers["step_low"], 245)
    assert close(numbers["step_high"], 302)
    assert numbers["place"] == 26
    assert close(numbers["explained"], 0.90)
    assert numbers["p_order"] == 1 / 10_000
    assert numbers["p_family"] < 0.001
    assert numbers["lists_changed"] == 5
    assert "ResNeXt-101 (64x4d)" in seen.text
    (here,) = [a.measured[0] for a in found.anomalies if a.key == "memory-step"]
    assert here.place == "cpu" and here.found is False
    assert here.numbers["there_low"] < 0 < here.numbers["there_high"]
    assert "memory basis: network only" in here.text


def test_the_other_anomalies_are_found(found: Findings) -> None:
    borrowed = detection(found, "borrowed-memory")
    assert borrowed.found
    assert borrowed.numbers == {"cells": 9, "cells_same": 9, "cells_with_evidence": 3}
    same = detection(found, "identical-rows")
    assert same.numbers == {"pairs": 3, "batch_sizes": 7}
    for pair in ("VGG-11_BN and VGG-13_BN", "VGG-16 and VGG-16_BN", "VGG-19 and VGG-19_BN"):
        assert pair in same.text
    unlike = detection(found, "unlike-twins")
    assert unlike.numbers["pairs"] == 3
    assert "ResNet-152 uses 2.01 GiB and FBResNet-152 1.31 GiB" in unlike.text
    assert detection(found, "falling-memory").numbers == {"times": 4}
    slower = detection(found, "slower-in-pairs")
    assert slower.numbers == {"titanxp-2018": 8, "jetsontx1-2018": 10}
    assert slower.text.count("VGG-") == 16


# On the page -------------------------------------------------------------------------------------


def test_findings_are_read_back_as_written(found: Findings, tmp_path: Path) -> None:
    write_json(tmp_path / "findings.json", found)
    assert read_json(tmp_path / "findings.json", Findings) == found


def test_texts_have_no_holes(found: Findings) -> None:
    evidence = [
        place
        for claim in found.claims
        for place in (claim.recomputed, claim.corrected, *claim.measured)
    ]
    for place in evidence:
        assert place.text or place.needs
        assert (place.verdict == UNTESTED) == (place.needs is not None)
    texts = [place.text for place in evidence] + [claim.statement for claim in found.claims]
    texts += [s.text for a in found.anomalies for s in (a.published, *a.measured)]
    for text in texts:
        assert not re.search(r"\b(nan|None|inf)\b|[{}]", text), text


def test_the_section_groups_all_claims(found: Findings) -> None:
    shown = arrange(found, studies.found()[1])
    assert set(VERDICTS) == set(get_args(Verdict))
    assert [group.verdict for group in shown.groups] == list(VERDICTS)
    assert sum(len(group.claims) for group in shown.groups) == len(found.claims)
    for verdict, words in product(VERDICTS, [shown.summary]):
        count = sum(claim.verdict == verdict for claim in found.claims)
        assert re.search(rf"\b{count} (does|do|holds?|can)", words), verdict
    labeled, after = shown.replicated[0], shown.replicated[1]
    assert (labeled.within, after.within) == ("41 of 44", "44 of 44")
    assert "not comparable" in {row.within for row in shown.replicated}
