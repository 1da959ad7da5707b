import multiprocessing
import os
import random
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from helpers import timings, toys
from helpers.rounds import (
    plan,
)

from dnnbench.config.latency_settings import PROTOCOLS
from dnnbench.core import isolation
from dnnbench.core.errors import DeviceError
from dnnbench.core.storage import RecordError, read_lines, write_lines
from dnnbench.measure import control, round, round_state
from dnnbench.measure.journal import Journal, key
from dnnbench.measure.latency import Timing
from dnnbench.records.disturbance_records import Disturbance
from dnnbench.records.latency_records import LatencyLine
from dnnbench.stats import disturbance


@pytest.fixture(scope="module", autouse=True)
def _prepared():
    isolation.prepare()


QUIET = Disturbance(
    steal=0.0,
    run_delay=0.0,
    involuntary_switches=0,
    reference_compute_ms=(10.0, 10.0),
    reference_memory_ms=(5.0, 5.0),
)


@pytest.fixture
def scripted(monkeypatch):
    """Replace each measuring process by a function, and record the requested cells."""
    asked = []

    def install(answer=lambda network, batch, turn: QUIET):
        def run(_function, network, batch_sizes, *_arguments, **_options):
            timings = []
            for batch in batch_sizes:
                asked.append((network.key, batch))
                seen = answer(network.key, batch, asked.count((network.key, batch)))
                if not isinstance(seen, Timing):
                    times = (float(len(asked)),)
                    seen = Timing("ok", None, times, times, True, seen)
                timings.append(seen)
            return isolation.Outcome("ok", timings, None, 0.1)

        monkeypatch.setattr(isolation, "run", run)
        monkeypatch.setattr(control, "check", lambda *_: None)
        monkeypatch.setattr(round, "_others_busy", lambda plan: 0.0)
        return asked

    return install


@pytest.mark.parametrize(("number", "images"), [(1, 16), (2, 2)])
def test_the_first_round_compares_outputs_on_more_images(number, images, tmp_path):
    output = tmp_path / f"round-{number}.jsonl"
    changes = {"number": number, "variant": "bf16-eager", "batch_sizes": [2]}
    round.run(plan("normed", **changes), output)
    (line,) = {line.agreement.images for line in read_lines(output, LatencyLine)}
    assert line == images


def test_a_round_measures_every_cell(tmp_path):
    output = tmp_path / "round-1.jsonl"
    round.run(plan("small", "raising", "greedy", "crashing"), output)
    lines = read_lines(output, LatencyLine)
    assert [(line.model, line.batch_size, line.status) for line in lines] == [
        ("small", 1, "ok"),
        ("small", 2, "ok"),
        ("raising", 1, "failed"),
        ("raising", 2, "failed"),
        ("greedy", 1, "ok"),
        ("greedy", 2, "oom"),
        ("crashing", 1, "failed"),
        ("crashing", 2, "failed"),
    ]
    assert lines[0].wait_policy == os.environ["OMP_WAIT_POLICY"].lower()
    assert lines[0].disturbance.busy_before is not None
    assert "gone fishing" in lines[2].message
    assert list(tmp_path.iterdir()) == [output]


def test_nothing_is_measured_twice(tmp_path, scripted):
    asked = scripted()
    output = tmp_path / "round-1.jsonl"
    round.run(plan("small"), output)
    before = output.read_bytes()
    round.run(plan("small"), output)
    assert sorted(asked) == [("small", 1), ("small", 2)]
    assert output.read_bytes() == before


def test_a_variable_that_affects_speed_is_recorded_and_separates_results(
    tmp_path, scripted, monkeypatch
):
    asked = scripted()
    output = tmp_path / "round-1.jsonl"
    round.run(plan("small"), output)
    before = read_lines(output, LatencyLine)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    round.run(plan("small"), output)
    after = read_lines(output, LatencyLine)
    assert len(asked) == 4
    assert {line.fingerprint for line in before}.isdisjoint(line.fingerprint for line in after)
    assert all("ONEDNN_MAX_CPU_ISA" not in line.variables for line in before)
    assert all(line.variables["ONEDNN_MAX_CPU_ISA"] == "SSE41" for line in after)
    round.run(plan("small"), output)
    assert len(asked) == 4


def test_a_new_network_or_batch_size_measures_only_its_own_cells(tmp_path, scripted):
    asked = scripted()
    output = tmp_path / "round-1.jsonl"
    round.run(plan("small"), output)
    asked.clear()
    round.run(plan("small", "greedy", batch_sizes=[1, 2, 4]), output)
    assert sorted(asked) == [("greedy", 1), ("greedy", 2), ("greedy", 4), ("small", 4)]


