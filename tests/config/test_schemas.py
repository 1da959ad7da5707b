import pytest
from helpers.paths import ROOT

from dnnbench.cli import write_schemas

FOLDER = ROOT / write_schemas.FOLDER


@pytest.mark.parametrize("name", write_schemas.SCHEMAS)
def test_a_schema_file_matches_its_model(name):
    assert (FOLDER / name).read_text(encoding="utf-8") == write_schemas.text(name), (
        "run `make schemas`"
    )


@pytest.mark.parametrize("name", write_schemas.SCHEMAS)
def test_every_key_of_a_schema_is_described(name):
    whole = write_schemas.SCHEMAS[name]()
    parts = [whole, *whole["$defs"].values()]
    keys = [(key, value) for part in parts for key, value in part.get("properties", {}).items()]
    assert len(keys) > 15
    assert [part for part in parts if not part.get("description")] == []
    # Sections inherit the description of the definition they refer to.
    assert [k for k, value in keys if not ("description" in value or "$ref" in value)] == []
