"""The glossary: one definition of each term, for the page and for the documentation."""

import re

from helpers.paths import ROOT

from dnnbench.core import strict_yaml

GLOSSARY = strict_yaml.read(ROOT / "src/dnnbench/report/templates/glossary.yaml")
PAGE = (ROOT / "docs/reference/glossary.md").read_text()


def test_the_documentation_has_the_definitions_of_the_page():
    entries = re.findall(r"^## (.+)\n\n((?:.+\n)+)", PAGE, re.MULTILINE)
    documented = {heading.casefold(): " ".join(text.split()) for heading, text in entries}
    assert documented == {term.casefold(): text for term, text in GLOSSARY.items()}


def test_terms_are_in_alphabetical_order():
    assert list(GLOSSARY) == sorted(GLOSSARY, key=str.casefold)


def test_a_definition_has_at_most_three_sentences():
    for term, text in GLOSSARY.items():
        assert len(re.findall(r"[.](?: |$)", text)) <= 3, term
