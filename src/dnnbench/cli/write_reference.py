"""Write the pages of docs/reference that follow from the program.

    python -m dnnbench.cli.write_reference [FOLDER]

Run it in the folder of the repository. A test fails if a committed page is not current.
"""

import argparse
from pathlib import Path

from dnnbench.cli.reference import commands_reference, results_reference, settings_reference

FOLDER = Path("docs/reference")
PAGES = {
    "commands.md": commands_reference.page,
    "results.md": results_reference.page,
    "settings.md": settings_reference.page,
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the generated pages of the reference.")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="Folder to write to.")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")
