"""A headless Chromium, controlled through chromedriver."""

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from helpers.browser import Browser, HttpBrowser

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")


class Chromium(HttpBrowser):
    def devtools(self, method: str, **parameters: Any) -> Any:
        return self.command("goog/cdp/execute", cmd=method, params=parameters)

    def shape(self, width: int, height: int, *, dark: bool) -> None:
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[scheme])

    def print_media(self, on: bool) -> None:
        self.devtools("Emulation.setEmulatedMedia", media="print" if on else "")

    def run_scripts(self, on: bool) -> None:
        self.devtools("Emulation.setScriptExecutionDisabled", value=not on)

    def save_downloads(self, folder: Path) -> None:
        self.devtools("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def console(self) -> list[str]:
        return [entry["message"] for entry in self.command("se/log", type="browser")]

    def requests(self) -> list[str]:
        """Return the URLs that the page has requested since the last call, blocked ones too."""
        entries = self.command("se/log", type="performance")
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        image = self.devtools("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(image["data"]))


@contextmanager
def chromium() -> Iterator[Browser]:
    assert CHROMIUM and CHROMEDRIVER
    driver = subprocess.Popen(
        [CHROMEDRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert driver.stdout
        port = next(
            found[1]
            for line in driver.stdout
            if (found := re.search(r"successfully on port (\d+)", line))
        )
        options = {
            "binary": CHROMIUM,
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
        }
        capabilities = {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        browser = Chromium(f"http://127.0.0.1:{port}", capabilities)
        try:
            yield browser
        finally:
            browser.close()
    finally:
        driver.terminate()
        driver.wait(10)
