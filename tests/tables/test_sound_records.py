"""Invalid records of a device: they are excluded with a reason, and the rest is used."""

import copy
import json
import os
from datetime import UTC, datetime, timedelta

import pytest
from helpers import studies, timings
from helpers.json_edits import edit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dnnbench.core.storage import read_rows, to_frame, write_json, write_lines, write_table
from dnnbench.queries import predicted_rows, selection
from dnnbench.records.plan import Plan
from dnnbench.records.set_aside_records import SetAside
from dnnbench.records.study_records import ModelRow, SelectionRow, StudyRow
from dnnbench.report import page
from dnnbench.report.figures.results import Results
from dnnbench.tables import cell_lines, dvc_metrics, study, variant_ratios
from dnnbench.tables.sound_records import SoundRecords

PLAN = Plan("cpu", ["fp32-eager"], [1], 2, "default")
ROUND = "cpu/fp32-eager/latency/round-{}.jsonl"
MEMORY = "cpu/fp32-eager/memory/resnet18.json"
ENVIRONMENT = "cpu/environment.json"


@pytest.fixture
def results(tmp_path):
    return write(tmp_path / "results")


def write(folder):
    """Write two rounds of a network, its memory, and its machine."""
    for number, time in ((1, 10.0), (2, 10.2)):
        write_lines(folder / ROUND.format(number), [timings.line(number, time)])
    write_json(folder / MEMORY, timings.memory())
    write_json(folder / ENVIRONMENT, studies.environment())
    return folder


def aside(results):
    return [str(one) for one in study.read_measurements(results, PLAN, ["resnet18"]).aside]


SOON = (datetime.now(UTC) + timedelta(days=2)).isoformat()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"samples_ms": [1e308]}, "samples_ms.0: 1e+308: "),
        ({"samples_ms": [10.0, 1e-300]}, "samples_ms.1: 1e-300: "),
        ({"samples_ms": [0]}, "samples_ms.0: 0: "),
        ({"samples_ms": [-3.0]}, "samples_ms.0: -3.0: "),
        ({"samples_ms": []}, "samples_ms: []: empty although status is ok"),
        ({"samples_ms": None}, "samples_ms: None: "),
        ({"samples_ms": [10**400]}, "samples_ms.0: "),
        ({"samples_ms": [float("nan")]}, "samples_ms.0: nan: "),
        ({"samples_ms": [float("inf")]}, "samples_ms.0: inf: "),
        ({"samples_ms": ["10"]}, None),  # Still a number.
        ({"threads": 10**30}, "threads: "),
        ({"threads": 0}, "threads: 0: "),
        ({"cell_s": 0}, "cell_s: 0: zero although status is ok"),
        ({"cell_s": -1}, "cell_s: -1: "),
        ({"output_ok": False}, "output_ok: false: wrong output although status is ok"),
        ({"cell_s": 1e300}, "cell_s: 1e+300: "),
        ({"energy_mj": 1e308}, "energy_mj: 1e+308: "),
        ({"disturbance__reference_before": 1e-300}, "disturbance.reference_before: 1e-300: "),
        ({"disturbance__steal": 1e300}, "disturbance.steal: 1e+300: "),
        ({"disturbance__involuntary_switches": 10**40}, "disturbance.involuntary_switches: "),
        ({"disturbance__reference_compute_ms": [1, -1]}, "disturbance.reference_compute_ms.1: -1"),
        (
            {"started": "0001-01-01T00:00:00Z"},
            "started: 0001-01-01T00:00+00:00: implausible. Check the machine's clock",
        ),
        (
            {"started": "1970-01-01T00:00:00Z"},
            "started: 1970-01-01T00:00+00:00: implausible. Check the machine's clock",
        ),
        ({"started": "9999-12-31T23:59:59-23:00"}, "started: "),
        pytest.param({"started": SOON}, "started: ", id="started-soon"),
        ({"started": "2026-01-01T00:00:00"}, "started: '2026-01-01T00:00:00': "),
        (
            {"session": "0001-01-01T00:00"},
            "session: 0001-01-01T00:00+00:00: implausible. Check the machine's clock",
        ),
        (
            {"session": "2999-01-01T00:00"},
            "session: 2999-01-01T00:00+00:00: implausible. Check the machine's clock",
        ),
        ({"session": "one\x1b[31m"}, r"session: 'one\x1b[31m': input should be one line"),
        ({"session": "one\u202etwo"}, r"session: 'one\u202etwo': input should be one line"),
        ({"session": "one\u200btwo"}, r"session: 'one\u200btwo': input should be one line"),
        ({"session": "one\x00"}, r"session: 'one\x00': input should be one line"),
        ({"session": "one\ntwo"}, r"session: 'one\ntwo': input should be one line"),
        ({"session": "one+two"}, "session: 'one+two': "),
        ({"session": "s" * 100_000}, "session: 'sss"),
        ({"session": "\ud800"}, "(whole): "),
        ({"wait_policy": "\x9b31m"}, "wait_policy: "),
        ({"fingerprint": "\u2066"}, "fingerprint: "),
        ({"variant": "../x"}, "variant: '../x': "),
        ({"model": "a/b"}, "model: 'a/b': "),
        ({"\x1b[31mkey": 1}, "key: 1: extra inputs"),
        ({"k" * 10_000: 1}, "kkk"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_an_invalid_line_is_set_aside_with_a_reason(results, changes, named):
    path = results / ROUND.format(1)
    edit(path, **changes)
    found = aside(results)
    assert all(one.isprintable() and len(one) < 1000 for one in found)
    if named is None:
        assert found == []
        return
    assert [one for one in found if one.startswith(f"{path}:1: {named}")] == found != []
    timed = study.read_measurements(results, PLAN, ["resnet18"])
    assert [line.round for line in timed.latency] == [2]
    assert [line.round for line in cell_lines.read(results, "cpu", "fp32-eager")] == [2]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"cells__0__memory_mib": -1}, "cells.0.memory_mib: -1: "),
        ({"cells__0__memory_mib": 1e308}, "cells.0.memory_mib: 1e+308: "),
        ({"cells__0__memory_mib": None}, "memory_mib: null: missing at batch size 1, although"),
        ({"cells__0__batch_size": 10**30}, "cells.0.batch_size: "),
        ({"cells": [{"batch_size": 1, "status": "oom"}] * 2}, "cells: 1: batch_size: 1: a second"),
        ({"cells": {}}, "cells: {}: "),
        ({"started": "0001-01-01T00:00:00Z"}, "started: 0001-01-01"),
        ({"device": ".."}, "device: '..': "),
        ({"model": "alexnet"}, "model: 'alexnet': expected 'resnet18' here"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_an_invalid_memory_record_is_set_aside_with_a_reason(results, changes, named):
    path = results / MEMORY
    edit(path, **changes)
    (found,) = aside(results)
    assert found.startswith(f"{path}: {named}")
    measured = study.read_measurements(results, PLAN, ["resnet18"])
    assert (len(measured.latency), measured.memory) == (2, {})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"hostname": "far\x1b]0;title\x07"}, "hostname: "),
        ({"hostname": "h" * 1000}, "hostname: "),
        ({"device": "xeon"}, "device: 'xeon': expected 'cpu' here"),
        ({"memory_mib": -1}, "memory_mib: -1: "),
        ({"cores": 10**20}, "cores: "),
        ({"recorded": "0001-01-01T00:00:00Z"}, "recorded: 0001-01-01"),
        ({"commit": "\u202e"}, "commit: "),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_an_invalid_environment_is_set_aside_with_a_reason(results, changes, named):
    path = results / ENVIRONMENT
    edit(path, **changes)
    (found,) = aside(results)
    assert found.startswith(f"{path}: {named}")
    assert SoundRecords(results, "cpu").environment() is None


