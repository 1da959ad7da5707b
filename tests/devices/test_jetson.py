import os
import threading
import time

import pytest
from helpers import boards, toys
from helpers.timings import line, seen

from dnnbench.config.gpu_settings import Gpu
from dnnbench.config.latency_settings import PROTOCOLS
from dnnbench.core import isolation
from dnnbench.core.errors import DeviceError
from dnnbench.core.storage import read_json
from dnnbench.devices import backends, host, jetson, shared_memory, torch_gpu
from dnnbench.devices.backends import Setup
from dnnbench.devices.jetson import Jetson, runs_on
from dnnbench.devices.runtime import Peaks, Visible, VisibleCard
from dnnbench.devices.sampling import Sample
from dnnbench.devices.shared_memory import SharedMemory
from dnnbench.devices.tegra import Board
from dnnbench.measure import latency, memory, memory_profile
from dnnbench.records.environment_records import Environment
from dnnbench.records.memory_records import MemoryCell, MemoryRecord
from dnnbench.stats import disturbance
from dnnbench.stats.disturbance import MAX_CLOCK_DROP

ORIN = Visible(
    cards=(VisibleCard("Orin", "GPU-1", (0, 0, 0), (8, 7)),),
    torch="2.6.0",
    cuda="12.6",
    cudnn="90300",
    architectures=("sm_80", "sm_87"),
)


class Runtime:
    """A runtime that runs on the CPU: passes are synchronous, events read the host's clock."""

    torch_device = "cpu"

    def __init__(self, visible=ORIN):
        self._visible = visible
        self.free = 5000.0

    def visible(self):
        return self._visible

    def use(self, index):
        assert index == 0

    def event(self):
        return Event()

    def synchronize(self):
        pass

    def wall_ms(self):
        return time.perf_counter_ns() / 1e6

    def peaks(self):
        return Peaks(30, 40)

    def reset_peaks(self):
        pass

    def release(self):
        pass

    def free_mib(self):
        return self.free


class Event:
    def record(self):
        self.at_ms = time.perf_counter_ns() / 1e6

    def elapsed_time(self, end):
        return end.at_ms - self.at_ms


@pytest.fixture(scope="module", autouse=True)
def _prepared():
    isolation.prepare()


@pytest.fixture(autouse=True)
def _small_kernels(monkeypatch):
    monkeypatch.setattr(torch_gpu.References, "size", 64)
    monkeypatch.setattr(torch_gpu.References, "copied_mib", 1)
    monkeypatch.setattr(torch_gpu, "_REFERENCE_MS", 1.0)
    monkeypatch.setattr(shared_memory, "_NOISE_S", 0.0)


@pytest.fixture
def make(tmp_path):
    """Make a Jetson from a tree of kernel files in ``folder``."""

    def made(tree=boards.orin_nano, gpu=None, visible=ORIN, folder=".", **options):
        root = tree(tmp_path / folder, **options)
        return Jetson(gpu, Runtime(visible), root, Board(root, query=lambda: None))

    return made


# Before anything is measured ------------------------------------------------------------------


def test_preflight_accepts_an_orin_with_suitable_kernels(make):
    make().preflight()
    make(boards.bare, folder="bare").preflight()


def test_a_machine_that_is_not_a_jetson_is_rejected(tmp_path):
    for question in (Jetson.preflight, Jetson.describe):
        with pytest.raises(DeviceError, match=r"this machine is not a Jetson.*--profile cpu"):
            question(Jetson(None, Runtime(), tmp_path))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cuda": None}, "torch 2.6.0 is built without CUDA"),
        ({"cards": ()}, "finds no CUDA device"),
        ({"architectures": ("sm_80", "sm_90")}, "8.7: torch 2.6.0 has kernels only for sm_80"),
        ({"architectures": ()}, "kernels only for CPUs"),
    ],
)
def test_an_unsuitable_torch_is_a_one_line_error_with_a_remedy(make, changes, said):
    with pytest.raises(DeviceError) as raised:
        make(visible=Visible(**(vars(ORIN) | changes))).preflight()
    text = str(raised.value)
    assert text.startswith("NVIDIA Jetson Orin Nano Developer Kit: ")
    assert said in text
    assert "Install NVIDIA's build of torch for this JetPack" in text
    assert "\n" not in text


def test_a_board_without_torch_for_python_3_11_is_rejected(make):
    with pytest.raises(DeviceError, match=r"^jetson_tx1: .*JetPack 6 .* L4T 28\.2\.0 is older"):
        make(boards.tx1, visible=Visible(**(vars(ORIN) | {"cuda": None}))).preflight()


