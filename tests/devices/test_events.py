"""Timing with events of a simulated GPU, whose true latencies are known."""

import random
from dataclasses import dataclass, field
from math import exp

import pytest
from helpers.timings import ACCURACY, PLAN, complexity, line, seen

from dnnbench.config.latency_settings import Passes
from dnnbench.devices import cpu, cuda, events, sampling
from dnnbench.devices.sampling import Sample
from dnnbench.measure import latency
from dnnbench.stats import disturbance
from dnnbench.tables import study

TRUE_MS = 10.0
PROTOCOL = Passes(rounds=5, discard=1, samples=(3, 10), one_process="cell")


@dataclass
class FakeEvent:
    gpu: "FakeGpu"
    at_ms: float = 0.0

    def record(self):
        self.gpu.host_ms += self.gpu.pause_ms
        self.at_ms = max(self.gpu.host_ms, self.gpu.free_at_ms)

    def elapsed_time(self, end):
        assert self.gpu.waits >= 2, "an event was read before the final synchronization"
        return end.at_ms - self.at_ms


@dataclass
class FakeGpu:
    """A simulated GPU that runs passes of the given durations in sequence.

    The host needs ``launch_ms`` to launch a pass, and ``pause_ms`` before each event.
    """

    durations_ms: list[float]
    launch_ms: float = 0.0
    pause_ms: float = 0.0
    host_ms: float = 1000.0
    free_at_ms: float = 0.0
    waits: int = 0
    given: int = field(default=0)

    def event(self):
        return FakeEvent(self)

    def synchronize(self):
        self.waits += 1
        self.host_ms = max(self.host_ms, self.free_at_ms)

    def wall_ms(self):
        return self.host_ms

    def run(self):
        self.host_ms += self.launch_ms
        begin = max(self.host_ms, self.free_at_ms)
        self.free_at_ms = begin + self.durations_ms[self.given % len(self.durations_ms)]
        self.given += 1
        return self.given


def test_each_pass_is_timed_with_one_synchronization_at_the_end():
    gpu = FakeGpu([5.0, 9.0, 7.0])
    timed = events.time(gpu, gpu.run, 3)
    assert timed.passes_ms == pytest.approx([5, 9, 7])
    assert timed.wall_ms == pytest.approx(21)
    assert timed.output == 3
    assert gpu.waits == 2  # One before the window, so that it contains no other work.


def test_passes_launched_faster_than_they_run_are_timed_separately():
    gpu = FakeGpu([5.0], launch_ms=0.5)
    timed = events.time(gpu, gpu.run, 20)
    # The first pass finds the GPU idle, so it includes the launch.
    assert timed.passes_ms == pytest.approx([5.5, *[5.0] * 19])


def test_both_clocks_exclude_work_before_each_pass():
    gpu = FakeGpu([5.0, 9.0, 7.0])
    copies = []

    def copy():
        copies.append(gpu.host_ms)
        gpu.free_at_ms = max(gpu.host_ms, gpu.free_at_ms) + 40.0

    timed = events.time(gpu, gpu.run, 3, copy)
    assert len(copies) == 3
    assert timed.passes_ms == pytest.approx([5, 9, 7])
    assert timed.wall_ms == pytest.approx(21)


def test_a_cpu_excludes_work_before_each_pass(monkeypatch):
    clock = iter(range(0, 10**9, 5_000_000))  # Each reading takes 5 ms.
    monkeypatch.setattr(cpu.time, "perf_counter_ns", lambda: next(clock))
    timed = cpu.Cpu().time(lambda: "answer", 3, lambda: [next(clock) for _ in range(20)] and None)
    assert timed.passes_ms == [5, 5, 5]
    assert timed.output == "answer"


def test_the_two_clocks_reveal_a_gpu_that_waits_for_the_host_between_passes():
    def apart(pause_ms):
        gpu = FakeGpu([5.0], pause_ms=pause_ms)
        windows = [events.time(gpu, gpu.run, 20)]
        return disturbance.reasons(
            line(1, 5.0, disturbance=seen(**latency._two_clocks(windows))), {}
        )

    assert apart(0.01) == []
    (reason,) = apart(10.0)
    assert reason.startswith("the passes took")


def test_a_kernel_runs_for_about_the_requested_time():
    gpu = FakeGpu([2.0, 2.0, 2.1])
    assert events.median_ms(gpu, gpu.run, 50) == 2.0
    assert gpu.given == 3 + 25


# The protocol over a session, with known noise -------------------------------------------------


def process(gpu, clock=lambda at_ms: 1900.0, read_every_ms=50.0):
    """Return a measuring process's samples and clock readings of the GPU."""
    events.time(gpu, gpu.run, PROTOCOL.discard)
    began = gpu.host_ms
    windows, samples = [], []
    _, timed = latency.numbers_of_passes(PROTOCOL)
    while count := latency._missing(samples, *timed):
        windows.append(events.time(gpu, gpu.run, count))
        samples += windows[-1].passes_ms
    times = [began + n * read_every_ms for n in range(int((gpu.host_ms - began) / read_every_ms))]
    readings = [Sample(at, clock_mhz=clock(at)) for at in [*times, gpu.host_ms]]
    return samples, sampling.summary(readings) | latency._two_clocks(windows)


def verdict(processes):
    """Return a cell's row of the study, from the processes of its rounds."""
    lines = [
        line(number, *samples, disturbance=seen(**saw))
        for number, (samples, saw) in enumerate(processes, start=1)
    ]
    measured = study.Measurements(PLAN, lines, {})
    rows, _ = study.aggregate(
        ["resnet18"], {"resnet18": complexity()}, {"resnet18": ACCURACY}, [measured], None
    )
    return rows[0]