def test_output_of_other_programs_is_kept_without_control_sequences(results):
    edit(results / ROUND.format(1), status="failed", message="\x1b[31mred\x1b[0m\nand\u202e more")
    edit(results / ENVIRONMENT, cpu="Intel\x00 Core\u200b", os="<b>Debian</b>")
    measured = study.read_measurements(results, PLAN, ["resnet18"])
    assert (measured.latency[0].message, list(measured.aside)) == ("red and more", [])
    machine = SoundRecords(results, "cpu").environment()
    assert (machine.cpu, machine.os) == ("Intel Core", "<b>Debian</b>")


@pytest.mark.parametrize("file", [ROUND.format(1), MEMORY, ENVIRONMENT])
@pytest.mark.parametrize(
    "content", [b"[" * 10**6, b"\xff\xfe", b"{}", b"null", b"[]", b"\x00", b"1"]
)
def test_malformed_content_is_set_aside(results, file, content):
    (results / file).write_bytes(content)
    (found,) = aside(results)
    assert found.startswith(str(results / file)) and found.isprintable()


@pytest.mark.parametrize("file", [ROUND.format(1), MEMORY, ENVIRONMENT])
def test_a_path_that_is_not_a_file_is_set_aside(results, file):
    path = results / file
    path.unlink()
    os.mkfifo(path)
    assert aside(results) == [f"{path}: a named pipe, not a file. Correct the path."]
    path.unlink()
    path.mkdir()
    assert aside(results) == [f"{path}: a folder, not a file. Correct the path."]