def test_a_removed_network_keeps_its_lines(tmp_path, scripted):
    asked = scripted()
    output = tmp_path / "round-1.jsonl"
    round.run(plan("small", "greedy"), output)
    round.run(plan("small"), output)
    asked.clear()
    round.run(plan("small", "greedy"), output)
    assert asked == []


@pytest.mark.parametrize(
    "change",
    [
        {"threads": 1},
        {"passes": PROTOCOLS["default"].model_copy(update={"discard": 3})},
        {"networks": {"small": toys.entry("small").model_copy(update={"input_size": 64})}},
    ],
)
def test_a_change_that_affects_latency_measures_cells_again(tmp_path, scripted, change):
    asked = scripted()
    output = tmp_path / "round-1.jsonl"
    round.run(plan("small"), output)
    asked.clear()
    round.run(plan("small", **change), output)
    assert sorted(asked) == [("small", 1), ("small", 2)]
    assert len(read_lines(output, LatencyLine)) == 2


def test_another_protocol_keeps_the_lines_of_the_first(tmp_path, scripted):
    scripted()
    output = tmp_path / "round-1.jsonl"
    round.run(plan("small"), output)
    passes = PROTOCOLS["bianco2018"]
    round.run(plan("small", protocol="bianco2018", passes=passes), output)
    protocols = [line.protocol for line in read_lines(output, LatencyLine)]
    assert sorted(protocols) == ["bianco2018", "bianco2018", "default", "default"]


def test_a_changed_name_or_preprocessing_needs_no_measurement(tmp_path, scripted):
    asked = scripted()
    output = tmp_path / "round-1.jsonl"
    round.run(plan("small"), output)
    asked.clear()
    renamed = toys.entry("small").model_copy(update={"name": "Smaller", "mean": (0, 0, 0)})
    round.run(plan("small", networks={"small": renamed}), output)
    assert asked == []


def test_a_timeout_is_retried_once_and_after_a_change_of_the_limit(tmp_path, scripted):
    asked = scripted(lambda *_: Timing("timeout", "took longer than 20 s"))
    output = tmp_path / "round-1.jsonl"
    for _ in "123":
        round.run(plan("small", batch_sizes=[1]), output)
    assert len(asked) == 2
    round.run(plan("small", batch_sizes=[1], cell_timeout_s=40), output)
    assert len(asked) == 3


@pytest.mark.parametrize("status", ["failed", "timeout"])
@pytest.mark.parametrize("killed", [False, True])
def test_a_failed_cell_is_retried_once_by_the_next_run(tmp_path, scripted, status, killed):
    answers = [Timing(status, "first"), Timing(status, "second"), QUIET]
    asked = scripted(lambda _name, _batch, turn: answers[turn - 1])
    output = tmp_path / "round-1.jsonl"
    round.run(plan("small", batch_sizes=[1]), output)
    if killed:  # Snakemake deleted the file, but the journal has the line.
        output.rename(tmp_path / ".round-1.jsonl.journal")
    round.run(plan("small", batch_sizes=[1]), output)
    round.run(plan("small", batch_sizes=[1]), output)
    assert len(asked) == 2
    (line,) = read_lines(output, LatencyLine)
    assert (line.status, line.message) == (status, "second")
    assert line.failed_before == f"{status}: first"


def test_the_reason_of_a_failure_is_kept_after_a_successful_retry(tmp_path, scripted):
    answers = [Timing("failed", "no disk"), QUIET, QUIET]
    asked = scripted(lambda _name, _batch, turn: answers[turn - 1])
    output = tmp_path / "round-1.jsonl"
    for _ in "123":
        round.run(plan("small", batch_sizes=[1]), output)
    (line,) = read_lines(output, LatencyLine)
    assert (len(asked), line.status, line.failed_before) == (2, "ok", "failed: no disk")
    round.run(plan("small", batch_sizes=[1], threads=1), output)  # A new cell has no history.
    (line,) = read_lines(output, LatencyLine)
    assert line.failed_before is None


def no_convolution(after=0):
    """Return a control that succeeds ``after`` times, then fails."""
    checks = []

    def check(*_):
        checks.append(1)
        if len(checks) > after:
            raise DeviceError("cpu: not even one convolution")

    return check


def test_no_network_is_recorded_as_failed_if_the_control_fails(tmp_path, scripted, monkeypatch):
    asked = scripted()
    monkeypatch.setattr(control, "check", no_convolution())
    with pytest.raises(DeviceError):
        round.run(plan("small"), tmp_path / "round-1.jsonl")
    assert asked == []
    assert list(tmp_path.iterdir()) == []