def session(seed, jitter=0.005, between=0.01, drift=0.0, outliers=0.0):
    """Return five processes; each deviates by ``between``, and each pass by ``jitter``."""
    draw = random.Random(seed)
    processes = []
    for number in range(5):
        level = TRUE_MS * exp(draw.gauss(0, between) + drift * (number - 2) / 4)
        durations = [
            level * exp(draw.gauss(0, jitter)) * (5 if draw.random() < outliers else 1)
            for _ in range(40)
        ]
        processes.append(process(FakeGpu(durations)))
    return processes


@pytest.mark.parametrize(
    "noise",
    [{}, {"drift": 0.03}, {"outliers": 0.05}, {"jitter": 0.03, "outliers": 0.05}],
    ids=["jitter", "drift", "outliers", "both"],
)
def test_estimate_and_interval_find_the_true_latency_despite_noise(noise):
    rows = [verdict(session(seed, **noise)) for seed in range(100)]
    close = sum(abs(row.latency_ms / TRUE_MS - 1) < 0.03 for row in rows)
    covered = sum(row.latency_ms_low <= TRUE_MS <= row.latency_ms_high for row in rows)
    stable = sum(row.stability == "stable" for row in rows)
    assert close >= 95
    assert covered >= 88  # 95 are expected, with a standard deviation of 2.2.
    assert stable >= 90


def test_processes_that_differ_by_a_tenth_are_noisy():
    rows = [verdict(session(seed, between=0.1)) for seed in range(20)]
    assert sum(row.stability == "noisy" for row in rows) >= 18
    assert all(
        "half-width" in row.stability_reason
        for row in rows
        if row.stability in ("noisy", "disturbed")
    )


def test_throttling_makes_a_cell_disturbed_even_if_its_latencies_agree():
    def throttled(seed):
        # From the fourth timed pass, the clock falls to two thirds.
        gpu = FakeGpu([TRUE_MS] * 4 + [TRUE_MS * 1.5] * 100)
        step_ms = gpu.host_ms + 4 * TRUE_MS
        return process(gpu, lambda at_ms: 1900.0 if at_ms < step_ms else 1266.0, 10.0)

    row = verdict([throttled(seed) for seed in range(5)])
    assert row.latency_ms_low == pytest.approx(row.latency_ms_high)
    assert row.stability == "disturbed"
    assert "the GPU's clock dropped from 1900 to 1266 MHz" in row.stability_reason


def test_one_throttled_process_of_five_is_named():
    steady = session(1, between=0.001)
    gpu = FakeGpu([TRUE_MS])
    start_ms = gpu.host_ms
    dip_ms = start_ms + 2 * TRUE_MS  # The first of the timed passes.
    dipped = process(gpu, lambda at_ms: 1266.0 if at_ms < dip_ms else 1900.0, 5.0)
    row = verdict([*steady[:4], dipped])
    assert row.stability == "disturbed"
    assert row.stability_reason.startswith(
        "1 of 5 processes was disturbed (round 5: the GPU's clock"
    )


# Energy -------------------------------------------------------------------------------------------


def readings(power_w, step_s, period_s=0.02, seconds=1.0, counter=True, told_w=None):
    """Return samples of a device with constant power, whose counter steps every ``step_s``."""
    times = [n * period_s for n in range(int(seconds / period_s))]
    return [
        Sample(
            at,
            energy_mj=int(at / step_s + 1e-9) * step_s * power_w * 1000 if counter else None,
            power_w=told_w,
        )
        for at in times
    ]


@pytest.mark.parametrize("step_s", [0.02, 0.05, 0.1])
def test_power_from_the_counter_does_not_depend_on_when_its_steps_occur(step_s):
    power_w, basis = sampling.mean_power_w(readings(200.0, step_s, told_w=150.0))
    assert basis == "counter"
    assert power_w == pytest.approx(200, rel=0.03)


def test_power_readings_replace_a_counter_that_is_too_coarse():
    coarse = readings(200.0, 0.5, told_w=150.0)
    assert sampling.mean_power_w(coarse) == (pytest.approx(150.0), "power")
    ramp = [Sample(n / 10, power_w=100.0 + 10 * n) for n in range(11)]
    assert sampling.mean_power_w(ramp) == (pytest.approx(150.0), "power")


@pytest.mark.parametrize(
    "samples",
    [
        readings(0.0, 0.05),
        readings(200.0, 0.5),
        readings(200.0, 0.05, seconds=0.1, told_w=150.0),
        readings(0.0, 0.05, told_w=0.0),
        readings(0.0, 0.05, counter=False),
    ],
    ids=["counter stands", "few steps", "short", "zero power", "nothing"],
)
def test_unmeasured_power_is_none_rather_than_zero(samples):
    assert sampling.mean_power_w(samples) is None


def test_a_reading_that_fails_is_raised_when_the_sampler_stops():
    answers = iter([Sample(0.0)])
    sampler = sampling.Sampler(lambda: next(answers), 0.001)
    sampler._thread.join()
    with pytest.raises(StopIteration):
        sampler.stop()


# Kernels of a build ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capability", "architectures", "runs"),
    [
        ((7, 5), "sm_75 sm_80", True),
        ((8, 6), "sm_75 sm_80", True),  # Same major version, lower minor version.
        ((8, 0), "sm_86", False),
        ((6, 1), "sm_75 sm_80 sm_90", False),
        ((12, 1), "sm_90 compute_120", True),  # Compiled when loaded.
        ((12, 0), "sm_90", False),
        ((9, 0), "sm_90a", True),
        ((9, 5), "sm_90a", False),
        ((5, 3), "", False),
    ],
)
def test_a_build_runs_only_on_cards_it_has_kernels_for(capability, architectures, runs):
    assert cuda.runs_on(capability, tuple(architectures.split())) is runs
