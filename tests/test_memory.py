import subprocess
import sys
import textwrap

import pytest
import toys

from dnnbench import isolation, memory, records, registry

NETWORKS = registry.load_registry()


@pytest.fixture(scope="module", autouse=True)
def _prepared():
    isolation.prepare()
    registry.preload([NETWORKS["squeezenet1_1"]])


def profile(network, batch_sizes, **options):
    settings = {"device": "cpu", "backend": "cpu", "variant": "fp32-eager", "threads": 2}
    return memory.profile(network, batch_sizes, **settings, **({"cell_timeout_s": 60} | options))


def net_mib(name, batch_size):
    (cell,) = profile(NETWORKS[name], [batch_size]).cells
    assert cell.status == "ok"
    return cell.memory_net_mib


@pytest.mark.parametrize("batch_size", [1, 8])
def test_a_cell_repeats_within_2_mib(batch_size):
    readings = [net_mib("squeezenet1_1", batch_size) for _ in range(3)]
    assert max(readings) - min(readings) <= 2


@pytest.mark.parametrize("name", ["squeezenet1_1", "shufflenet"])
def test_a_fork_and_a_new_interpreter_agree_within_3_mib(name):
    # Both start as a stage script does, not from the heap that this process has by now.
    code = f"""
        import sys
        from dnnbench import isolation, memory, registry
        isolation.prepare()
        network = registry.load_registry()[{name!r}]
        registry.preload([network])
        arguments = (network, 8, "cpu", 2)
        if sys.argv[1] == "fork":
            cell = isolation.run(memory.measure, *arguments, timeout_s=100).value
        else:
            cell = memory.measure(*arguments)
        print(cell["memory_net_mib"])
    """

    def reading(how):
        words = [sys.executable, "-c", textwrap.dedent(code), how]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        return float(done.stdout)

    assert reading("fork") == pytest.approx(reading("new"), abs=3)


def test_what_a_network_needs_lies_between_its_tensors_and_twice_that():
    for cell in profile(NETWORKS["resnet18"], [1, 8]).cells:
        floor = cell.weights_mib + cell.activations_mib
        assert 0.98 * floor <= cell.memory_mib <= 2 * floor
        assert cell.memory_basis == "net"
        assert cell.memory_mib == cell.memory_net_mib
        assert cell.memory_runtime_mib > 100  # Python and torch.


def test_activations_grow_with_the_batch_and_weights_do_not():
    one, eight = profile(NETWORKS["squeezenet1_1"], [1, 8]).cells
    assert eight.activations_mib == pytest.approx(8 * one.activations_mib)
    assert eight.weights_mib == one.weights_mib
    assert eight.memory_mib > one.memory_mib


def test_a_batch_that_does_not_fit_is_a_status_and_the_rest_go_on():
    cells = profile(toys.entry("greedy"), [4, 1, 2]).cells
    assert [cell.status for cell in cells] == ["oom", "ok", "oom"]
    assert cells[0].memory_mib is None
    assert "allocate" in cells[0].message


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("raising", "failed", "layer 3 has gone fishing"),
        ("crashing", "failed", "SIGSEGV"),
        ("hanging", "timeout", "3 s"),
    ],
)
def test_a_network_that_breaks_is_a_status_with_its_message(name, status, said):
    (cell,) = profile(toys.entry(name), [1], cell_timeout_s=3).cells
    assert cell.status == status
    assert said in cell.message


def test_a_record_reads_back_equal(tmp_path):
    record = profile(toys.entry("small"), [1, 2])
    file = tmp_path / "small.json"
    records.write_json(file, record)
    assert records.read_json(file, records.MemoryRecord) == record
