import pytest
from helpers import toys

from dnnbench.config.latency_settings import PROTOCOLS, Passes
from dnnbench.core import isolation
from dnnbench.devices.backends import Setup
from dnnbench.measure import latency


@pytest.fixture(scope="module", autouse=True)
def _prepared():
    isolation.prepare()


ONE_TO_THREE = Passes(rounds=1, discard=1, samples=(1, 3), one_process="cell")


def measure(name, batch_sizes=(2,), passes=ONE_TO_THREE):
    outcome = isolation.run(
        latency.measure, toys.entry(name), list(batch_sizes), passes, Setup("cpu"), 2, timeout_s=60
    )
    assert outcome.status == "ok", outcome.message
    return outcome.value


def test_short_passes_are_sampled_up_to_the_maximum():
    (timing,) = measure("small")
    assert timing.status == "ok"
    assert timing.output_ok is True
    assert len(timing.discarded_ms) == 3
    assert len(timing.samples_ms) == 3
    assert min(timing.samples_ms) > 0


def test_long_passes_are_sampled_only_the_minimum(monkeypatch):
    monkeypatch.setattr(latency, "_WARM_UP_MS", 0.0)
    monkeypatch.setattr(latency, "_TIMED_MS", 0.0)
    passes = Passes(rounds=1, discard=2, samples=(2, 50), one_process="cell")
    (timing,) = measure("small", passes=passes)
    assert len(timing.discarded_ms) == 2
    assert len(timing.samples_ms) == 2


def test_the_2018_protocol_discards_ten_and_times_ten_in_one_process():
    timings = measure("small", [1, 2, 4], PROTOCOLS["bianco2018"])
    assert [len(timing.discarded_ms) for timing in timings] == [10, 10, 10]
    assert [len(timing.samples_ms) for timing in timings] == [10, 10, 10]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("infinite", "output: contains NaN or infinity"),
        ("headless", "output: shape (2, 10), expected (2, 1000)"),
        ("fickle", "from an untimed pass"),
    ],
)
def test_a_wrong_output_is_a_failure(name, said):
    (timing,) = measure(name)
    assert timing.status == "failed"
    assert timing.output_ok is False
    assert said in timing.message


@pytest.mark.parametrize(
    "name",
    [
        *("rectifying", "subtracting", "scaling", "clamping_a_view", "filling", "marking"),
        *("reshaping", "changing_late", "changing_and_naming"),
    ],
)
def test_a_network_that_modifies_its_input_gets_a_copy_for_each_pass(name):
    (timing,) = measure(name)
    assert (timing.status, timing.message) == ("ok", None)
    assert timing.changes_input is True
    assert (len(timing.discarded_ms), len(timing.samples_ms)) == (3, 3)


@pytest.mark.parametrize("name", ["normed", "counting_passes", "caching", "as_mapping"])
def test_a_network_that_keeps_its_input_gets_the_same_images_in_all_passes(name):
    (timing,) = measure(name)
    assert (timing.status, timing.message, timing.changes_input) == ("ok", None, False)


def test_all_passes_of_a_network_that_modifies_its_input_get_equal_images(monkeypatch):
    seen = []

    class Seeing(toys.First):
        def forward(self, images):
            seen.append(images.clone())
            return super().forward(images)

    monkeypatch.setattr(toys, "First", Seeing)
    monkeypatch.setattr(toys, "seeing", lambda: toys.subtracting(), raising=False)

    def passes():
        (timing,) = latency.measure(toys.entry("seeing"), [2], ONE_TO_THREE, Setup("cpu"), 2)
        return timing.samples_ms, [float(images.sum()) for images in seen]

    samples, sums = isolation.run(passes, timeout_s=60).value
    # Three passes to detect the change, three untimed passes, and the timed passes.
    assert len(sums) == 3 + 3 + len(samples)
    assert len({sums[0], *sums[3:]}) == 1


def test_an_output_that_depends_on_earlier_passes_is_a_failure_naming_the_state():
    (timing,) = measure("remembering")
    assert timing.status == "failed"
    assert "from an untimed pass" in timing.message
    assert timing.message.endswith("; a pass modifies the network's own passes")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("two_outputs", "output: tuple of 0 [2, 1000], 1 [2, 8]: not logits. Return"),
        ("nothing", "output: NoneType: not logits. Return [N, classes] logits from forward"),
    ],
)
def test_an_output_without_logits_is_a_one_line_failure(name, said):
    (timing,) = measure(name)
    assert timing.status == "failed"
    assert timing.message.startswith(said)


@pytest.mark.parametrize("name", ["as_tuple", "as_named_tuple", "as_model_output"])
def test_logits_inside_a_structured_output_are_found(name):
    (timing,) = measure(name)
    assert (timing.status, timing.message) == ("ok", None)


def test_a_failing_batch_size_does_not_stop_the_others():
    timings = measure("greedy", [1, 2, 1, 4])
    assert [timing.status for timing in timings] == ["ok", "oom", "ok", "oom"]
    assert timings[3].message == "not tried: ran out of memory at batch size 2"


def test_an_exception_in_a_pass_is_a_failure_with_its_traceback_in_the_log(capfd):
    (timing,) = measure("raising")
    assert (timing.status, timing.message) == (
        "failed",
        "RuntimeError: layer 3 has gone fishing",
    )
    assert "in refuse" in capfd.readouterr().err


def test_disturbance_is_recorded():
    seen = measure("small")[0].disturbance
    assert min(*seen.reference_compute_ms, *seen.reference_memory_ms) > 0
    assert 0 <= seen.steal <= 1
    assert seen.run_delay >= 0


def test_a_network_that_reduces_the_threads_is_a_failure():
    (timing,) = measure("single")
    assert timing.status == "failed"
    assert "threads: 2: the network sets torch's threads to 1" in timing.message
