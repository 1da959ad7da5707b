from typing import ClassVar

import pytest
from helpers import toys

from dnnbench.config.latency_settings import PROTOCOLS
from dnnbench.core import isolation
from dnnbench.core.storage import read_json, read_lines
from dnnbench.devices import backends
from dnnbench.devices.backends import Setup
from dnnbench.devices.cpu import Cpu
from dnnbench.devices.headroom import Prediction, floor, predict, refusal
from dnnbench.measure import memory, memory_profile, round
from dnnbench.networks import registry
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryCell, MemoryRecord


@pytest.fixture(scope="module", autouse=True)
def _prepared():
    isolation.prepare()


def cell(batch_size, net=None, runtime=400.0, weights=100.0, activations=None, status="ok"):
    """Make a memory cell; activations default to 50 MiB per image."""
    if status != "ok":
        return MemoryCell(batch_size=batch_size, status=status, message="out of memory")
    return MemoryCell(
        batch_size=batch_size,
        status="ok",
        memory_mib=runtime + net,
        memory_basis="net",
        memory_net_mib=net,
        memory_runtime_mib=runtime,
        weights_mib=weights,
        activations_mib=50.0 * batch_size if activations is None else activations,
    )


def never():
    raise AssertionError("the network was counted although it has measured cells")


def test_the_factor_of_the_nearest_smaller_batch_scales_the_analytical_memory():
    # 100 + 50 x 4 = 300 analytical, 450 measured: 1.5; at 16, 400 + 1.5 x (100 + 800).
    found = predict(16, [cell(1, net=600), cell(4, net=450)], never)
    assert found.mib == pytest.approx(400 + 1.5 * 900)
    assert "batch size 4" in found.basis and "1.50" in found.basis


def test_the_order_of_cells_and_larger_batches_do_not_matter():
    cells = [cell(4, net=450), cell(1, net=600), cell(32, net=9000)]
    assert predict(16, cells, never).mib == predict(16, cells[::-1], never).mib == 1750


def test_a_measured_batch_is_predicted_to_need_its_measured_memory():
    assert predict(4, [cell(1, net=150), cell(4, net=450)], never).mib == 850


def test_a_factor_below_one_is_treated_as_noise():
    assert predict(8, [cell(4, net=150)], never).mib == 400 + (100 + 400)


def test_without_usable_cells_the_prediction_is_the_analytical_memory():
    cells = [cell(1, status="oom"), cell(16, net=1500)]
    assert predict(8, cells, lambda: (100.0, 400.0)).mib == 500


def test_a_batch_that_does_not_fit_above_the_reserve_is_refused_with_numbers():
    # The reserve is 5% of 8000 MiB: 400 MiB.
    assert refusal(Prediction(1600, "why"), 2000, 8000) is None
    said = refusal(Prediction(1601, "why"), 2000, 8000)
    assert said is not None
    for part in ("predicted", "1601 MiB", "why", "2000 MiB", "400"):
        assert part in said


def test_a_small_board_keeps_a_minimum_reserve():
    # 5% of 2000 MiB is 100 MiB, less than the minimum of 256 MiB.
    assert refusal(Prediction(744, "why"), 1000, 2000) is None
    assert refusal(Prediction(745, "why"), 1000, 2000) is not None


def test_the_analytical_memory_equals_that_of_a_measured_cell():
    network = toys.entry("small")
    measured = isolation.run(memory.measure, network, 4, Setup("cpu"), 1, timeout_s=60).value
    counted = isolation.run(memory.activations_mib, network, 4, "fp32-eager", timeout_s=60).value
    weights, activations = floor(network, 4)
    assert weights == pytest.approx(measured["weights_mib"])
    assert activations == pytest.approx(counted)


def test_activations_are_proportional_to_the_batch_size():
    network = registry.load_registry()["squeezenet1_1"]
    _, one = isolation.run(floor, network, 1, timeout_s=60).value
    _, sixteen = isolation.run(floor, network, 16, timeout_s=60).value
    assert sixteen == pytest.approx(16 * one)


class Picky(Cpu):
    """A device that refuses more than two images, and records the cells it was given."""

    told: ClassVar[list[tuple[int, list[int]]]] = []

    def refuses(self, network, batch_size, seen):
        self.told.append((batch_size, [cell.batch_size for cell in seen]))
        return f"{network.key} x {batch_size} would not fit" if batch_size > 2 else None


@pytest.fixture
def picky(monkeypatch):
    monkeypatch.setattr(backends, "backend", lambda setup: Picky())
    monkeypatch.setattr(Picky, "told", [])
    return Picky.told


def test_a_batch_that_the_device_refuses_is_recorded_as_oom_without_a_try(tmp_path, picky):
    plan = memory_profile.Plan(
        device="jetson",
        setup=Setup("cpu"),
        variant="fp32-eager",
        networks={"small": toys.entry("small")},
        batch_sizes=[1, 2, 4],
        threads=1,
        cell_timeout_s=60,
    )
    memory_profile.Profiles(plan, tmp_path).measure()
    cells = read_json(tmp_path / "small.json", MemoryRecord).cells
    assert [(cell.batch_size, cell.status) for cell in cells] == [(1, "ok"), (2, "ok"), (4, "oom")]
    assert cells[2].message == "small x 4 would not fit"
    assert cells[2].passes_s is None
    # Each call gets the cells measured so far.
    assert picky == [(1, []), (2, [1]), (4, [1, 2])]
    picky.clear()
    memory_profile.Profiles(plan, tmp_path).measure()
    assert picky == []


def test_a_round_skips_batches_that_the_device_refuses_for_their_known_memory(tmp_path, picky):
    plan = round.Round(
        number=1,
        session="monday",
        device="jetson",
        setup=Setup("cpu"),
        variant="fp32-eager",
        networks={"small": toys.entry("small")},
        batch_sizes=[1, 4],
        protocol="default",
        passes=PROTOCOLS["default"],
        threads=1,
        cell_timeout_s=60,
        when_busy="flag",
        memory={"small": [cell(1, net=150)]},
    )
    round.run(plan, tmp_path / "round-1.jsonl")
    lines = read_lines(tmp_path / "round-1.jsonl", LatencyLine)
    assert [(line.batch_size, line.status) for line in lines] == [(1, "ok"), (4, "oom")]
    assert lines[1].message == "small x 4 would not fit"
    assert sorted(picky)[:2] == [(1, [1]), (4, [1])]
