"""The table of docs/reference/reruns.md: each edit triggers the jobs listed for it."""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers.projects import ROOT, edit, jobs

DEVICE = "config/devices/cpu.yaml"
REGISTRY = "config/models.yaml"
ROW = re.compile(r"^\| (?P<edit>[^|]+?) \| (?P<jobs>[^|]*?) ?\|$", re.MULTILINE)
FILE = re.compile(r": `([^`]+)`$")

# Edits other than an empty line at the end of a file: the file, and how its text changes.
CHANGES = {
    "a rule's command: `workflow/rules/memory.smk`": (
        "workflow/rules/memory.smk",
        lambda text: text.replace('"python {input.script}', '"python -X utf8 {input.script}'),
    ),
    "a comment in the rules: `workflow/rules/latency.smk`": (
        "workflow/rules/latency.smk",
        lambda text: text.replace("    output:\n", "    output:\n        # A comment.\n"),
    ),
    "registry: the name of a network outside the study": (
        REGISTRY,
        lambda text: text.replace("name: AlexNet", "name: Alexnet"),
    ),
    "registry: the published accuracy of a network in the study": (
        REGISTRY,
        lambda text: text.replace("top1: 58.18", "top1: 58.19"),
    ),
    "registry: the input size of a network in the study": (
        REGISTRY,
        lambda text: of_shufflenet(text, "input_size: 224", "input_size: 192"),
    ),
}
# Edits of settings: the file, and the new values.
PARAMETERS = {
    "device file: `batch_sizes`": (DEVICE, {"batch_sizes": [1, 2]}),
    "device file: `threads`": (DEVICE, {"threads": 1}),
    "device file: `when_busy`": (DEVICE, {"when_busy": "refuse"}),
    "device file: one more entry in `variants`": (
        DEVICE,
        {"variants": ["fp32-eager", "bf16-eager"]},
    ),
    "params.yaml: one more entry in `models`": (
        "params.yaml",
        {"models": ["squeezenet1_1", "shufflenet", "squeezenet1_0"]},
    ),
    "params.yaml: one more round in `latency.rounds`": ("params.yaml", {"latency": {"rounds": 3}}),
    "params.yaml: `latency.cell_timeout_s`": ("params.yaml", {"latency": {"cell_timeout_s": 9}}),
    "params.yaml: `memory.cell_timeout_s`": ("params.yaml", {"memory": {"cell_timeout_s": 9}}),
    "params.yaml: `budgets`": ("params.yaml", {"budgets": {"min_fps": [12.0]}}),
}
REMOVED = {
    "a record removed: `results/cpu/fp32-eager/memory/shufflenet.json`",
    "all results of a device removed: `results/cpu`",
}


def of_shufflenet(text, old, new):
    before, entry = text.split("\nshufflenet:\n")
    return f"{before}\nshufflenet:\n{entry.replace(old, new, 1)}"


def make(folder, name):
    """Make the edit with this name in a project."""
    if name in PARAMETERS:
        file, values = PARAMETERS[name]
        edit(folder / file, values)
    elif name in CHANGES:
        file, change = CHANGES[name]
        before = (folder / file).read_text()
        (folder / file).write_text(change(before))
        assert (folder / file).read_text() != before
    elif name in REMOVED:
        path = folder / FILE.search(name)[1]
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    else:
        with (folder / FILE.search(name)[1]).open("a") as file:
            file.write("\n")


def listed_jobs(cell):
    """Return ``time_round x 2, report`` as {"time_round": 2, "report": 1}."""
    words = (job.partition(" x ") for job in cell.split(", ") if job)
    return {rule: int(count or 1) for rule, _, count in words}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_edit_of_the_table_runs_the_jobs_it_says(finished, tmp_path):
    page = (ROOT / "docs/reference/reruns.md").read_text()
    _, _, rest = page.partition("\n## What an edit runs again\n")
    rows = ROW.findall(rest.partition("\n## ")[0])
    table = {name: listed_jobs(cell) for name, cell in rows if name not in ("edit", "---")}
    assert table.keys() >= PARAMETERS.keys() | CHANGES.keys() | REMOVED

    def triggered(number, name):
        study = tmp_path / f"study-{number}"
        shutil.copytree(finished, study, symlinks=True)
        make(study, name)
        return jobs(study)

    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(table, pool.map(triggered, range(len(table)), table), strict=True))
    assert found == table