@pytest.mark.parametrize(
    ("capability", "architectures", "fits"),
    [
        ((8, 7), ("sm_87",), True),
        ((8, 7), ("sm_80", "sm_86"), False),  # These would run on a card.
        ((8, 7), ("sm_80", "compute_80"), True),
        ((8, 7), ("sm_90", "compute_90"), False),
        ((8, 7), ("compute_90a",), False),
        ((5, 3), ("sm_53",), True),
        ((8, 7), (), False),
    ],
)
def test_machine_code_runs_only_on_a_tegra_of_the_same_capability(capability, architectures, fits):
    assert runs_on(capability, architectures) is fits


def test_floating_clocks_are_refused_if_the_device_file_says_so(make):
    refuse = Gpu(when_clocks_float="refuse")
    with pytest.raises(
        DeviceError, match=r"GPU clock floats between 306 and 624\.75 MHz.*jetson_clocks"
    ):
        make(gpu=refuse, locked=False).check_clocks(MAX_CLOCK_DROP)
    make(gpu=Gpu(when_clocks_float="flag"), locked=False).check_clocks(MAX_CLOCK_DROP)
    make(gpu=refuse, locked=True).check_clocks(MAX_CLOCK_DROP)


def test_a_core_with_a_floating_clock_is_named(make, tmp_path):
    on = make(gpu=Gpu(when_clocks_float="refuse"))
    boards.write(tmp_path, {"sys/devices/system/cpu/cpu3/cpufreq/scaling_min_freq": 115_200})
    with pytest.raises(DeviceError, match=r"core 3 floats between 115\.2 and 1510\.4 MHz"):
        on.check_clocks(MAX_CLOCK_DROP)


def test_the_default_threads_are_the_big_cores_available_to_this_process(make, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 9})
    assert make().default_threads() == 3


def test_the_environment_contains_what_a_paper_needs(make):
    found = make(gpu=Gpu(deterministic=True)).describe()
    details = found["gpu_details"]
    assert found["gpu"] == "NVIDIA Jetson Orin Nano Developer Kit"
    assert found["driver"] == "L4T 36.3.0"
    assert (found["cores"], found["governor"]) == (6, "schedutil")
    assert details.power_mode == "7W (1)"
    assert details.clocks_locked is True
    assert (details.clock_mhz, details.max_clock_mhz) == (624.75, 624.75)
    assert (details.compute_capability, details.cuda, details.cudnn) == ("8.7", "12.6", "90300")
    assert details.memory_mib == pytest.approx(7620)
    assert details.settings["deterministic"] is True and "select" not in details.settings
    assert found.keys() <= set(Environment.model_fields)


def test_use_of_the_gpu_by_others_counts_as_busy(make, tmp_path, monkeypatch):
    on = make()
    monkeypatch.setattr(host, "others_busy", lambda seconds: (0.1, "cc1 (pid 7)"))
    assert on.others_busy(0) == (pytest.approx(0.437), "GPU processes")
    boards.write(tmp_path, {"sys/class/devfreq/17000000.gpu/device/load": 20})
    assert on.others_busy(0) == (0.1, "cc1 (pid 7)")
    (tmp_path / "sys/class/devfreq/17000000.gpu/device/load").unlink()
    monkeypatch.setattr(host, "others_busy", lambda seconds: (0.01, "cc1 (pid 7)"))
    assert on.others_busy(0) == (None, "cc1 (pid 7)")


def test_the_wait_for_a_hot_gpu_is_limited(make, monkeypatch):
    slept = []
    on = make(gpu=Gpu(cool_down_c=45, cool_down_limit_s=30))
    monkeypatch.setattr(time, "monotonic", lambda: sum(slept))
    monkeypatch.setattr(time, "sleep", slept.append)
    on.settle()  # The temperature stays at 48.6 degrees.
    assert sum(slept) == 30
    slept.clear()
    make(gpu=Gpu(cool_down_c=50)).settle()
    make(boards.bare, gpu=Gpu(cool_down_c=40), folder="bare").settle()  # Has no temperature sensor.
    assert slept == []


# Batches that would bring down the board -------------------------------------------------------


def cell(batch_size, net):
    """Make a cell with weights 100, activations 50 per image, runtime 400 MiB."""
    return MemoryCell(
        batch_size=batch_size,
        status="ok",
        memory_mib=400 + net,
        memory_net_mib=net,
        memory_runtime_mib=400,
        weights_mib=100,
        activations_mib=50 * batch_size,
    )


