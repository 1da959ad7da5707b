"""Documentation: the Python examples run, and print what the guide shows."""

import doctest
import re

import pytest
from helpers.paths import ROOT

GUIDE = ROOT / "docs/how-to/use-from-python.md"


def test_the_examples_of_the_python_guide_print_what_it_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```pycon\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, GUIDE.name, str(GUIDE), 0)
    said: list[str] = []
    ran = doctest.DocTestRunner().run(test, out=said.append, clear_globs=False)
    assert ran.attempted > 8
    assert ran.failed == 0, "".join(said)


def test_the_chart_of_the_python_guide_can_be_saved(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    import dnnbench

    found = dnnbench.open(ROOT / "docs/example").compare("resnet18", "resnet34", device="titan")
    monkeypatch.chdir(tmp_path)
    exec(code, {"found": found})
    assert "Our candidates" in (tmp_path / "candidates.svg").read_text(encoding="utf-8")
