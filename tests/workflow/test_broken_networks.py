"""A network that fails, in any way and at any stage, does not affect the rest of the study."""

import json
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from helpers import image_files
from helpers.once import once
from helpers.projects import edit, environment, project

from dnnbench.core.checksums import sha256
from dnnbench.core.storage import read_json, read_lines, read_rows
from dnnbench.networks import model_list
from dnnbench.records.accuracy_records import AccuracyRecord
from dnnbench.records.complexity_records import Complexity
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryRecord
from dnnbench.records.study_records import ModelRow, StudyRow

# The template of a network's file; a failure's code is inserted at one of the places.
NETWORK = """
import os, signal, time
{at_import}
import torch
from torch import nn

DNNBENCH = {{"input_size": 32}}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()),
            nn.Linear(32, 1000),
        )
        {in_constructor}

    def forward(self, images):
        out = self.layers(images)
        {in_forward}
        return out


def net():
    return Net()
"""


@dataclass(frozen=True)
class Failure:
    """The code of a failure and the resulting status, with exceptions by stage.

    ``said`` is part of the message of every stage that fails.
    """

    at_import: str = "pass"
    in_constructor: str = "pass"
    in_forward: str = "pass"
    status: str = "failed"
    statuses: tuple[tuple[str, str], ...] = ()
    said: str = ""

    def of(self, stage: str) -> str:
        return dict(self.statuses).get(stage, self.status)


OK = "ok"
# If a network cannot be built, its weights cannot be matched.
UNMADE = (("accuracy", "not_measured"),)
FAILURES = {
    "well": Failure(status=OK),
    "import": Failure(at_import="import no_such_module", statuses=UNMADE, said="no_such_module"),
    "import_exits": Failure(
        at_import="raise SystemExit('no license')", statuses=UNMADE, said="no license"
    ),
    "import_dies": Failure(at_import="os._exit(5)", statuses=UNMADE, said="exited with code 5"),
    "constructor": Failure(in_constructor="raise KeyError('relu9')", statuses=UNMADE, said="relu9"),
    "constructor_exits": Failure(
        in_constructor="raise SystemExit(3)", statuses=UNMADE, said="SystemExit: 3"
    ),
    "constructor_dies": Failure(
        in_constructor="os._exit(5)", statuses=UNMADE, said="exited with code 5"
    ),
    "forward": Failure(in_forward="raise RuntimeError('gone fishing')", said="gone fishing"),
    "forward_exits": Failure(in_forward="raise SystemExit('no license')", said="no license"),
    "forward_dies": Failure(in_forward="os._exit(5)", said="exited with code 5"),
    "segfault": Failure(in_forward="os.kill(os.getpid(), signal.SIGSEGV)", said="SIGSEGV"),
    "endless": Failure(
        in_forward="while True: time.sleep(1)", status="timeout", said="took longer"
    ),
    "huge": Failure(
        in_forward="torch.empty(2**45, device=out.device)",
        status="oom",
        statuses=(("complexity", OK),),
        said="allocate",
    ),
    "nan": Failure(
        in_forward="out = out * float('nan')",
        # Neither the counts nor memory depend on values.
        statuses=(("complexity", OK), ("memory", OK)),
        said="contains NaN or infinity",
    ),
    "classes": Failure(in_forward="out = out[:, :10]", statuses=(("memory", OK),), said="10"),
    "two": Failure(
        in_forward="return out, out[:, :8]",
        statuses=(("memory", OK),),
        said="Return [N, classes] logits from forward",
    ),
    "mapping": Failure(in_forward="out = {'hidden': out[:, :8], 'logits': out}", status=OK),
    "values": Failure(in_forward="out = out + 0 * out.max().item()", status=OK),
    "in_place": Failure(in_forward="images -= 0.5", status=OK),
    # thop registers a buffer of this name.
    "cross_check": Failure(in_constructor="self.layers[0].total_ops = 1", status=OK),
}
STAGES = ("complexity", "accuracy", "memory", "latency")

# Run every stage's script like a job, but forked from one process that has imported torch, and with
# shorter time limits where no setting changes them.
RUN = """
import json, os, runpy, sys
from pathlib import Path

from dnnbench.core import isolation
from dnnbench.measure import accuracy, complexity

isolation.prepare()
complexity._TIMEOUT_S, accuracy._BATCH_S = 6.0, 15.0
ended = {}
for words in json.loads(sys.argv[1]):
    child = os.fork()
    if not child:
        sys.argv = [f"workflow/scripts/{words[0]}.py", *words[1:]]
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as end:
            os._exit(end.code if isinstance(end.code, int) else int(bool(end.code)))
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(99)
        os._exit(0)
    ended[" ".join(words)] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
Path("ended.json").write_text(json.dumps(ended))
"""


