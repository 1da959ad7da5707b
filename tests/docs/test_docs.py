"""Documentation: links and anchors resolve, commands exist, pages respect their length limits."""

import importlib.util
import re
import shlex
import tomllib
from collections.abc import Collection, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from helpers.paths import ROOT
from markdown_it import MarkdownIt
from markdown_it.token import Token

README = ROOT / "README.md"
FILES = sorted(
    [
        *(README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "config/README.md"),
        *(ROOT / "docs").rglob("*.md"),
    ]
)
EXPLANATIONS = sorted((ROOT / "docs/explanation").glob("*.md"))
COMMANDS = ROOT / "docs/reference/commands.md"
PROGRAMS = {"dnnbench", "dvc", "make", "pip", "python", "snakemake"}
WIDTH, README_LINES, EXPLANATION_WORDS = 100, 120, 1000
# A word that readers replace with their own.
PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_]*|.*(<|\[|\.\.\.|…|\$|\{|\*).*")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tokens(file: Path) -> list[Token]:
    """Return the tokens of a file, including those in paragraphs, tables and headings."""
    blocks = MarkdownIt("commonmark").enable("table").parse(file.read_text(encoding="utf-8"))
    return [token for block in blocks for token in (block, *(block.children or ()))]


# Links ---------------------------------------------------------------------------------------


def links(file: Path) -> list[str]:
    found = []
    for token in tokens(file):
        if token.type in ("link_open", "image"):
            found.append(str(token.attrs.get("href") or token.attrs.get("src")))
        elif token.type in ("html_inline", "html_block"):
            found += re.findall(r"""\b(?:href|src)=["']([^"']+)""", token.content)
    return found


@cache
def anchors(file: Path) -> set[str]:
    """Return the anchors that GitHub makes of headings, and those in the HTML of the file."""
    slugs: dict[str, int] = {}
    blocks = tokens(file)
    for heading, inline in pairwise(blocks):
        if heading.type == "heading_open":
            text = "".join(child.content for child in inline.children or ())
            slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
            slugs[slug] = slugs.get(slug, -1) + 1
    named = re.findall(r"""<a\s+(?:id|name)=["']([^"']+)""", file.read_text(encoding="utf-8"))
    numbered = {f"{slug}-{i}" for slug, last in slugs.items() for i in range(1, last + 1)}
    return {*slugs, *numbered, *named}


def broken(file: Path, link: str) -> bool:
    if re.match(r"[a-z][a-z0-9+.-]*:", link):
        return False
    path, _, anchor = link.partition("#")
    target = (file.parent / path).resolve() if path else file
    if not target.exists() or not target.is_relative_to(ROOT):
        return True
    return bool(anchor) and target.suffix == ".md" and anchor not in anchors(target)


@pytest.mark.parametrize("file", FILES, ids=name)
def test_every_relative_link_and_anchor_resolves(file: Path) -> None:
    assert [link for link in links(file) if broken(file, link)] == []


# Commands ------------------------------------------------------------------------------------


def commands(file: Path) -> list[list[str]]:
    """Return the commands of our programs in code blocks and in code spans."""
    found = []
    for token in tokens(file):
        if token.type in ("fence", "code_block") and token.info in ("", "sh", "bash", "console"):
            for line in token.content.replace("\\\n", " ").splitlines():
                found += parts(line.strip().removeprefix("$ "))
        elif token.type == "code_inline":
            found += parts(token.content)
    return found


def parts(line: str) -> list[list[str]]:
    """Return the commands of a line, without variables: ``X=1 a && b | c`` has three."""
    reader = shlex.shlex(line, posix=True, punctuation_chars="();|&")
    reader.whitespace_split = True
    try:
        words = list(reader)
    except ValueError:  # A sentence with an apostrophe.
        return []
    found: list[list[str]] = [[]]
    for word in words:
        if set(word) <= set("();|&"):
            found.append([])
        elif found[-1] or not re.match(r"[A-Z_]+=", word):
            found[-1].append(word)
    return [part for part in found if part and part[0] in PROGRAMS]


@cache
def options() -> dict[str, set[str]]:
    """Return the options of each command on the generated page, which another test checks."""
    found: dict[str, set[str]] = {}
    command = ""
    for line in COMMANDS.read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"#+ (.*)", line):
            command = heading[1]
        elif row := re.match(r"\| `([^`]+)`", line):
            found.setdefault(command, set()).update(re.findall(r"--?[a-z][\w-]*", row[1]))
    return found


@cache
def snakemake_options() -> set[str]:
    from snakemake.cli import get_argument_parser

    return {word for action in get_argument_parser()._actions for word in action.option_strings}


def rules() -> set[str]:
    files = [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]
    return {rule for file in files for rule in re.findall(r"^rule (\w+):", file.read_text(), re.M)}


def given(words: list[str]) -> Iterator[str]:
    """Yield the options of a command, without values."""
    for word in words:
        if re.match(r"--?[a-zA-Z]", word):
            yield word.partition("=")[0]


def problems(words: list[str], own_profiles: Collection[str] = ()) -> list[str]:
    """Return the names in a command that do not exist; readers make ``own_profiles``."""
    program, *rest = words
    rest = ["PROFILE" if word in own_profiles else word for word in rest]
    check = {
        "dnnbench": dnnbench_problems,
        "dvc": dvc_problems,
        "make": make_problems,
        "pip": pip_problems,
        "python": python_problems,
        "snakemake": snakemake_problems,
    }
    return check[program](rest)


def unknown(words: list[str], known: set[str]) -> list[str]:
    return [word for word in words if word not in known and not PLACEHOLDER.fullmatch(word)]


def dnnbench_problems(rest: list[str]) -> list[str]:
    command = "dnnbench"
    if rest and not rest[0].startswith("-"):
        if PLACEHOLDER.fullmatch(rest[0]):
            return []
        command = f"dnnbench {rest[0]}"
        if command not in options():
            return [rest[0]]
    return unknown(list(given(rest)), options()[command])


def dvc_problems(rest: list[str]) -> list[str]:
    stages = set(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])
    if rest[:1] != ["repro"]:
        return []
    return unknown([word for word in rest[1:] if not word.startswith("-")], stages)