def test_a_machine_failure_ends_the_round_and_keeps_finished_cells(tmp_path, scripted, monkeypatch):
    monkeypatch.setattr(random, "random", lambda: 0.5)  # Keeps the order.
    answer = {1: QUIET, 2: Timing("failed", "No space left on device")}
    scripted(lambda _name, batch, _turn: answer[batch])
    monkeypatch.setattr(control, "check", no_convolution(after=1))
    output = tmp_path / "round-1.jsonl"
    with pytest.raises(DeviceError):
        round.run(plan("small"), output)
    kept = Journal(output).unfinished()
    assert [(line.batch_size, line.status) for line in kept] == [(1, "ok")]


def full(from_batch):
    """Return answers of a device that runs out of memory from a batch size on."""

    def answer(_name, batch, _turn):
        return Timing("oom", "CUDA out of memory") if batch >= from_batch else QUIET

    return answer


def test_batch_sizes_above_one_that_did_not_fit_are_not_tried(tmp_path, scripted, monkeypatch):
    monkeypatch.setattr(random, "random", lambda: 0.5)  # Keeps the order.
    asked = scripted(full(from_batch=4))
    output = tmp_path / "round-1.jsonl"
    round.run(plan("small", "greedy", batch_sizes=[1, 8, 2, 4, 16]), output)
    assert asked == [(name, batch) for name in ("small", "greedy") for batch in (1, 8, 2, 4)]
    found = {line.batch_size: line for line in read_lines(output, LatencyLine)}
    assert {batch: line.status for batch, line in found.items()} == {
        **{1: "ok", 2: "ok"},
        **{4: "oom", 8: "oom", 16: "oom"},
    }
    assert found[8].message == "CUDA out of memory"
    assert found[16].message == "not tried: ran out of memory at batch size 4"


def test_a_skipped_batch_size_is_tried_once_its_reason_is_gone(tmp_path, scripted, monkeypatch):
    monkeypatch.setattr(random, "random", lambda: 0.5)  # Keeps the order.
    asked = scripted(full(from_batch=2))
    output = tmp_path / "round-1.jsonl"
    round.run(plan("small", batch_sizes=[1, 2, 4]), output)
    round.run(plan("small", batch_sizes=[1, 2, 4]), output)
    assert asked == [("small", 1), ("small", 2)]
    kept = [line for line in output.read_text().splitlines() if "CUDA out" not in line]
    output.write_text("\n".join(kept) + "\n")
    scripted(full(from_batch=8))
    asked.clear()
    round.run(plan("small", batch_sizes=[1, 2, 4]), output)
    assert [line.status for line in read_lines(output, LatencyLine)] == ["ok", "ok", "ok"]


def test_cells_are_measured_in_a_new_random_order_each_time(tmp_path, scripted):
    random.seed(1)
    asked = scripted()
    sizes = list(range(1, 13))
    for number in (1, 2):
        round.run(
            plan("small", batch_sizes=sizes, number=number), tmp_path / f"round-{number}.jsonl"
        )
    first, second = asked[:12], asked[12:]
    assert sorted(first) == sorted(second)
    assert len({tuple(first), tuple(second), tuple(sorted(first))}) == 3


def test_the_2018_protocol_measures_a_network_in_one_process(tmp_path, scripted):
    asked = scripted()
    passes = PROTOCOLS["bianco2018"]
    round.run(
        plan("small", "greedy", protocol="bianco2018", passes=passes), tmp_path / "round-1.jsonl"
    )
    assert sorted([asked[:2], asked[2:]]) == [
        [("greedy", 1), ("greedy", 2)],
        [("small", 1), ("small", 2)],
    ]


SLOWED = {"reference_compute_ms": (12.0, 13.0)}


@pytest.mark.parametrize("trouble", [{"steal": 0.03}, {"run_delay": 0.11}, SLOWED])
def test_a_disturbed_cell_is_measured_again_and_its_first_attempt_is_kept(
    tmp_path, scripted, trouble
):
    def answer(_name, batch, turn):
        return QUIET.model_copy(update=trouble) if (batch, turn) == (5, 1) else QUIET

    asked = scripted(answer)
    output = tmp_path / "round-1.jsonl"
    round.run(plan("small", batch_sizes=[1, 2, 3, 4, 5]), output)
    assert asked.count(("small", 1)) == 1
    assert asked.count(("small", 5)) == 2
    assert asked[-1] == ("small", 5)  # At the end of the round.
    *calm, again = read_lines(output, LatencyLine)
    limits = disturbance.limits([*calm, again])
    first = again.model_copy(update={"disturbance": again.first_attempt.disturbance})
    assert all(line.first_attempt is None for line in calm)
    assert disturbance.reasons(again, limits) == []
    assert len(disturbance.reasons(first, limits)) == 1
    assert again.first_attempt.samples_ms != again.samples_ms


