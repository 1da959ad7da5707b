"""docs/explanation/how-the-pieces-fit.md against the workflow and the package."""

import re
import tomllib

from helpers.projects import ROOT, command, project

PAGE = (ROOT / "docs/explanation/how-the-pieces-fit.md").read_text()
DRAWN = (ROOT / "docs/images/rules.svg").read_text()
NODE = re.compile(r'^\s*(\d+)\[label = "(\w+)"', re.MULTILINE)
EDGE = re.compile(r"^\s*(\d+) -> (\d+)$", re.MULTILINE)
DRAWN_NODE = re.compile(r'class="node">\s*<title>(\d+)</title>.*?>(\w+)</text>', re.DOTALL)
DRAWN_EDGE = re.compile(r"<title>(\d+)&#45;&gt;(\d+)</title>")


def named(nodes, edges):
    """Return the edges as pairs of rules."""
    rules = dict(nodes)
    return {(rules[before], rules[after]) for before, after in edges}


def test_the_rules_and_their_dependencies_are_those_of_the_workflow(tmp_path):
    found = re.search(r"^ {4}(snakemake .+--rulegraph)", PAGE, re.MULTILINE)
    done = command(project(tmp_path), "bash", "-c", found[1])
    assert done.returncode == 0, done.stdout
    graph = named(NODE.findall(done.stdout), EDGE.findall(done.stdout))
    assert named(DRAWN_NODE.findall(DRAWN), DRAWN_EDGE.findall(DRAWN)) == graph
    assert len(graph) > 10


def test_the_layers_are_those_that_lint_checks():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contract = settings["tool"]["importlinter"]["contracts"][0]
    _, _, section = PAGE.partition("## Packages in layers")
    rows = re.findall(r"^\| .+ \| (`.+`) \|$", section, re.MULTILINE)
    assert [re.findall(r"`(\w+)`", row) for row in rows] == [
        layer.split(" | ") for layer in contract["layers"]
    ]