def test_the_first_of_two_lines_of_a_cell_counts(results):
    path = results / ROUND.format(1)
    write_lines(path, [timings.line(1, 10.0), timings.line(1, 99.0), timings.line(1, 10.0)])
    assert aside(results) == [
        f"{path}:2: a second line for resnet18, batch size 1, process 1; line 1 counts",
        f"{path}:3: a second line for resnet18, batch size 1, process 1; line 1 counts",
    ]
    first, *_ = study.read_measurements(results, PLAN, ["resnet18"]).latency
    assert first.samples_ms == [10.0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"threads": 4}, "threads: 4, wait policy default"),
        ({"wait_policy": "active"}, "threads: 2, wait policy active"),
        ({"variables": {"OMP_NUM_THREADS": "1"}}, "threads: 2, wait policy default, OMP_NUM_THRE"),
    ],
)
def test_a_line_measured_unlike_its_session_is_excluded(results, change, said):
    write_lines(results / ROUND.format(3), [timings.line(3, 10.1)])
    edit(results / ROUND.format(2), **change)
    plan = Plan("cpu", ["fp32-eager"], [1], 3, "default")
    measured = study.read_measurements(results, plan, ["resnet18"])
    (found,) = map(str, measured.aside)
    assert found.startswith(f"{results / ROUND.format(2)}:1: {said}")
    assert found.endswith("but session 2026-11-24T09:12 has threads: 2, wait policy default")
    assert [line.round for line in measured.latency] == [1, 3]
    edit(results / ROUND.format(2), session="another")
    assert study.read_measurements(results, plan, ["resnet18"]).aside == []


# Anything ------------------------------------------------------------------------------------

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 10**30, 1e308, 1e-300, 1e9, 1e-9, 5e-324, -0.0, float("nan")]),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["\x1b[2J", "\u202e", "\x00", "<script>", "..", "ok", "oom", "9999-01-01"]),
    st.lists(st.floats(min_value=1e-9, max_value=1e9), max_size=4),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


def places(value, path=()):
    """Yield the path, as keys and indices, of everything in a record."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in items:
        found += places(part, (*path, key)) if isinstance(part, dict | list) else [(*path, key)]
    return found


@st.composite
def mutated(draw, record):
    """Return a record with one or two values replaced, added, or removed."""
    content = copy.deepcopy(record)
    for _ in range(draw(st.integers(1, 2))):
        *parts, last = draw(st.sampled_from(places(content)))
        part = content
        for key in parts:
            part = part[key]
        if draw(st.integers(0, 5)):
            part[last] = draw(ODD)
        else:
            del part[last]
        if not places(content):
            break
    return content


def tables(folder, contents):
    """Build the tables and answers from records, which may not raise; return the rows."""
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    measured = study.read_measurements(folder, PLAN, ["resnet18"])
    assert all(str(one).isprintable() for one in measured.aside)
    rows, models = study.aggregate(
        ["resnet18"],
        {"resnet18": timings.complexity()},
        {"resnet18": timings.ACCURACY},
        [measured],
        None,
    )
    variant_ratios.compare(rows, [measured])
    predicted_rows.rows(rows, {row.model: row for row in models}, [])
    chosen = selection.select(rows, [1.0], [15.0], 3)
    dvc_metrics.metrics(rows, chosen)
    for name, row_type, written in (
        ("study.csv", StudyRow, rows),
        ("selection.csv", SelectionRow, chosen),
        ("set_aside.csv", SetAside, measured.aside),
    ):
        write_table(folder / name, row_type, written)
        assert read_rows(folder / name, row_type) == list(written)
    return rows, models, chosen


CONTENTS = st.fixed_dictionaries(
    {
        ROUND.format(1): mutated(json.loads(timings.line(1, 10.0).model_dump_json())),
        ROUND.format(2): mutated(json.loads(timings.line(2, 10.0).model_dump_json())),
        MEMORY: mutated(json.loads(timings.memory().model_dump_json())),
        ENVIRONMENT: mutated(json.loads(studies.environment().model_dump_json())),
    }
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(contents=CONTENTS)
def test_no_content_of_a_record_stops_the_tables(tmp_path_factory, contents):
    tables(tmp_path_factory.mktemp("results"), contents)


@pytest.mark.slow  # The test above covers the tables; charts are slow.
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(contents=CONTENTS)
def test_no_content_of_a_record_stops_the_page(tmp_path_factory, contents):
    folder = tmp_path_factory.mktemp("results")
    rows, models, chosen = tables(folder, contents)
    shown = Results(
        study=to_frame(StudyRow, rows),
        models=to_frame(ModelRow, models),
        selection=to_frame(SelectionRow, chosen),
        names={"resnet18": "ResNet-18"},
        families={"resnet18": "ResNet"},
        devices=("cpu",),
    )
    machine = SoundRecords(folder, "cpu").environment()
    assert "</html>" in page.render(shown, [], [machine] if machine else [])
