"""A headless Firefox, controlled through Marionette, which geckodriver would also use.

Debian has no package of geckodriver. Marionette is part of Firefox: length-prefixed JSON messages
over a local socket, https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html.
"""

import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from helpers.browser import Browser

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
_NAMES = {
    "url": "WebDriver:Navigate",
    "back": "WebDriver:Back",
    "refresh": "WebDriver:Refresh",
    "execute/sync": "WebDriver:ExecuteScript",
    "execute/async": "WebDriver:ExecuteAsyncScript",
    "actions": "WebDriver:PerformActions",
    "print": "WebDriver:Print",
}
_THEME = "layout.css.prefers-color-scheme.content-override"
_PREFERENCES = {
    "marionette.port": 0,
    "browser.download.folderList": 2,
    # The panel would take the focus from the page.
    "browser.download.alwaysOpenPanel": False,
    "ui.useOverlayScrollbars": 1,
    # Write calls of console to the standard output.
    "devtools.console.stdout.content": True,
}


class Firefox(Browser):
    def __init__(self, port: int, output: Path) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._answers = self._socket.makefile("rb")
        self._output, self._read = output, 0
        self._sent = 0
        self._receive()
        self._send("WebDriver:NewSession", {})

    def command(self, name: str, **parameters: Any) -> Any:
        answer = self._send(_NAMES[name], parameters)
        return answer["value"] if isinstance(answer, dict) else answer

    def shape(self, width: int, height: int, *, dark: bool) -> None:
        self._inside(
            f"const [width, height] = ['{width}px', '{height}px'];"
            "Object.assign(tab.style, {minWidth: width, maxWidth: width, minHeight: height,"
            "  maxHeight: height});"
            f"Services.prefs.setIntPref('{_THEME}', {0 if dark else 1})"
        )
        self.wait(f"innerWidth === {width}")

    def print_media(self, on: bool) -> None:
        self._inside(f"tab.browsingContext.mediumOverride = '{'print' if on else ''}'")

    def run_scripts(self, on: bool) -> None:
        self._inside(f"tab.browsingContext.allowJavascript = {str(on).lower()}")

    def save_downloads(self, folder: Path) -> None:
        self._inside(f"Services.prefs.setStringPref('browser.download.dir', {str(folder)!r})")

    def console(self) -> list[str]:
        """Return calls of console, errors of scripts and violations of the page's policy."""
        with self._output.open(encoding="utf-8") as file:
            file.seek(self._read)
            lines = file.readlines()
            self._read = file.tell()
        errors = self._inside(
            "const all = Services.console.getMessageArray(); Services.console.reset();"
            "return all.filter((one) => one instanceof Ci.nsIScriptError"
            "  && one.sourceName.startsWith('file:')).map((one) => one.errorMessage)"
        )
        # Without a network, Firefox itself complains that it cannot load its remote settings.
        calls = [line for line in lines if line.startswith("console.") and "RSLoader" not in line]
        return calls + list(errors)

    def close(self) -> None:
        self._send("Marionette:Quit", {"flags": ["eForceQuit"]})
        self._socket.close()

    def _inside(self, script: str) -> Any:
        """Run a script with the rights of the browser itself."""
        self._send("Marionette:SetContext", {"value": "chrome"})
        try:
            return self.command(
                "execute/sync", script=f"const tab = gBrowser.selectedBrowser; {script}", args=[]
            )
        finally:
            self._send("Marionette:SetContext", {"value": "content"})

    def _send(self, name: str, parameters: dict[str, Any]) -> Any:
        self._sent += 1
        message = json.dumps([0, self._sent, name, parameters]).encode()
        self._socket.sendall(f"{len(message)}:".encode() + message)
        _, _, error, answer = self._receive()
        if error:
            raise RuntimeError(f"{name}: {error['error']}: {error['message']}")
        return answer

    def _receive(self) -> Any:
        length = b""
        while (digit := self._answers.read(1)) != b":":
            length += digit
        return json.loads(self._answers.read(int(length)))


@contextmanager
def firefox() -> Iterator[Browser]:
    assert FIREFOX
    with tempfile.TemporaryDirectory() as folder:
        profile, output = Path(folder, "profile"), Path(folder, "output")
        profile.mkdir()
        lines = [
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
            for name, value in _PREFERENCES.items()
        ]
        (profile / "user.js").write_text("".join(lines), encoding="utf-8")
        command = [FIREFOX, "--headless", "--marionette", "--remote-allow-system-access"]
        with output.open("w") as file:
            process = subprocess.Popen(
                [*command, "--no-remote", "--profile", profile],
                stdout=file,
                stderr=subprocess.DEVNULL,
            )
        try:
            browser = Firefox(_port(profile / "MarionetteActivePort"), output)
            yield browser
            browser.close()
        finally:
            process.terminate()
            process.wait(20)


def _port(path: Path) -> int:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if path.exists() and (text := path.read_text().strip()):
            return int(text)
        time.sleep(0.1)
    raise TimeoutError("Firefox did not open its port")
