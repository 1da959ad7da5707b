"""Effects of the machine's state on the processes of a session."""

import numpy as np
import pytest
from helpers import timings

from dnnbench.stats import adjustment


def processes(seed, cells=40, each=6):
    """Return the cell of each process in order of time, and a generator."""
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(cells) for _ in range(each)])
    return order, rng


def test_the_effect_of_a_signal_is_recovered():
    cells, rng = processes(seed=1)
    signal = rng.normal(0, 0.1, len(cells))
    logs = cells + 0.8 * signal + rng.normal(0, 0.01, len(cells))
    found = adjustment.adjust(logs, cells, signal[:, None])
    assert found.effect == pytest.approx(0.8 * (signal - signal.mean()), abs=0.02)


def test_a_signal_that_falls_where_latency_rises_has_no_effect():
    cells, rng = processes(seed=2)
    signal = rng.normal(0, 0.1, len(cells))
    found = adjustment.adjust(cells - 0.8 * signal, cells, signal[:, None])
    assert abs(np.corrcoef(found.effect, signal)[0, 1]) < 0.2


def test_processes_nearby_in_time_show_a_neighbor_without_any_signal():
    cells, rng = processes(seed=3)
    slower = 0.2 * (np.arange(len(cells)) // 60 % 2)
    logs = cells + slower + rng.normal(0, 0.02, len(cells))
    found = adjustment.adjust(logs, cells, np.empty((len(cells), 0)))
    assert np.corrcoef(found.effect, slower)[0, 1] > 0.9


def test_cells_that_feel_three_times_the_effect_have_a_higher_sensitivity():
    cells, rng = processes(seed=4, each=12)
    signal = rng.normal(0, 0.1, len(cells))
    feels = np.where(cells % 2, 1.5, 0.5)
    logs = cells + feels * signal + rng.normal(0, 0.01, len(cells))
    found = adjustment.adjust(logs, cells, signal[:, None])
    odd, even = found.sensitivity[1::2].mean(), found.sensitivity[::2].mean()
    # Drawn toward each other.
    assert 2 < odd / even < 3


def test_a_signal_that_some_lines_lack_is_ignored():
    lines = [timings.line(round_, 10.0) for round_ in (1, 2)]
    lines[0] = lines[0].model_copy(update={"disturbance": timings.seen(run_delay=0.2)})
    # The references are the same in both lines.
    assert adjustment.signals(lines) == pytest.approx(np.log1p([[0.2], [0.001]]))
    lines[1] = lines[1].model_copy(update={"disturbance": None})
    assert adjustment.signals(lines).shape == (2, 0)
