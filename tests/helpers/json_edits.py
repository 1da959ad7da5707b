"""Manual edits of records."""

import json
from pathlib import Path
from typing import Any


def edit(path: Path, **changes: Any) -> None:
    """Change keys of a record or of a round's only line; __ separates nested keys."""
    content = json.loads(path.read_text())
    for key, value in changes.items():
        *parts, last = key.split("__")
        part = content
        for name in parts:
            part = part[int(name) if name.isdigit() else name]
        part[last] = value
    path.write_text(json.dumps(content))
