import ctypes
import subprocess
import sys
import textwrap

import pytest
from helpers import toys

from dnnbench.core import isolation
from dnnbench.core.errors import DeviceError
from dnnbench.core.storage import RecordError, read_json
from dnnbench.devices.backends import Setup
from dnnbench.measure import control, memory, memory_profile
from dnnbench.networks import builders, registry
from dnnbench.records.memory_records import MemoryRecord

NETWORKS = registry.load_registry()


@pytest.fixture(scope="module", autouse=True)
def _prepared():
    isolation.prepare()
    builders.preload([NETWORKS["squeezenet1_1"]])


def plan(*networks, batch_sizes=(1,), **options):
    settings = {
        "device": "cpu",
        "setup": Setup("cpu"),
        "variant": "fp32-eager",
        "networks": {network.key: network for network in networks},
        "batch_sizes": list(batch_sizes),
        "threads": 2,
        "cell_timeout_s": 60,
    }
    return memory_profile.Plan(**(settings | options))


@pytest.fixture
def profile(tmp_path):
    """Measure one network and return its cells."""

    def cells(network, batch_sizes, **options):
        memory_profile.Profiles(
            plan(network, batch_sizes=batch_sizes, **options), tmp_path
        ).measure()
        return read_json(tmp_path / f"{network.key}.json", MemoryRecord).cells

    return cells


@pytest.mark.parametrize("batch_size", [1, 8])
def test_a_cell_repeats_within_2_mib(batch_size):
    arguments = (NETWORKS["squeezenet1_1"], batch_size, Setup("cpu"), 2)
    readings = [
        isolation.run(memory.measure, *arguments, timeout_s=60).value["memory_net_mib"]
        for _ in range(3)
    ]
    assert max(readings) - min(readings) <= 2


