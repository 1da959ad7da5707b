"""Writer of workflow/schemas/, generated from the models that validate the files.

Run it as `python -m dnnbench.cli.write_schemas`. The schemas serve editors and readers. A test
checks that they match the models.
"""

from pathlib import Path

import yaml

from dnnbench.config import parameters
from dnnbench.networks import registry

FOLDER = Path("workflow/schemas")
SCHEMAS = {
    "params.schema.yaml": parameters.schema,
    "models.schema.yaml": registry.schema,
}


def text(name: str) -> str:
    """Return the expected content of the schema file of this name."""
    content = yaml.safe_dump(SCHEMAS[name](), sort_keys=False, width=100, allow_unicode=True)
    return f"# Written by `make schemas`; edit src/dnnbench/ instead.\n{content}"


if __name__ == "__main__":
    for each in SCHEMAS:
        (FOLDER / each).write_text(text(each), encoding="utf-8")
