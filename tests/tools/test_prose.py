"""The prose linter finds the wording of tools/phrases.yaml in every kind of file."""

import sys
from pathlib import Path

import pytest
from helpers.paths import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import prose

# Wording that was in the product once.
SEEN = [
    "Beside it: no other",
    "list what does not fit, too",
    "of 1 more it cannot be told",
    "What binds: giving way on one limit alone lets in a better network",
    "No limit binds: no network that is surely better is outside",
    "Pareto front of what fits or may",
    "Same letter: nothing here tells their accuracy apart",
    "there is 1, 8",
    "Time an image",
    "whatever the machine",
    "area of a ball",
    "Limits can be set where JavaScript runs",
    "in words of ours",
    "an option or an argument that cannot be",
    "Networks too whose time is only predicted",
    "A line on operations: 11%",
    "A difference that its interval does not bear",
    "is no 'ok'",
    "add it, as on its machine",
    "cannot tell from nothing",
    "are there to be read",
    "it has 89 of the 100 pictures right that",
    "what mends it",
    "1 networks",
    "waited 137.5 % of the time",
    "published:table3",
    "memory basis: net",
    "process:titanxp-2018",
]
FILES = {
    "page.md": "# Title\n\nA sentence.\n\n{}.\n",
    "docstring.py": 'def f():\n    """Return it.\n\n    {}.\n    """\n',
    "comment.py": "x = 1\n# {}.\n",
    "help.py": 'import typer\n\nX = typer.Option(help="Seen: {}.")\n',
    "message.py": 'raise ValueError(\n    f"{{file}}: wrong;"\n    " {}"\n)\n',
    "template.html": '<p class="a">One {{{{ value }}}}.</p>\n<p>{}.</p>\n',
    "title.html": '<a title="Seen: {}">A</a>\n',
    "script.js": 'const text = "Seen: {}.";\n',
    "caption.rst": "{}.\n",
    "settings.yaml": "a: 1 # {}\n",
    "rule.smk": 'rule all:\n    message:\n        "{}"\n',
}


def hits(folder: Path, name: str, text: str) -> list[prose.Hit]:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return list(prose.worded(prose.Text(file)))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("phrase", SEEN)
def test_wording_that_was_seen_once_is_found_in_every_kind_of_file(tmp_path, phrase, name):
    text = phrase.replace('"', "'")
    assert hits(tmp_path, name, FILES[name].format(text))


@pytest.mark.parametrize("rule", prose.rules(), ids=lambda rule: rule.example)
def test_a_rule_finds_its_example(tmp_path, rule):
    found = hits(tmp_path, "page.md", f"{rule.example}\n")
    assert rule.write in {hit.write for hit in found}


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("page.md", "One\ntwo, now\nand then three.\n", 2),
        ("page.md", "> Quoted, now\n> and then.\n", 1),
        ("a.py", '"""One.\n\nA sentence, NOW and\nthen.\n"""\n', 3),
        ("a.py", "x = 1\n# Now\n# and then.\n", 2),
        (
            "a.py",
            'x = (\n    "now "\n    f"and {y} {z}" + " then"\n)\ny = ("now "\n "and then")\n',
            5,
        ),
        ("a.js", 'const x = 1;\nconst text = "now " + "and then";\n', 2),
        ("a.js", "// Now\n// and then.\n", 1),
        ("a.html", "<p>\nnow <em>and</em>\nthen</p>\n", 2),
        ("Makefile", "x:\n\techo now # now\n# and\n\n# now\n# and then\n", 5),
    ],
)
def test_a_phrase_is_found_across_lines_and_pieces_of_strings(tmp_path, name, text, line):
    (hit,) = hits(tmp_path, name, text)
    assert hit.write == "periodically, sometimes"
    assert hit.line == line


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page.md", "The column `now and then` of ``now and then``, see https://x.org/beside.\n"),
        ("page.md", "Now and, as you know, then. A nowand then.\n"),
        ("a.py", 'beside = {"beside": beside("beside")}\nx = "now"\ny = "and then"\n'),
        ("a.py", "x = 5 % 3\n"),
        ("a.js", "const beside = now && then;\n"),
        ("a.html", '<p class="beside">{% if beside %}now{% endif %}</p>\n<p>and then</p>\n'),
        ("settings.yaml", "beside: beside\n"),
    ],
)
def test_names_and_code_are_not_prose(tmp_path, name, text):
    assert hits(tmp_path, name, text) == []
