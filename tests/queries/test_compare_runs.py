"""Comparison of two runs: real changes among noise, changes of the machine, unshared cells."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random

import pytest
from helpers import studies
from helpers.rows import row

from dnnbench.core.errors import UserError
from dnnbench.core.storage import read_json, write_json
from dnnbench.queries.compare_runs import RunComparison, compare_runs, is_run
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.study_records import StudyRow

BEFORE, AFTER = "2026-01-02T03:04", "2026-01-03T03:04"
NETS = [f"net{number:02d}" for number in range(40)]


def run(
    folder: Path,
    session: str,
    times_ms: Mapping[str, Iterable[float]],
    reference_ms: float = 50.0,
    **changes: object,
) -> Path:
    """Write a results folder in which every network has one process per time."""
    rows: list[StudyRow] = []
    lines: list[LatencyLine] = []
    for model, times in times_ms.items():
        medians = sorted(times)
        fields: dict[str, object] = {"session": session, "protocol": "default"}
        fields |= {"latency_ms": medians[len(medians) // 2], **changes}
        rows.append(row(model, **fields))
        lines += studies.timed(model, times, session=session, reference_ms=reference_ms)
    return studies.write(folder, rows, lines=lines)


def noisy(seed: int, **slower: float) -> dict[str, list[float]]:
    """Return five processes per network of about 10 ms, varying by 1%; some are slower."""
    random = Random(seed)
    return {
        model: [10 * slower.get(model, 1) * random.lognormvariate(0, 0.01) for _ in range(5)]
        for model in NETS
    }


def verdicts(found: RunComparison) -> dict[str, str]:
    return {cell.model: cell.verdict for cell in found.cells}


def test_only_real_changes_are_found_among_noise(tmp_path: Path) -> None:
    before = run(tmp_path / "before", BEFORE, noisy(1))
    after = run(tmp_path / "after", AFTER, noisy(2, net03=1.2, net17=0.8))
    found = compare_runs(before, after)
    told = verdicts(found)
    assert (told["net03"], told["net17"]) == ("slower", "faster")
    assert [model for model, verdict in told.items() if verdict in ("slower", "faster")] == [
        "net03",
        "net17",
    ]
    first, last = found.cells[0], found.cells[-1]
    assert (first.model, last.model) == ("net03", "net17")
    assert first.ratio == pytest.approx(1.2, rel=0.03)
    assert first.low is not None and first.high is not None
    assert 1.1 < first.low < first.ratio < first.high < 1.3
    (device,) = found.devices
    assert (device.device, device.machine, found.repeated) == ("cpu", [], [])
    # Five processes with 1% variation on each side: t(8) x sqrt(2 / 5) x 1% = 1.5%.
    assert device.resolution == pytest.approx(1.015, abs=0.006)


def test_two_runs_of_the_same_machine_rarely_differ(tmp_path: Path) -> None:
    called = equivalent = 0
    for seed in range(8):
        before = run(tmp_path / f"b{seed}", BEFORE, noisy(100 + seed))
        after = run(tmp_path / f"a{seed}", AFTER, noisy(200 + seed))
        told = list(verdicts(compare_runs(before, after)).values())
        called += sum(verdict in ("slower", "faster") for verdict in told)
        equivalent += told.count("equivalent")
    # Standard errors of 0.6% leave nearly all of 320 unchanged cells within 5%.
    assert called <= 1
    assert equivalent >= 315


def test_a_change_has_to_exceed_that_of_the_machine(tmp_path: Path) -> None:
    before = run(tmp_path / "before", BEFORE, noisy(1))
    slower = dict.fromkeys(NETS, 1.3) | {"net05": 2.0}
    after = run(tmp_path / "after", AFTER, noisy(2, **slower), reference_ms=70.0)
    found = compare_runs(before, after)
    assert found.devices[0].reference_compute == pytest.approx(1.4)
    told = verdicts(found)
    assert told.pop("net05") == "slower"
    assert set(told.values()) == {"inconclusive"}


def test_the_machine_changed_by_no_more_than_all_cells_did(tmp_path: Path) -> None:
    before = run(tmp_path / "before", BEFORE, noisy(1))
    after = run(tmp_path / "after", AFTER, noisy(2, net05=1.2), reference_ms=70.0)
    found = compare_runs(before, after)
    assert found.devices[0].own == (1.0, pytest.approx(1.0, abs=0.005))
    told = verdicts(found)
    assert told.pop("net05") == "slower"
    assert "slower" not in told.values()


def test_a_change_of_all_cells_is_no_change_of_the_machine_if_its_kernels_did_not_change(
    tmp_path: Path,
) -> None:
    before = run(tmp_path / "before", BEFORE, noisy(1))
    after = run(tmp_path / "after", AFTER, noisy(2, **dict.fromkeys(NETS, 1.2)))
    found = compare_runs(before, after)
    (device,) = found.devices
    assert device.common == pytest.approx(1.2, rel=0.01)
    # Forty cells, each with a standard error of 0.6%: 1.25 x 0.6% / sqrt(40).
    assert device.common_se == pytest.approx(0.0013, rel=0.5)
    assert set(verdicts(found).values()) == {"slower"}


def test_a_cell_without_records_of_its_processes_is_inconclusive(tmp_path: Path) -> None:
    before = run(tmp_path / "before", BEFORE, {"a": [10.0, 10.1, 9.9]})
    rows = [row("a", session=AFTER, protocol="default", latency_ms=12.0)]
    (cell,) = compare_runs(before, studies.write(tmp_path / "after", rows)).cells
    assert (cell.ratio, cell.low, cell.verdict) == (pytest.approx(1.2), None, "inconclusive")


def test_a_cell_with_one_process_is_inconclusive(tmp_path: Path) -> None:
    before = run(tmp_path / "before", BEFORE, {"a": [10.0]})
    after = run(tmp_path / "after", AFTER, {"a": [30.0, 30.1, 29.9]})
    (cell,) = compare_runs(before, after).cells
    assert (cell.ratio, cell.low, cell.p, cell.verdict) == (3.0, None, None, "inconclusive")


def test_a_measurement_that_is_in_both_runs_is_not_compared(tmp_path: Path) -> None:
    times = {"a": [10.0, 10.1, 9.9], "b": [20.0, 20.1, 19.9]}
    before = run(tmp_path / "before", BEFORE, times)
    found = compare_runs(before, run(tmp_path / "after", BEFORE, times))
    assert found.cells == []
    assert [cell.model for cell in found.repeated] == ["a", "b"]


def test_cells_measured_in_one_run_only_are_listed(tmp_path: Path) -> None:
    times = {"a": [10.0, 10.1], "b": [20.0, 20.1], "gone": [5.0, 5.1]}
    before = run(tmp_path / "before", BEFORE, times)
    none = {"latency_ms": None, "latency_ms_low": None, "latency_ms_high": None}
    lost = row("b", session=AFTER, protocol="default", status="timeout", **none)
    kept = row("a", session=AFTER, protocol="default")
    new = row("new", session=AFTER, protocol="default")
    lines = studies.timed("a", [11.0, 11.1], session=AFTER)
    after = studies.write(tmp_path / "after", [kept, lost, new], lines=lines)
    found = compare_runs(before, after)
    assert [cell.model for cell in found.cells] == ["a"]
    assert [(one.model, one.before, one.after) for one in found.statuses] == [
        ("b", "ok", "timeout"),
        ("gone", "ok", None),
        ("new", None, "ok"),
    ]


def test_another_machine_or_library_is_named(tmp_path: Path) -> None:
    before = run(tmp_path / "before", BEFORE, {"a": [10.0, 10.1]})
    after = run(tmp_path / "after", AFTER, {"a": [11.0, 11.1]})
    file = after / "cpu/environment.json"
    changed = studies.environment().model_copy(
        update={"cpu": "Another", "packages": {"torch": "2.15.0"}}
    )
    assert read_json(file, type(changed)) != changed
    write_json(file, changed)
    assert compare_runs(before, after).devices[0].machine == [
        "cpu: A processor -> Another",
        "torch: 2.14.1 -> 2.15.0",
    ]


def test_variables_that_differ_are_named_and_unrecorded_ones_are_not_unset(tmp_path: Path) -> None:
    folders = [
        run(tmp_path / session, session, {"a": [time, time + 0.1]})
        for session, time in ((BEFORE, 10.0), (AFTER, 11.0))
    ]
    files = [folder / "cpu/environment.json" for folder in folders]
    write_json(files[0], studies.environment().model_copy(update={"variables": {}}))
    isa = {"variables": {"ONEDNN_MAX_CPU_ISA": "SSE41"}}
    write_json(files[1], studies.environment().model_copy(update=isa))
    (device,) = compare_runs(*folders).devices
    assert device.machine == ["ONEDNN_MAX_CPU_ISA: not set -> SSE41"]
    write_json(files[0], studies.environment())
    (device,) = compare_runs(*folders).devices
    assert device.machine == ["environment variables: not recorded -> ONEDNN_MAX_CPU_ISA"]


def test_other_code_is_counted(tmp_path: Path) -> None:
    before = run(tmp_path / "before", BEFORE, {"a": [10.0, 10.1]})
    rows = [row("a", session=AFTER, protocol="default")]
    lines = studies.timed("a", [10.0, 10.2], session=AFTER, fingerprint="g")
    after = studies.write(tmp_path / "after", rows, lines=lines)
    assert compare_runs(before, after).devices[0].other_code == 1


def test_a_noisy_cell_names_the_run(tmp_path: Path) -> None:
    before = run(tmp_path / "before", BEFORE, {"a": [10.0, 10.1]})
    noisy = {
        "stability": "noisy",
        "stability_reason": "half-width of the interval is 9.0% of the value",
    }
    after = run(tmp_path / "after", AFTER, {"a": [11.0, 11.1]}, **noisy)
    (cell,) = compare_runs(before, after).cells
    assert cell.stability == "noisy"
    assert cell.stability_reason == f"{after}: half-width of the interval is 9.0% of the value"


def test_runs_without_a_device_in_common_are_refused(tmp_path: Path) -> None:
    before = run(tmp_path / "before", BEFORE, {"a": [10.0]})
    published_only = studies.write(tmp_path / "after", studies.tables()[0][-10:])
    assert is_run(before) and not is_run(tmp_path)
    with pytest.raises(UserError, match=r"no device was measured in both runs\. .* has cpu"):
        compare_runs(before, published_only)
    with pytest.raises(UserError, match="device 'gpu' was not measured in both"):
        compare_runs(before, before, "gpu")


def test_runs_of_two_protocols_are_refused(tmp_path: Path) -> None:
    before = run(tmp_path / "before", BEFORE, {"a": [10.0]})
    after = run(tmp_path / "after", AFTER, {"a": [10.0]}, protocol="bianco2018")
    with pytest.raises(
        UserError, match=r"study.csv: protocol: 'bianco2018' for a, but .* 'default'"
    ):
        compare_runs(before, after)