def test_a_slow_process_without_a_sign_of_disturbance_is_not_measured_again(tmp_path, scripted):
    def answer(_name, batch, _turn):
        times = (1000.0,) if batch == 2 else (1.0,)
        return Timing("ok", None, times, times, True, QUIET)

    asked = scripted(answer)
    round.run(plan("small", batch_sizes=[1, 2, 3]), tmp_path / "round-1.jsonl")
    assert sorted(asked) == [("small", 1), ("small", 2), ("small", 3)]


def test_a_cell_that_stays_disturbed_is_flagged_and_not_repeated_forever(tmp_path, scripted):
    asked = scripted(lambda *_: QUIET.model_copy(update={"steal": 0.5}))
    output = tmp_path / "round-1.jsonl"
    round.run(plan("small", batch_sizes=[1]), output)
    round.run(plan("small", batch_sizes=[1]), output)
    assert len(asked) == 2
    (line,) = read_lines(output, LatencyLine)
    assert disturbance.reasons(line, {}) == ["the hypervisor took 50.0% of the time"]


def test_a_round_on_a_busy_machine_can_be_refused(tmp_path):
    spin = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        with pytest.raises(round.BusyError, match=r"cpu: other programs use \d+%.*when_busy: flag"):
            round.run(plan("small", when_busy="refuse"), tmp_path / "round-1.jsonl")
    finally:
        spin.kill()
        spin.wait()
    assert list(tmp_path.iterdir()) == []


def test_a_round_on_a_busy_machine_can_be_flagged(tmp_path, capfd):
    spin = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        round.run(plan("small", batch_sizes=[1]), tmp_path / "round-1.jsonl")
    finally:
        spin.kill()
        spin.wait()
    assert "cells may be disturbed" in capfd.readouterr().err
    (line,) = read_lines(tmp_path / "round-1.jsonl", LatencyLine)
    assert line.disturbance.busy_before > disturbance.MAX_BUSY


def test_a_killed_round_resumes_where_it_stopped(tmp_path, monkeypatch, scripted):
    output = tmp_path / "round-1.jsonl"
    process = multiprocessing.get_context("fork").Process(
        target=round.run, args=(plan("small", batch_sizes=list(range(1, 60))), output)
    )
    process.start()
    journal = tmp_path / ".round-1.jsonl.journal"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (
        journal.exists() and journal.read_text().count("\n") >= 3
    ):
        time.sleep(0.05)
    process.kill()
    process.join()
    assert not output.exists()
    with journal.open("a") as file:
        file.write('{"schema_version":1,"dev')  # A line truncated by a power failure.
    kept = {key(line) for line in Journal(output).unfinished()}
    assert 3 <= len(kept) < 59

    asked = scripted()
    round.run(plan("small", batch_sizes=list(range(1, 60))), output)
    assert not journal.exists()
    lines = read_lines(output, LatencyLine)
    assert len(lines) == 59
    by_key = {key(line): line for line in lines}
    again = {("default", name, batch, 1) for name, batch in asked}
    untouched = kept - again
    assert {cell for cell in kept if by_key[cell].first_attempt is None} == untouched
    assert again - kept == set(by_key) - kept


def cheap(*names, seconds=0.42, **changes):
    """Return a plan whose memory records state the cost of each cell."""
    spent = {"cell_s": seconds - 0.06, "passes_s": 0.0, "pass_s": 0.0}
    cells = [timings.memory_cell(batch, **spent) for batch in (1, 2)]
    return plan(*names, memory=dict.fromkeys(names, cells), **changes)


def processes(output):
    """Return the numbers of the processes of each cell."""
    found = {}
    for line in read_lines(output, LatencyLine):
        found.setdefault((line.model, line.batch_size), []).append(line.process)
    return found


def test_a_cheap_cell_has_more_processes_of_which_each_has_a_line(tmp_path, scripted):
    asked = scripted()
    output = tmp_path / "round-1.jsonl"
    round.run(cheap("small", batch_sizes=[1, 2, 4]), output)
    assert processes(output) == {("small", 1): [1, 2], ("small", 2): [1, 2], ("small", 4): [1]}
    assert asked.count(("small", 1)) == 2
    planned = {line.batch_size: line.processes for line in read_lines(output, LatencyLine)}
    assert planned == {1: 10, 2: 10, 4: 5}


