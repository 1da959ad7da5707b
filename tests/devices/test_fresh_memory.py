"""Memory that a virtual machine's host has taken back, and its effect on a timed pass."""

import pytest
from helpers import toys

from dnnbench.config.latency_settings import PROTOCOLS
from dnnbench.core import isolation
from dnnbench.devices import fresh_memory
from dnnbench.devices.backends import Setup
from dnnbench.measure import latency

PASS_MS, COLD_MS = 20.0, 0.5  # A pass with warm memory; more per MiB that the host has to back.
PASS_MIB = 40
# Free blocks of 1, 2, 4 ... 1,024 pages of 4 KiB: 1 and 257 MiB in blocks below 2 MiB.
BUDDYINFO = """\
Node 0, zone      DMA      0      0      0      0      0      0      0      0      1      1      3
Node 0, zone   Normal    128     64     32     16      8      4      2      1    253      0   1432
"""


@pytest.fixture(autouse=True)
def free_blocks(monkeypatch, tmp_path):
    """Let the machine have no small free blocks; return the file to change that."""
    file = tmp_path / "buddyinfo"
    file.write_text("")
    monkeypatch.setattr(fresh_memory, "_BUDDYINFO", file)
    return file


class Guest:
    """A virtual machine whose free memory the host has taken back, except ``backed_mib``.

    Memory that was freed last is handed out first, as by the kernel's allocator.
    """

    def __init__(self, backed_mib: float) -> None:
        self.backed_mib = backed_mib

    def take(self, mib: float) -> float:
        """Take and free ``mib``; return how many of them the host did not back before."""
        cold = max(0.0, mib - self.backed_mib)
        self.backed_mib = max(self.backed_mib, mib)
        return cold

    def touch_ms(self, mib: int) -> float:
        """Return the time to touch ``mib``, per 64 MiB."""
        return 3.0 + 64 * COLD_MS * self.take(mib) / mib

    def pass_ms(self) -> float:
        """Return the duration of a network's pass.

        A fresh process gets other pages than those that an earlier pass freed.
        """
        return PASS_MS + COLD_MS * self.take(PASS_MIB)


@pytest.fixture
def guest(monkeypatch):
    made = Guest(backed_mib=0)
    monkeypatch.setattr(fresh_memory, "_touch_ms", made.touch_ms)
    monkeypatch.setattr(
        fresh_memory, "status_mib", {"VmHWM": 100 + PASS_MIB, "VmRSS": 100}.__getitem__
    )
    return made


def test_a_pass_after_touching_takes_as_long_as_in_a_long_lived_process(guest):
    cold = Guest(backed_mib=0).pass_ms()
    fresh_memory.settle(PASS_MIB)
    assert cold == PASS_MS + COLD_MS * PASS_MIB
    assert guest.pass_ms() == PASS_MS


def test_cold_memory_shows_in_the_first_touch_and_not_in_the_last(guest):
    first, last = fresh_memory.settle(PASS_MIB)
    assert first == 3.0 + 64 * COLD_MS
    assert last == 3.0


def test_memory_that_stays_cold_is_touched_a_few_times_and_shows_in_the_last_touch(monkeypatch):
    times = [32.0, 20.0, 12.0, 7.0, 3.0]
    monkeypatch.setattr(fresh_memory, "_touch_ms", lambda mib: times.pop(0))
    assert fresh_memory.settle(PASS_MIB) == (32.0, 7.0)


def test_memory_that_cannot_be_mapped_leaves_the_time_unknown(monkeypatch):
    def refuse(mib):
        raise OSError("Cannot allocate memory")

    monkeypatch.setattr(fresh_memory, "_touch_ms", refuse)
    assert fresh_memory.settle(PASS_MIB) is None


@pytest.mark.parametrize("error", [RuntimeError("no VmHWM"), PermissionError(13, "denied")])
def test_a_kernel_that_hides_memory_leaves_the_time_unknown(monkeypatch, error):
    def hidden(key):
        raise error

    monkeypatch.setattr(fresh_memory, "status_mib", hidden)
    assert fresh_memory.settle(PASS_MIB) is None


def test_a_machine_without_available_memory_is_touched_by_one_mib(monkeypatch):
    touched = []
    monkeypatch.setattr(fresh_memory, "available_mib", lambda: 0.0)
    monkeypatch.setattr(fresh_memory, "_touch_ms", lambda mib: touched.append(mib) or 3.0)
    fresh_memory.settle(PASS_MIB)
    assert set(touched) == {1}


def test_hardly_more_memory_is_touched_than_a_pass_has_used(monkeypatch):
    # In a container whose limit the pass nearly reached, more would kill the process.
    touched = []
    monkeypatch.setattr(fresh_memory, "status_mib", {"VmHWM": 900, "VmRSS": 300}.__getitem__)
    monkeypatch.setattr(fresh_memory, "_touch_ms", lambda mib: touched.append(mib) or 3.0)
    fresh_memory.settle(PASS_MIB)
    assert set(touched) == {664}


@pytest.mark.parametrize(("mapped_mib", "needed"), [(63, False), (65, True), (1000, True)])
def test_memory_is_touched_unless_blocks_that_no_host_takes_back_suffice(
    free_blocks, guest, mapped_mib, needed
):
    free_blocks.write_text(BUDDYINFO)
    assert fresh_memory._small_blocks_mib() == 258.0
    assert (fresh_memory.settle(mapped_mib) is not None) is needed


@pytest.mark.parametrize("content", [None, "", "Node 0, zone Normal none\n"])
def test_unknown_free_blocks_do_not_suffice(free_blocks, content):
    if content is None:
        free_blocks.unlink()
    else:
        free_blocks.write_text(content)
    assert fresh_memory._small_blocks_mib() == 0.0


def test_real_memory_is_touched_after_the_warm_up_and_its_time_recorded():
    isolation.prepare()
    outcome = isolation.run(
        *(latency.measure, toys.entry("small"), [1], PROTOCOLS["default"], Setup("cpu"), 1),
        timeout_s=60,
    )
    (timing,) = outcome.value
    assert min(timing.disturbance.touch_ms) > 0
    assert timing.page_faults >= 0
    assert timing.system_ms >= 0