def test_a_batch_is_refused_based_on_the_networks_earlier_memory(make, tmp_path):
    on, network = make(), toys.entry("small")
    seen = [cell(8, net=1000)]  # Factor 2, so 400 + 2 x (100 + 800) = 2200 at batch size 16.
    reserve = 0.05 * 7620
    boards.meminfo(tmp_path, 2200 + reserve + 1)
    assert on.refuses(network, 16, seen) is None
    boards.meminfo(tmp_path, 2200 + reserve - 1)
    said = on.refuses(network, 16, seen)
    assert "needs 2200 MiB" in said and "runtime 400 + 2.00 x" in said
    assert "381 MiB reserved for the system" in said


def test_an_unmeasured_network_is_refused_if_not_even_its_tensors_fit(make, tmp_path):
    on, network = make(), toys.entry("small")
    weights, activations = isolation.run(jetson.headroom.floor, network, 4096, timeout_s=60).value
    need = weights + activations + 0.05 * 7620
    boards.meminfo(tmp_path, need + 1)
    assert on.refuses(network, 4096, []) is None
    boards.meminfo(tmp_path, need - 1)
    assert "activations" in on.refuses(network, 4096, [])


def test_nothing_is_refused_if_the_kernel_reports_no_memory(make, tmp_path):
    on = make()
    (tmp_path / "proc/meminfo").unlink()
    assert on.refuses(toys.entry("small"), 16, [cell(8, net=1e9)]) is None


# Memory -----------------------------------------------------------------------------------------


class Falling(Board):
    """A board whose available memory the test sets, and which signals each reading."""

    def __init__(self, root):
        super().__init__(root)
        self.mib = 6000.0
        self.noise = [0.0]
        self._read = threading.Event()

    def available_mib(self):
        self._read.set()
        self.noise.append(self.noise.pop(0))
        return self.mib + self.noise[0]

    def falls_to(self, mib):
        """Set the available memory, and wait until it has been read."""
        self.mib = mib
        self._read.clear()
        assert self._read.wait(30)


def test_memory_is_the_largest_drop_since_before_gpu_use(tmp_path):
    board, runtime = Falling(boards.orin_nano(tmp_path)), Runtime()
    start = shared_memory.before(board)
    board.noise = [0.0, -3.0, 2.0]
    meter = SharedMemory(board, runtime, start)
    board.noise = [0.0]
    board.mib = 5600
    assert meter.baseline_mib() == 400
    board.falls_to(4900)
    meter.first_pass_done()
    board.falls_to(5200)
    runtime.free = 4400
    boards.meminfo(tmp_path, 0, swap_used_mib=30)
    reading = meter.reading()
    assert reading["memory_mib"] == 1100
    assert reading["memory_net_mib"] == 700
    assert reading["memory_basis"] == "net"
    assert reading["noise_mib"] == 5
    assert reading["cuda_free_fall_mib"] == 600
    assert reading["swapped_mib"] == 30 and "30 MiB were swapped out" in reading["message"]
    assert reading["reserved_peak_mib"] == reading["first_call_peak_mib"] == 40
    assert MemoryCell(batch_size=1, status="ok", **reading).memory_mib == 1100


def test_a_board_that_gains_memory_meanwhile_has_no_negative_drop(tmp_path):
    board = Falling(boards.orin_nano(tmp_path))
    meter = SharedMemory(board, Runtime(), shared_memory.before(board))
    board.mib = 6100
    assert meter.baseline_mib() == 0
    board.mib = 6300
    meter.first_pass_done()
    reading = meter.reading()
    assert reading["memory_mib"] == reading["memory_net_mib"] == 0
    assert reading["swapped_mib"] == 0 and "message" not in reading


def test_a_kernel_without_memavailable_ends_the_run(tmp_path):
    with pytest.raises(DeviceError, match="MemAvailable"):
        shared_memory.before(Board(tmp_path))


def test_the_memory_stage_runs_as_a_whole(make, tmp_path, monkeypatch):
    on = make()
    boards.meminfo(tmp_path, available_mib=2000)
    monkeypatch.setattr(backends, "backend", lambda setup: on)
    plan = memory_profile.Plan(
        device="orin",
        setup=Setup("jetson"),
        variant="fp32-eager",
        networks={"small": toys.entry("small")},
        batch_sizes=[1, 2, 2**16],
        threads=1,
        cell_timeout_s=60,
    )
    memory_profile.Profiles(plan, tmp_path / "memory").measure()
    one, two, many = read_json(tmp_path / "memory/small.json", MemoryRecord).cells
    assert one.status == two.status == "ok"
    assert (
        one.memory_basis == "net" and one.memory_mib == one.noise_mib == 0
    )  # The simulated file does not change.
    assert many.status == "oom" and many.message.startswith("predicted, not tried: needs")


