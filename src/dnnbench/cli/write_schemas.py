"""Write workflow/schemas/ from the models that check the files.

Run it as `python -m dnnbench.cli.write_schemas`.

The files are for editors and readers; a test holds them and the models together.
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
    """Return the content that the schema file of this name should have."""
    content = yaml.safe_dump(SCHEMAS[name](), sort_keys=False, width=100, allow_unicode=True)
    return f"# Written by `make schemas`; edit src/dnnbench/ instead.\n{content}"


if __name__ == "__main__":
    for each in SCHEMAS:
        (FOLDER / each).write_text(text(each), encoding="utf-8")
