"""axe-core, which finds mistakes of accessibility in a page. npm downloads it on first use."""

import shutil
import subprocess
import tarfile
import tempfile
from functools import cache
from pathlib import Path

from helpers.browser import Browser

NPM = shutil.which("npm")
_PACKAGE = "axe-core@4.14.1"
# Closed details are not checked, so open them. A violation has a rule and the elements breaking it.
_RUN = """const done = arguments[0];
for (const one of document.querySelectorAll("details")) one.open = true;
axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => done(
  violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => target.join(" "))]),
));"""


def violations(browser: Browser) -> dict[str, list[str]]:
    """Return the elements of the open page that break a rule, by rule."""
    browser.command("execute/sync", script=_script(), args=[])
    return dict(browser.command("execute/async", script=_RUN, args=[]))


@cache
def _script() -> str:
    assert NPM
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            [NPM, "pack", _PACKAGE, "--silent"],
            cwd=folder,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        with tarfile.open(Path(folder, packed.stdout.strip())) as archive:
            script = archive.extractfile("package/axe.min.js")
            assert script
            return script.read().decode()