# Latency ----------------------------------------------------------------------------------------


def timed(on, monkeypatch):
    monkeypatch.setattr(backends, "backend", lambda setup: on)
    # This is not a measuring process: pytest keeps its own priority.
    monkeypatch.setattr(latency.priority, "raise_priority", lambda: "normal")
    passes = PROTOCOLS["default"].model_copy(update={"samples": (2, 2)})
    (timing,) = latency.measure(toys.entry("small"), [1], passes, Setup("jetson"), 1)
    assert timing.status == "ok"
    return timing


def test_a_cell_records_the_boards_readings_during_its_passes(make, monkeypatch):
    seen = timed(make(), monkeypatch).disturbance
    assert seen.clock_mhz == (624.75, 624.75)
    assert seen.temperature_c == pytest.approx(48.562)
    assert seen.power_w == pytest.approx(5.056)
    assert seen.clocks_locked is True
    assert seen.clock_reasons == []
    assert seen.swapped_mib == 0
    assert seen.foreign_processes is None
    assert seen.memory_clock_mhz is None


def test_a_board_without_sensors_leaves_their_fields_empty(make, monkeypatch):
    timing = timed(make(boards.bare), monkeypatch)
    assert timing.energy is None
    assert timing.disturbance.power_w is timing.disturbance.temperature_c is None


def test_floating_clocks_are_recorded(make, monkeypatch):
    assert timed(make(locked=False), monkeypatch).disturbance.clocks_locked is False


def test_throttling_and_power_supply_events_disturb_a_process(make, tmp_path):
    on = make()
    events = "sys/class/hwmon/hwmon5"
    counts = {f"{events}/oc1_event_cnt": 0, f"{events}/oc2_event_cnt": 15}
    boards.write(tmp_path, {f"{events}/name": "soctherm_oc", **counts})
    on.start(1)
    assert on._sample().clock_reasons == frozenset()
    boards.write(tmp_path, {f"{events}/oc2_event_cnt": 16})
    assert on._sample().clock_reasons == {"average over-current"}
    boards.write(tmp_path, {"sys/class/devfreq/17000000.gpu/cur_freq": 510_000_000})
    found = on._sample().clock_reasons
    assert found == {"average over-current", "510 MHz instead of the locked 624.75 MHz"}
    throttled = quiet(clock_reasons=sorted(found), clock_mhz=(510, 624.75))
    held, dropped = disturbance.reasons(throttled, {})
    assert "510 MHz instead of the locked 624.75 MHz, average over-current" in held
    assert "from 624.75 to 510 MHz" in dropped
    assert disturbance.severity(throttled, {}) > 1


def quiet(**changes):
    return line(1, 10.0, disturbance=seen(**changes))


def test_swapping_disturbs_a_process():
    assert disturbance.reasons(quiet(swapped_mib=0.5), {}) == []
    assert disturbance.reasons(quiet(swapped_mib=30), {}) == ["30 MiB were swapped out"]
    assert disturbance.severity(quiet(swapped_mib=30), {}) > 1


def test_energy_is_the_modules_power_times_the_latency_per_image(make, monkeypatch):
    on = make()
    on.start(1)
    clock = iter(range(10**6))
    monkeypatch.setattr(on._runtime, "wall_ms", lambda: 1000.0 * next(clock))
    samples = [Sample(at_s=float(k), power_w=on._sample().power_w) for k in range(20)]
    monkeypatch.setattr(torch_gpu.Sampler, "stop", lambda self: samples)
    # The clock shows 1000 ms for two passes of 5 images: 100 ms per image at 5.056 W.
    found = on.energy(lambda: None, 5, 500.0)
    assert found.mj == pytest.approx(505.6)
    assert found.basis == "power"


def test_memory_is_measured_in_a_forked_child(make, monkeypatch):
    on = make()
    monkeypatch.setattr(backends, "backend", lambda setup: on)
    outcome = isolation.run(
        memory.measure, toys.entry("small"), 2, Setup("jetson"), 1, timeout_s=60
    )
    assert outcome.status == "ok", outcome.message
    assert outcome.value["memory_runtime_mib"] == 0