@pytest.fixture
def holes():
    """Leave eight holes of 32 MiB in this process's heap, like after a long history."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    blocks = [libc.malloc(64 * 1024) for _ in range(4096)]
    pins = [block for index, block in enumerate(blocks) if index % 512 == 0]
    for block in set(blocks) - set(pins):
        libc.free(ctypes.c_void_p(block))
    yield
    for block in pins:
        libc.free(ctypes.c_void_p(block))


def test_holes_in_the_parents_heap_do_not_change_the_result(request):
    def reading():
        arguments = (NETWORKS["squeezenet1_1"], 8, Setup("cpu"), 2)
        return isolation.run(memory.measure, *arguments, timeout_s=60).value["memory_net_mib"]

    before = reading()
    request.getfixturevalue("holes")
    assert reading() == pytest.approx(before, abs=3)


@pytest.mark.parametrize(
    "name", ["squeezenet1_1", pytest.param("shufflenet", marks=pytest.mark.slow)]
)
def test_a_fork_and_a_new_interpreter_agree_within_3_mib(name):
    # Both start like a stage script, without this process's fragmented heap.
    code = f"""
        from dnnbench.core import isolation
        from dnnbench.devices.backends import Setup
        from dnnbench.measure import memory
        from dnnbench.networks import builders, registry
        isolation.prepare()
        network = registry.load_registry()[{name!r}]
        builders.preload([network])
        arguments = (network, 8, Setup("cpu"), 2)
        forked = isolation.run(memory.measure, *arguments, timeout_s=100).value
        own = memory.measure(*arguments)
        print(forked["memory_net_mib"], own["memory_net_mib"])
    """
    words = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    forked, own = map(float, done.stdout.split())
    assert forked == pytest.approx(own, abs=3)


def test_memory_is_between_one_and_two_times_the_networks_tensors(profile):
    for cell in profile(NETWORKS["resnet18"], [1, 8]):
        floor = cell.weights_mib + cell.activations_mib
        assert 0.98 * floor <= cell.memory_mib <= 2 * floor
        assert cell.memory_basis == "net"
        assert cell.memory_mib == cell.memory_net_mib
        assert cell.memory_runtime_mib > 100  # Python and torch.


def test_activations_grow_with_the_batch_and_weights_do_not(profile):
    one, eight = profile(NETWORKS["squeezenet1_1"], [1, 8])
    assert eight.activations_mib == pytest.approx(8 * one.activations_mib)
    assert eight.weights_mib == one.weights_mib
    assert eight.memory_mib > one.memory_mib


def test_a_batch_that_does_not_fit_is_a_status_and_others_continue(profile):
    one, two, four = profile(toys.entry("greedy"), [4, 1, 2])
    assert [one.status, two.status, four.status] == ["ok", "oom", "oom"]
    assert four.memory_mib is None
    assert "allocate" in four.message


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("raising", "failed", "layer 3 has gone fishing"),
        ("crashing", "failed", "SIGSEGV"),
        ("hanging", "timeout", "3 s"),
    ],
)
def test_a_failing_network_is_recorded_with_status_and_message(profile, name, status, said):
    (cell,) = profile(toys.entry(name), [1], cell_timeout_s=3)
    assert cell.status == status
    assert said in cell.message


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("asking", "activations could not be counted: RuntimeError: Tensor.item() cannot"),
        ("dying_without_values", "activations could not be counted: killed by SIGSEGV"),
    ],
)
def test_measured_memory_is_kept_if_activations_cannot_be_counted(profile, name, said):
    (cell,) = profile(toys.entry(name), [1])
    assert (cell.status, cell.activations_mib) == ("ok", None)
    assert cell.memory_mib is not None
    assert cell.weights_mib == pytest.approx(9224 * 4 / 2**20)
    assert cell.message.startswith(said)


@pytest.mark.parametrize("name", ["subtracting", "reshaping", "as_mapping", "nothing"])
def test_the_memory_of_any_network_that_runs_is_measured(profile, name):
    (cell,) = profile(toys.entry(name), [2])
    assert (cell.status, cell.message) == ("ok", None)
    assert cell.activations_mib is not None


@pytest.fixture
def asked(monkeypatch):
    """Replace measurements; return the measured cells, in order. Each needs 1 MiB."""
    cells = []

    def run(function, network, batch_size, *arguments, **options):
        if function is memory.activations_mib:
            return isolation.Outcome("ok", 1.0, None, 0.1)
        cells.append((network.key, batch_size))
        value = {"memory_mib": 1.0, "memory_basis": "net"}
        return isolation.Outcome("ok", value, None, 0.1)

    monkeypatch.setattr(isolation, "run", run)
    monkeypatch.setattr(control, "check", lambda *_: None)
    return cells


def test_only_missing_cells_are_measured(tmp_path, asked):
    small, greedy = toys.entry("small"), toys.entry("greedy")
    memory_profile.Profiles(plan(small), tmp_path).measure()
    memory_profile.Profiles(plan(small), tmp_path).measure()
    assert asked == [("small", 1)]
    memory_profile.Profiles(plan(small, greedy, batch_sizes=[1, 2]), tmp_path).measure()
    assert asked == [("small", 1), ("small", 2), ("greedy", 1), ("greedy", 2)]
    record = read_json(tmp_path / "small.json", MemoryRecord)
    assert [cell.batch_size for cell in record.cells] == [1, 2]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "greedy.json",
        "small.json",
    ]


def test_batch_sizes_above_one_that_did_not_fit_are_not_tried(tmp_path, asked, monkeypatch):
    run = isolation.run

    def full(function, network, batch_size, *arguments, **options):
        found = run(function, network, batch_size, *arguments, **options)
        return found if batch_size < 4 else isolation.Outcome("oom", None, "CUDA: full", 0.1)

    monkeypatch.setattr(isolation, "run", full)
    small = toys.entry("small")
    memory_profile.Profiles(plan(small, batch_sizes=[1, 4]), tmp_path).measure()
    memory_profile.Profiles(plan(small, batch_sizes=[1, 4, 8, 2]), tmp_path).measure()
    assert asked == [("small", 1), ("small", 4), ("small", 2)]
    cells = read_json(tmp_path / "small.json", MemoryRecord).cells
    assert [(cell.batch_size, cell.status) for cell in cells] == [
        *((1, "ok"), (2, "ok")),
        *((4, "oom"), (8, "oom")),
    ]
    assert cells[3].message == "not tried: ran out of memory at batch size 4"


def test_a_changed_definition_or_number_of_threads_is_measured_again(tmp_path, asked):
    small = toys.entry("small")
    memory_profile.Profiles(plan(small), tmp_path).measure()
    larger = small.model_copy(update={"input_size": 64})
    assert memory_profile.Profiles(plan(larger), tmp_path).missing() == {"small": [1]}
    assert memory_profile.Profiles(plan(small, threads=1), tmp_path).missing() == {"small": [1]}
    renamed = small.model_copy(update={"name": "Small"})
    assert memory_profile.Profiles(plan(renamed), tmp_path).missing() == {}


def breaking(outcome, above=0):
    """Return a fake that gives ``outcome`` for batch sizes over ``above``."""
    run = isolation.run

    def answer(function, network, batch_size, *rest, **options):
        if batch_size > above:
            return outcome
        return run(function, network, batch_size, *rest, **options)

    return answer


FULL = isolation.Outcome("failed", None, "No space left on device", 0.1)


def test_a_timeout_is_retried_once_and_after_a_change_of_the_limit(tmp_path, asked, monkeypatch):
    late = isolation.Outcome("timeout", None, "took longer than 60 s", 60.0)
    monkeypatch.setattr(isolation, "run", breaking(late))
    small = toys.entry("small")
    memory_profile.Profiles(plan(small), tmp_path).measure()
    assert memory_profile.Profiles(plan(small), tmp_path).missing() == {"small": [1]}
    memory_profile.Profiles(plan(small), tmp_path).measure()
    (cell,) = read_json(tmp_path / "small.json", MemoryRecord).cells
    assert (cell.status, cell.failed_before) == ("timeout", "timeout: took longer than 60 s")
    assert memory_profile.Profiles(plan(small), tmp_path).missing() == {}
    longer = plan(small, cell_timeout_s=90)
    assert memory_profile.Profiles(longer, tmp_path).missing() == {"small": [1]}


def test_a_failed_cell_is_retried_by_the_next_run_with_the_reason(tmp_path, asked, monkeypatch):
    run = isolation.run
    monkeypatch.setattr(isolation, "run", breaking(FULL))
    small = toys.entry("small")
    memory_profile.Profiles(plan(small), tmp_path).measure()
    monkeypatch.setattr(isolation, "run", run)
    memory_profile.Profiles(plan(small, batch_sizes=[2]), tmp_path).measure()
    one, two = read_json(tmp_path / "small.json", MemoryRecord).cells
    assert (one.status, two.failed_before) == ("failed", None)  # Kept although not in the plan.
    memory_profile.Profiles(plan(small, batch_sizes=[1, 2]), tmp_path).measure()
    one, two = read_json(tmp_path / "small.json", MemoryRecord).cells
    assert (one.status, one.failed_before) == ("ok", "failed: No space left on device")
    assert asked == [("small", 2), ("small", 1)]


def test_finished_cells_are_kept_if_the_machine_fails_meanwhile(tmp_path, asked, monkeypatch):
    checks = iter([None, DeviceError("cpu: not even one convolution")])

    def check(*_):
        if error := next(checks):
            raise error

    monkeypatch.setattr(isolation, "run", breaking(FULL, above=1))
    monkeypatch.setattr(control, "check", check)
    small = plan(toys.entry("small"), batch_sizes=[1, 2])
    with pytest.raises(DeviceError):
        memory_profile.Profiles(small, tmp_path).measure()
    assert memory_profile.Profiles(small, tmp_path).missing() == {"small": [2]}


def test_an_interrupted_stage_keeps_finished_networks(tmp_path, asked, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    networks = [toys.entry("small"), toys.entry("greedy")]
    run = isolation.run
    monkeypatch.setattr(
        isolation,
        "run",
        lambda function, network, *arguments, **options: (
            interrupt if network.key == "greedy" else run
        )(function, network, *arguments, **options),
    )
    with pytest.raises(KeyboardInterrupt):
        memory_profile.Profiles(plan(*networks), tmp_path).measure()
    # Snakemake deletes the new outputs of an interrupted job.
    for path in tmp_path.glob("*.json"):
        path.unlink()
    profiles = memory_profile.Profiles(plan(*networks), tmp_path)
    assert profiles.missing() == {"greedy": [1]}
    monkeypatch.setattr(isolation, "run", run)
    profiles.measure()
    assert asked == [("small", 1), ("greedy", 1)]
    assert {path.stem for path in tmp_path.glob("*.json")} == {"small", "greedy"}
    assert not (tmp_path / ".finished").exists()


def test_outdated_leftovers_of_an_interrupted_stage_are_not_used(tmp_path, asked):
    small = toys.entry("small")
    memory_profile.Profiles(plan(small, threads=1), tmp_path).measure()
    left = tmp_path / ".finished/small.json"
    left.parent.mkdir(exist_ok=True)
    (tmp_path / "small.json").rename(left)
    memory_profile.Profiles(plan(small), tmp_path).measure()
    assert read_json(tmp_path / "small.json", MemoryRecord).threads == 2


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / "small.json").write_text('{"schema_version": 1}')
    with pytest.raises(RecordError, match=r"small\.json: device.*Remove it"):
        memory_profile.Profiles(plan(toys.entry("small")), tmp_path)
