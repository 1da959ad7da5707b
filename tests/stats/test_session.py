"""Latencies of a session's cells, estimated together."""

import pytest
from helpers import timings

from dnnbench.stats import intervals, session

TIMES = {"resnet18": [10.0, 10.4, 9.9, 10.1, 10.2], "vgg16": [50.0, 52.0, 49.0, 53.0, 51.0]}


def lines(**changes):
    return [
        timings.line(round_, time, model=model, **changes)
        for model, times in TIMES.items()
        for round_, time in enumerate(times, 1)
    ]


def test_a_ratio_has_the_errors_of_both_cells():
    found = session.fit(lines())
    a, b = (found.estimate((model, 1)) for model in ("resnet18", "vgg16"))
    ratio = found.ratio(("resnet18", 1), ("vgg16", 1))
    assert ratio.value == pytest.approx(a.value / b.value)
    assert ratio.se**2 == pytest.approx(a.se**2 + b.se**2)
    assert max(a.df, b.df) < ratio.df <= a.df + b.df
    assert intervals.change(b, a).ratio == ratio


def test_cells_without_latency_have_no_estimate():
    found = session.fit(lines(status="oom", samples_ms=[]))
    assert ("resnet18", 1) not in found
    with pytest.raises(KeyError):
        found.estimate(("resnet18", 1))


def test_the_2018_protocol_gives_the_mean_of_one_process():
    line = timings.line(1, 3.0, 4.0, 8.0, model="vgg16", protocol="bianco2018")
    assert session.fit([line]).estimate(("vgg16", 1)) == intervals.Estimate(5.0, None, None)
