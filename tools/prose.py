"""Check the prose of the repository: wording, American spelling, and general advice.

    python tools/prose.py [FILE...]

Without files, it checks all files that git tracks. tools/phrases.yaml lists wording to avoid,
codespell finds British spellings and common errors, and proselint gives general advice. The exit
code is 1 if there are any hits.
"""

import os
import re
import subprocess
import sys
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path

import yaml
from passages import Passage, passages
from proselint.checks import __register__
from proselint.config import DEFAULT, Config
from proselint.registry import CheckRegistry
from proselint.tools import LintFile

ROOT = Path(__file__).resolve().parents[1]
PHRASES = Path(__file__).with_name("phrases.yaml")
# Files that are generated from checked texts or by a study, are by others, or quote bad wording.
EXCLUDED = re.compile(
    r"LICENSE|config/models\.yaml|docs/(assets|example)/.*|docs/reference/(commands|results|settings)\.md"
    r"|examples/.*\.lock|tests/tools/.*|tools/phrases\.yaml|workflow/(envs|schemas)/.*"
)
_BETWEEN = "\n\n~~\n\n"  # Nothing matches across it.
# The fences of code blocks (but not the lines between them), code in sentences, URLs, and a key of
# findings.json that keeps its spelling.
_CODE = re.compile(
    r"^\s*```.*$|``[^`]+``|`[^`\n]*(?:\n[^`\n]+)?`|https?://\S+|within error, as labelled",
    re.MULTILINE,
)
# Correct words that codespell or proselint reports, and deliberate mistakes in tests.
IGNORED = ("determinstic", "familly", "fo", "for free", "sans-serif", "stauts")
# Checks of proselint that are turned off, and why.
UNUSED = {
    # Terminals and sources have straight quotes, `...` and letters without accents.
    "typography": False,
    # Tables repeat numbers, and titles the first words below them; phrases.yaml has a rule.
    "lexical_illusions": False,
    # It mistakes "multiply-add" for an adverb.
    "misc.phrasal_adjectives": False,
    # It mistakes 9,999 for a year.
    "dates_times.dates": False,
    # It does not end a phrase at a period.
    "misc.illogic": False,
    # Tests state p values as they are.
    "psychology": False,
    # "Cool down" and "meet together" are meant literally.
    "redundancy.misc.after_the_deadline": False,
    # It suggests swearing.
    "weasel_words.very": False,
}


@dataclass(frozen=True)
class Hit:
    """Wording to avoid, its place, and what to write instead."""

    file: Path
    line: int
    found: str
    write: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {' '.join(self.found.split())!r}: {self.write}"


@dataclass(frozen=True)
class Rule:
    """Wording to avoid, with an example of it, and what to write instead."""

    pattern: re.Pattern[str]
    example: str
    write: str


@cache
def rules() -> tuple[Rule, ...]:
    """Return the rules of phrases.yaml."""
    return tuple(
        Rule(_compiled(entry), entry.get("example", entry.get("phrase")), entry["write"])
        for entry in yaml.safe_load(PHRASES.read_text(encoding="utf-8"))
    )


def _compiled(entry: dict[str, str]) -> re.Pattern[str]:
    """Match whole words in any case; a space matches any white space."""
    words = entry.get("pattern") or " ".join(map(re.escape, entry["phrase"].split()))
    flexible = words.replace(" ", r"\s+")
    return re.compile(rf"(?:(?<!\w)|(?=\W))(?:{flexible})(?:(?!\w)|(?<=\W))", re.IGNORECASE)


def prose(passage: Passage) -> str:
    """Return the text of a passage, with code and URLs masked."""
    text = _CODE.sub(lambda code: re.sub(r"\S", "~", code[0]), passage.text)
    return text.encode("utf-8", "replace").decode("utf-8")  # Test strings contain surrogates.


class Text:
    """All prose of a file as one text, with a mapping from offsets to lines of the file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._passages = passages(file)
        self._pieces = [prose(passage) for passage in self._passages]
        self.text = _BETWEEN.join(self._pieces)
        lengths = (len(piece) + len(_BETWEEN) for piece in self._pieces)
        self._starts = list(accumulate(lengths, initial=0))

    def pieces(self) -> Iterator[tuple[int, str]]:
        """Yield the offset of each passage in the text, and its prose."""
        return zip(self._starts, self._pieces, strict=False)

    def hit(self, start: int, found: str, write: str) -> Hit:
        """Return a hit at the character at ``start``."""
        place = bisect_right(self._starts, start) - 1
        line = self._passages[place].line_of(start - self._starts[place])
        return Hit(self.file, line, found, write)


def worded(text: Text) -> Iterator[Hit]:
    """Yield the hits of the rules of phrases.yaml."""
    for start, piece in text.pieces():
        for rule in rules():
            for found in rule.pattern.finditer(piece):
                yield text.hit(start + found.start(), found[0], rule.write)


def misspelled(texts: Sequence[Text]) -> Iterator[Hit]:
    """Yield the hits of codespell: common errors, and British spellings."""
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(texts):
            (Path(folder) / f"{number}.txt").write_text(text.text, encoding="utf-8")
        ignored = ",".join(IGNORED)
        options = ["--builtin", "clear,en-GB_to_en-US", "--ignore-words-list", ignored]
        command = [sys.executable, "-m", "codespell_lib", *options, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.findall(r"(\d+)\.txt:(\d+): (.+?) ==> (.+)", done.stdout)
    if done.returncode not in (0, 65) or (done.returncode and not found):
        raise RuntimeError(done.stderr)
    for number, line, word, write in found:
        text = texts[int(number)]
        start = sum(map(len, text.text.splitlines(keepends=True)[: int(line) - 1]))
        yield text.hit(text.text.index(word, start), word, write)


def advised(text: Text) -> Iterator[Hit]:
    """Yield the hits of proselint."""
    for result in LintFile(str(text.file), text.text or " ").lint(_proselint()):
        found = result.check_result
        # It prepends an empty line to the text.
        start, end = (place - 1 for place in found.span)
        write = " ".join(f"{found.message} ({found.check_path})".split())
        if text.text[start:end] not in IGNORED:
            yield text.hit(start, text.text[start:end], write)


@cache
def _proselint() -> Config:
    CheckRegistry().register_many(__register__)
    checks = DEFAULT["checks"] | UNUSED
    # The first name that matches a check counts.
    specific = sorted(checks, key=lambda name: -name.count("."))
    return Config(max_errors=10_000, checks={name: checks[name] for name in specific})


def tracked() -> list[Path]:
    """Return the files of the repository."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return list(map(Path, listed))


def main(names: Sequence[str]) -> int:
    """Print the hits in files, all if none are named, and return how many there are."""
    os.chdir(ROOT)
    files = list(map(Path, names)) or tracked()
    texts = [Text(file) for file in files if not EXCLUDED.fullmatch(str(file))]
    hits = [hit for text in texts for hit in (*worded(text), *advised(text))]
    hits += misspelled(texts)
    for hit in sorted(hits, key=lambda hit: (hit.file, hit.line)):
        print(hit)
    return len(hits)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
