"""Descriptions of fields, which are strings below their declarations.

They are read from the source: pydantic could read them too, but whenever a record is imported.
"""

import ast
import inspect
import textwrap
from itertools import pairwise


def field_descriptions(record: type) -> dict[str, str]:
    """Return the descriptions of a class's fields, inherited ones first."""
    found: dict[str, str] = {}
    for base in reversed(record.__mro__[:-1]):
        if base.__module__.partition(".")[0] != "pydantic":
            (definition,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
            assert isinstance(definition, ast.ClassDef)
            found |= _described(definition)
    return found


def _described(definition: ast.ClassDef) -> dict[str, str]:
    found = {}
    for declaration, following in pairwise(definition.body):
        match declaration, following:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(description))),
            ):
                found[name] = inspect.cleandoc(description)
    return found
