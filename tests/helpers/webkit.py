"""WebKitGTK's MiniBrowser on a virtual screen, controlled through WebKitWebDriver."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from helpers.browser import Browser, HttpBrowser

WEBKIT_DRIVER = shutil.which("WebKitWebDriver")
MINIBROWSER = next(map(str, Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser")), None)
XVFB = shutil.which("Xvfb")
# The toolbar of the window is this wide.
_NARROWEST = 450
# The driver has no command to read the console.
_RECORD = """
window.recorded = [];
for (const kind of ["error", "warn"]) console[kind] = (...texts) => recorded.push(texts.join(" "));
addEventListener("error", ({ message }) => recorded.push(message));
addEventListener("unhandledrejection", ({ reason }) => recorded.push(String(reason)));
addEventListener("securitypolicyviolation", ({ blockedURI }) => recorded.push(blockedURI));
"""


class WebKit(HttpBrowser):
    def open(self, page: Path, **options: Any) -> None:
        super().open(page, **options)
        self._record()

    def reload(self) -> None:
        super().reload()
        self._record()

    def _record(self) -> None:
        self.command("execute/sync", script=_RECORD, args=[])

    def shape(self, width: int, height: int, *, dark: bool) -> None:
        if dark or width < _NARROWEST:
            pytest.skip("WebKit's driver emulates neither dark mode nor phones")
        inside = self.evaluate("[innerWidth, innerHeight]")
        if inside != [width, height]:
            self.command("window/rect", width=width, height=height)
            self.wait(f"innerWidth === {width}")

    def print_media(self, on: bool) -> None:
        pytest.skip("WebKit's driver does not emulate printing")

    def run_scripts(self, on: bool) -> None:
        pytest.skip("WebKit's driver cannot forbid scripts")

    def save_downloads(self, folder: Path) -> None:
        pytest.skip("WebKit's driver cannot choose where to save downloads")

    def console(self) -> list[str]:
        """Return errors and warnings since the page was loaded or since the last call."""
        return list(self.evaluate("(window.recorded ?? []).splice(0)"))


@contextmanager
def webkit() -> Iterator[Browser]:
    assert WEBKIT_DRIVER and MINIBROWSER and XVFB
    with _screen() as display:
        port = _free_port()
        driver = subprocess.Popen(
            [WEBKIT_DRIVER, f"--port={port}"],
            # The sandbox needs rights that containers lack.
            env=os.environ | {"DISPLAY": display, "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        options = {"binary": MINIBROWSER, "args": ["--automation"]}
        try:
            _wait_for(port)
            capabilities = {"webkitgtk:browserOptions": options}
            browser = WebKit(f"http://127.0.0.1:{port}", capabilities)
            try:
                yield browser
            finally:
                browser.close()
        finally:
            driver.terminate()
            driver.wait(10)


@contextmanager
def _screen() -> Iterator[str]:
    """Start a virtual screen and yield its name."""
    assert XVFB
    process = subprocess.Popen(
        [XVFB, "-displayfd", "1", "-screen", "0", "1600x1200x24", "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout
        yield f":{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait(10)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("WebKitWebDriver did not open its port")