def make_problems(rest: list[str]) -> list[str]:
    lines = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][\w-]*):(?!=)", lines, re.M))
    return unknown([word for word in rest if "=" not in word and word[0] != "-"], targets)


def pip_problems(rest: list[str]) -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = set(settings["project"]["optional-dependencies"])
    named = [extra for word in rest for extra in re.findall(r"^\.\[([\w,-]+)\]$", word)]
    return unknown([extra for group in named for extra in group.split(",")], extras)


def python_problems(rest: list[str]) -> list[str]:
    if rest[:1] == ["-m"]:
        module = rest[1] if rest[1:] else ""
        own = module.startswith("dnnbench")
        return [module] if own and importlib.util.find_spec(module) is None else []
    if not rest or not rest[0].endswith(".py") or PLACEHOLDER.fullmatch(rest[0]):
        return []
    script = Path(rest[0])
    if script.parts[0] not in ("benchmarks", "workflow"):
        return []
    if not (ROOT / script).exists():
        return [rest[0]]
    known = options().get(script.name)
    return unknown(list(given(rest)), known) if known and script.parts[0] == "workflow" else []


def snakemake_problems(rest: list[str]) -> list[str]:
    before, after = rest, []
    if "--" in rest:
        before, after = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    found = unknown(list(given(before)), snakemake_options())
    profiles = [value for word, value in pairwise(before) if word == "--profile"]
    found += [one for one in unknown(profiles, set()) if not (ROOT / one).exists()]
    return found + [one for one in unknown(after, rules()) if "/" not in one]


@pytest.mark.parametrize("file", FILES, ids=name)
def test_every_command_shown_exists(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    own_profiles = re.findall(r"config/devices/([\w-]+)\.yaml", text)
    own_profiles += re.findall(r"[\w-]+", " ".join(re.findall(r"devices: \[(.*)\]", text)))
    wrong = {shlex.join(words): problems(words, own_profiles) for words in commands(file)}
    assert {command: found for command, found in wrong.items() if found} == {}


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("dnnbench pick --min-fps 30", []),
        ("dnnbench pick --fps 30", ["--fps"]),
        ("dnnbench choose", ["choose"]),
        ("make lint && make nothing", ["nothing"]),
        ("CI=true make study PROFILE=cpu", []),
        ("snakemake --profile cpu -n -- complexity", []),
        ("snakemake --profile gpu --dry -- complex", ["--dry", "gpu", "complex"]),
        ("python workflow/scripts/latency.py resnet18 --rounds 2", ["--rounds"]),
        ("python workflow/scripts/time.py", ["workflow/scripts/time.py"]),
        ("dvc repro memory latencies", ["latencies"]),
        ("pip install -e '.[openvino,gpu]'", ["gpu"]),
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str, wrong: list[str]) -> None:
    assert [one for words in parts(line) for one in problems(words)] == wrong


# Lengths -------------------------------------------------------------------------------------


def long_lines(file: Path) -> list[int]:
    exempt: set[int] = set()
    for token in tokens(file):
        if token.type in ("fence", "code_block", "table_open", "html_block") and token.map:
            exempt.update(range(*token.map))
    return [
        number + 1
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines())
        if len(line) > WIDTH and number not in exempt and not re.search(r"\]\(|\]:|https?://", line)
    ]


@pytest.mark.parametrize("file", FILES, ids=name)
def test_lines_of_the_documentation_wrap_at_100(file: Path) -> None:
    assert long_lines(file) == []


@pytest.mark.parametrize("file", EXPLANATIONS, ids=name)
def test_a_page_of_the_explanation_has_under_a_thousand_words(file: Path) -> None:
    words = sum(len(one.content.split()) for one in tokens(file) if one.type == "inline")
    assert words < EXPLANATION_WORDS


def test_the_readme_has_under_120_lines() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) < README_LINES