def make(folder: Path) -> None:
    """Run every stage of a study of all failures, and of networks that do not fail."""
    project(folder)
    (folder / "nets").mkdir()
    weights = {}
    for name, failure in FAILURES.items():
        code = NETWORK.format(
            at_import=failure.at_import,
            in_constructor=failure.in_constructor,
            in_forward=failure.in_forward,
        )
        (folder / f"nets/{name}.py").write_text(textwrap.dedent(code))
        file = folder / f"nets/{name}.pth"
        torch.manual_seed(0)
        layers = {"0": torch.nn.Conv2d(3, 8, 3), "4": torch.nn.Linear(32, 1000)}
        torch.save(
            {
                f"layers.{place}.{key}": tensor
                for place, layer in layers.items()
                for key, tensor in layer.state_dict().items()
            },
            file,
        )
        weights[f"mine:nets/{name}.py:net"] = {"path": str(file), "sha256": sha256(file)}
    image_files.foolbox_pictures(folder / "pictures")
    edit(folder / "params.yaml", {"models": list(weights), "weights": {"override": weights}})
    edit(folder / "params.yaml", {"dataset": {"name": "folder", "path": str(folder / "pictures")}})
    edit(folder / "params.yaml", {"latency": {"rounds": 1, "cell_timeout_s": 6}})
    edit(folder / "params.yaml", {"memory": {"cell_timeout_s": 6}})
    stages = [
        *(["weights"], ["complexity"], ["environment"], ["images"], ["decode", "bilinear-36-32"]),
        *(["accuracy", spec] for spec in weights),
        *(["comparisons"], ["memory"], ["latency"], ["aggregate"], ["findings"], ["report"]),
    ]
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(stages)],
        cwd=folder,
        env=environment(folder) | {"OMP_WAIT_POLICY": "PASSIVE"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    (folder / "log.txt").write_text(done.stdout)
    assert (folder / "ended.json").exists(), done.stdout[-5000:]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return once(tmp_path_factory, "broken-networks", make)


@pytest.fixture
def keys(study, monkeypatch):
    """Return the key of each failure's network."""
    monkeypatch.chdir(study)
    return {
        name: next(iter(model_list.resolve(f"mine:nets/{name}.py:net", source="test")))
        for name in FAILURES
    }


def found(stage: str, key: str) -> tuple[str, str]:
    """Return status and message of a stage, after comparing them with the tables."""
    if stage == "complexity":
        rows = {row.model: row for row in read_rows(Path("results/complexity.csv"), Complexity)}
        (model,) = (m for m in read_rows(Path("results/models.csv"), ModelRow) if m.model == key)
        assert model.complexity_status == rows[key].complexity_status
        assert (model.macs is None) == (model.complexity_status != OK)
        return rows[key].complexity_status, rows[key].complexity_message or ""
    if stage == "accuracy":
        record = read_json(Path(f"results/accuracy/folder/{key}.json"), AccuracyRecord)
        return record.status, record.message or ""
    (row,) = (
        r
        for r in read_rows(Path("results/study.csv"), StudyRow)
        if (r.source, r.model) == ("measured", key)
    )
    if stage == "memory":
        (cell,) = read_json(Path(f"results/cpu/fp32-eager/memory/{key}.json"), MemoryRecord).cells
        assert (row.memory_status, row.memory_mib) == (cell.status, cell.memory_mib)
        return cell.status, cell.message or ""
    lines = read_lines(Path("results/cpu/fp32-eager/latency/round-1.jsonl"), LatencyLine)
    ((status, message),) = {(line.status, line.message) for line in lines if line.model == key}
    assert row.status == status
    assert (row.latency_ms is None) == (status != OK)
    return status, message or ""


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("stage", STAGES)
def test_a_failure_is_recorded_as_a_status_with_its_reason(keys, stage, failure):
    status, message = found(stage, keys[failure])
    assert (status, message if status != FAILURES[failure].of(stage) else "") == (
        FAILURES[failure].of(stage),
        "",
    )
    assert message.isprintable()
    if status != OK:
        assert FAILURES[failure].said in message


def test_no_stage_exits_because_of_a_failing_network(study):
    ended = json.loads((study / "ended.json").read_text())
    assert {stage: code for stage, code in ended.items() if code} == {}


def test_every_network_is_on_the_page(study, keys):
    page = (study / "reports/index.html").read_text()
    assert [name for name in FAILURES if keys[name].rpartition("-")[0] not in page] == []
