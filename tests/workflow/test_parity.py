"""Agreement of Snakemake's graph of jobs with DVC's graph of stages."""

import json
import re
from collections import defaultdict
from pathlib import PurePath

import pytest
import yaml
from helpers.projects import edit, fork, picture, project

# An output or a dependency in dvc.yaml; outputs are persistent.
OF_THE_REFERENCE = re.compile(
    r"^ +- results/\$\{profile\}/fp32-eager/\w+(:\n +persist: true)?\n", re.MULTILINE
)
# The last is not in dvc.yaml.
VARIANTS = ("fp32-eager", "fp32-eager-kept", "fp32-onnxruntime", "fp32-openvino", "bf16-eager")
RULES = re.compile(r"^(?:rule|use rule \w+ as) (\w+)(?::| with:)", re.MULTILINE)


def with_a_copy(entry):
    """Copy an entry of dvc.yaml for the last variant, as docs/how-to/choose-variants.md says."""
    return entry[0] + entry[0].replace("fp32-eager", VARIANTS[-1])


def said(folder, targets, *options):
    """Return Snakemake's standard output for the targets."""
    words = ("snakemake", "--profile", "cpu", *options, "--", *targets)
    code, output = fork(folder, *words, errors_too=False)
    assert code == 0, output
    return output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a project that measures everything, in every variant, before any run."""
    folder = project(tmp_path_factory.mktemp("project"))
    edit(folder / "config/devices/cpu.yaml", {"variants": list(VARIANTS)})
    dvc = folder / "dvc.yaml"
    dvc.write_text(OF_THE_REFERENCE.sub(with_a_copy, dvc.read_text()))
    picture(folder / "pictures/n01440764/1.png", 1)
    edit(folder / "params.yaml", {"dataset": {"name": "folder", "path": "pictures"}})
    return folder


@pytest.fixture(scope="module")
def stages(folder):
    """Return the stages of dvc.yaml with templates filled in."""
    text = (folder / "dvc.yaml").read_text().replace("${profile}", "cpu")
    return yaml.safe_load(text)["stages"]


@pytest.fixture(scope="module")
def stage_of(folder, stages):
    """Return each rule's stage, which is the one that depends on the rule's file."""
    files = {path: name for name, stage in stages.items() for path in stage["deps"]}
    found = {}
    for file in (folder / "workflow/rules").glob("*.smk"):
        for rule in RULES.findall(file.read_text()):
            found[rule] = files[str(file.relative_to(folder))]
    return found


@pytest.fixture(scope="module")
def graph(folder, stages):
    """Return Snakemake's graph: the rules that each rule waits for, including stage targets."""
    text = json.loads(said(folder, stages, "--forceall", "--d3dag"))
    rules = {node["id"]: node["value"]["rule"] for node in text["nodes"]}
    before = {rule: set() for rule in rules.values()}
    for edge in text["edges"]:
        before[rules[edge["v"]]].add(rules[edge["u"]])
    return before


@pytest.fixture(scope="module")
def files(folder, stages):
    """Return the files that each rule writes, and those that it reads."""
    # Snakemake lists a rule's inputs only after it has run or its outputs were touched.
    for row in summary(folder, stages, "--summary"):
        path = folder / row["output_file"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    said(folder, stages, "--touch", "--forceall")
    made, read = defaultdict(set), defaultdict(set)
    for row in summary(folder, stages, "--detailed-summary"):
        made[row["rule"]].add(row["output_file"])
        read[row["rule"]].update(row["input-file(s)"].split(","))
    return made, read


def summary(folder, targets, option):
    """Return Snakemake's table of the files that the targets need."""
    header, *rows = said(folder, targets, option).strip().splitlines()
    table = [dict(zip(header.split("\t"), row.split("\t"), strict=True)) for row in rows]
    return [row for row in table if "/" in row["output_file"]]


def outputs(stage):
    """Return the paths of a stage's outputs and metrics, all of which are persistent."""
    entries = [*stage.get("outs", ()), *stage.get("metrics", ())]
    assert all(list(entry.values()) == [{"persist": True}] for entry in entries)
    return {path for entry in entries for path in entry}


def covered(file, paths):
    return any(PurePath(file).is_relative_to(path) for path in paths)


def needed(graph, target):
    """Return a rule and everything that it waits for."""
    found, waiting = set(), [target]
    while waiting:
        rule = waiting.pop()
        if rule not in found:
            found.add(rule)
            waiting += graph[rule]
    return found


def test_a_target_writes_exactly_its_stages_outputs(stages, stage_of, graph, files):
    made, _ = files
    for name, stage in stages.items():
        rules = [rule for rule in needed(graph, name) if stage_of[rule] == name]
        results = {
            file
            for rule in rules
            for file in made.get(rule, ())
            if not file.startswith("resources/")
        }
        for path in outputs(stage):
            assert any(covered(file, [path]) for file in results), (name, path)
        assert {file for file in results if not covered(file, outputs(stage))} == set()
        assert stage["cmd"] == f"python -m dnnbench.stages.dvc_stage --profile 'cpu' -- {name}"


def test_a_stage_depends_on_every_file_that_its_rules_read(stages, stage_of, files):
    made, read = files
    everything = set().union(*made.values())
    assert read.keys() == made.keys()
    for rule, paths in read.items():
        sources = paths - everything
        assert sources
        depended = stages[stage_of[rule]]["deps"]
        assert {file for file in sources if not covered(file, depended)} == set(), rule


def test_variants_take_turns_round_by_round(files):
    _, read = files
    rounds = {path for path in read["time_round"] if path.endswith(".jsonl")}
    # Each round waits for the previous one; none waits for the last variant's last round.
    places = [(1, name) for name in VARIANTS] + [(2, name) for name in VARIANTS[:-1]]
    assert rounds == {f"results/cpu/{way}/latency/round-{k}.jsonl" for k, way in places}


def test_stages_follow_each_other_as_their_rules_do(stages, stage_of, graph):
    of_rules = {
        (stage_of[before], stage_of[rule]) for rule, needs in graph.items() for before in needs
    }
    of_stages = {
        (before, after)
        for before, earlier in stages.items()
        for after, later in stages.items()
        for path in outputs(earlier)
        if any(covered(path, [dep]) or covered(dep, [path]) for dep in later["deps"])
    }
    # Weights and graphs are not outputs in DVC; the stages that need them fetch or build them.
    between = {(before, after) for before, after in of_rules if before != after}
    assert between - of_stages == {
        ("weights", "accuracy"),
        ("graphs", "memory"),
        ("graphs", "latency"),
    }
    assert of_stages <= between