def test_the_rounds_share_the_processes_of_a_cell(tmp_path, scripted):
    scripted()
    counts = []
    for number in range(1, 6):
        output = tmp_path / f"round-{number}.jsonl"
        round.run(cheap("small", seconds=0.53, batch_sizes=[1], number=number), output)
        counts.append(len(read_lines(output, LatencyLine)))
    assert counts == [1, 2, 1, 2, 2]


def test_the_2018_protocol_has_one_process_whatever_a_cell_costs(tmp_path, scripted):
    asked = scripted()
    passes = PROTOCOLS["bianco2018"]
    round.run(cheap("small", protocol="bianco2018", passes=passes), tmp_path / "round-1.jsonl")
    assert asked == [("small", 1), ("small", 2)]


def test_only_missing_processes_are_measured(tmp_path, scripted):
    asked = scripted()
    output = tmp_path / "round-1.jsonl"
    round.run(cheap("small", seconds=0.2, batch_sizes=[1]), output)
    before = read_lines(output, LatencyLine)
    write_lines(output, [line for line in before if line.process != 3])
    asked.clear()
    round.run(cheap("small", seconds=0.2, batch_sizes=[1]), output)
    assert asked == [("small", 1)]
    after = read_lines(output, LatencyLine)
    assert [line.process for line in after] == [1, 2, 3, 4]
    assert [line for line in after if line.process != 3] == [
        line for line in before if line.process != 3
    ]


def test_a_failed_process_is_retried_alone(tmp_path, scripted):
    answers = [QUIET, Timing("failed", "no disk"), QUIET]
    asked = scripted(lambda _name, _batch, turn: answers[turn - 1])
    output = tmp_path / "round-1.jsonl"
    for _ in "12":
        round.run(cheap("small", batch_sizes=[1]), output)
    one, two = read_lines(output, LatencyLine)
    assert (len(asked), one.status, two.status) == (3, "ok", "ok")
    assert {one.failed_before, two.failed_before} == {None, "failed: no disk"}


@pytest.mark.parametrize("recorded", [{}, {"processes": None}])
def test_a_measured_cell_gets_no_more_processes_if_its_cost_turns_out_lower(
    tmp_path, scripted, recorded
):
    asked = scripted()
    output = tmp_path / "round-1.jsonl"
    round.run(cheap("small", seconds=0.8), output)
    before = [line.model_copy(update=recorded) for line in read_lines(output, LatencyLine)]
    write_lines(output, before)
    asked.clear()
    round.run(cheap("small", "greedy", seconds=0.2), output)
    assert sorted(asked) == [("greedy", 1)] * 4 + [("greedy", 2)] * 4
    assert [line for line in read_lines(output, LatencyLine) if line.model == "small"] == before


def test_processes_beyond_the_plan_are_kept_unless_the_code_changed(tmp_path, scripted):
    asked = scripted()
    output = tmp_path / "round-1.jsonl"
    round.run(cheap("small", seconds=0.2), output)
    before = read_lines(output, LatencyLine)
    asked.clear()
    round.run(cheap("small", seconds=0.8), output)
    assert (asked, read_lines(output, LatencyLine)) == ([], before)
    round.run(cheap("small", seconds=0.8, threads=1), output)
    assert processes(output) == {("small", 1): [1], ("small", 2): [1]}


def test_the_remaining_time_covers_the_processes_of_later_rounds(tmp_path, scripted):
    scripted()
    counts = []

    @contextmanager
    def report(_what, total, later):
        counts.append((total, later))
        yield lambda name: None

    round.run(cheap("small", seconds=0.53, batch_sizes=[1]), tmp_path / "round-1.jsonl", report)
    assert counts[0] == (1, 7)


def test_a_round_is_finished_once_nothing_is_missing_or_due(tmp_path, scripted):
    answers = [Timing("failed", "no disk"), QUIET]
    scripted(lambda _name, _batch, turn: answers[turn - 1])
    output = tmp_path / "round-1.jsonl"
    finished = []
    for _ in "123":
        finished.append(round_state.read(plan("small", batch_sizes=[1]), output).is_finished)
        round.run(plan("small", batch_sizes=[1]), output)
    assert finished == [False, False, True]
    output.rename(tmp_path / ".round-1.jsonl.journal")
    assert not round_state.read(plan("small", batch_sizes=[1]), output).is_finished


def test_a_damaged_line_is_named(tmp_path):
    output = tmp_path / "round-1.jsonl"
    output.write_text('{"schema_version": 1}\n')
    with pytest.raises(RecordError, match=r"round-1\.jsonl:1: device.*Remove the line"):
        round.run(plan("small"), output)
