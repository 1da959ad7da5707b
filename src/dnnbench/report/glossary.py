"""The glossary on the page, read from templates/glossary.yaml."""

import re
from dataclasses import dataclass
from importlib.resources import files

import yaml
from markupsafe import Markup, escape

_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Entry:
    """A term with its definition; ``anchor`` is the id of its element."""

    anchor: str
    term: str
    definition: Markup


def entries() -> list[Entry]:
    """Return all terms in the file's order, with code marked up and text escaped."""
    text = files("dnnbench.report").joinpath("templates", "glossary.yaml").read_text("utf-8")
    return [
        Entry(
            anchor=f"term-{term.lower().replace(' ', '-')}",
            term=term[:1].upper() + term[1:],
            definition=Markup(_CODE.sub(r"<code>\1</code>", str(escape(definition)))),
        )
        for term, definition in yaml.safe_load(text).items()
    ]
