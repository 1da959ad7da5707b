"""A headless Chromium, controlled through chromedriver's protocol, for tests of the page."""

import base64
import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
# The driver runs on this machine, so no proxy applies.
_LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Browser:
    def __init__(self, session: str) -> None:
        self._session = session

    def _post(self, command: str, body: dict[str, Any]) -> Any:
        return _post(f"{self._session}/{command}", body)

    def devtools(self, method: str, **parameters: Any) -> Any:
        return self._post("goog/cdp/execute", {"cmd": method, "params": parameters})

    def open(
        self,
        page: Path,
        *,
        width: int,
        height: int = 900,
        dark: bool = False,
        fragment: str = "",
    ) -> None:
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[scheme])
        address = page.resolve().as_uri()
        self._post("url", {"url": f"{address}#{fragment}" if fragment else address})

    def blank(self) -> None:
        """Leave the page, so that opening it again reloads it."""
        self._post("url", {"url": "about:blank"})

    def reload(self) -> None:
        self._post("refresh", {})

    def back(self) -> None:
        self._post("back", {})

    def type(self, text: str) -> None:
        """Type text into the focused field."""
        self.devtools("Input.insertText", text=text)

    def evaluate(self, expression: str) -> Any:
        return self._post("execute/sync", {"script": f"return {expression}", "args": []})

    def wait(self, expression: str) -> Any:
        """Return the value of a JavaScript expression once it is true; fail after 20 seconds."""
        script = f"""const done = arguments[0], end = Date.now() + 20000;
            (function look() {{
                const value = {expression};
                value || Date.now() > end ? done(value) : setTimeout(look, 50);
            }})()"""
        value = self._post("execute/async", {"script": script, "args": []})
        assert value, f"never true: {expression}"
        return value

    def console(self) -> list[str]:
        """Return the console messages since the last call."""
        return [entry["message"] for entry in self._post("se/log", {"type": "browser"})]

    def requests(self) -> list[str]:
        """Return the URLs that the page has requested since the last call."""
        entries = self._post("se/log", {"type": "performance"})
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    def press(self, key: str) -> None:
        """Press a key, given by its name (``Tab``, ``ArrowLeft``)."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowRight": 39}
        fields = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
        text = {"text": "\r"} if key == "Enter" else {}
        self.devtools("Input.dispatchKeyEvent", type="keyDown", **fields, **text)
        self.devtools("Input.dispatchKeyEvent", type="keyUp", **fields)

    def click(self, x: float, y: float) -> None:
        """Click the left button at a position in the window, in pixels."""
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            button = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
            self.devtools("Input.dispatchMouseEvent", type=kind, x=x, y=y, **button)

    def pdf(self) -> bytes:
        """Return the printed page."""
        return base64.b64decode(self.devtools("Page.printToPDF", printBackground=False)["data"])

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        image = self.devtools("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(image["data"]))


@contextmanager
def browser() -> Iterator[Browser]:
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
        address = f"http://127.0.0.1:{port}/session"
        options = {
            "binary": CHROMIUM,
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
        }
        capabilities = {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        session = _post(address, {"capabilities": {"alwaysMatch": capabilities}})
        address = f"{address}/{session['sessionId']}"
        try:
            yield Browser(address)
        finally:
            _LOCAL.open(urllib.request.Request(address, method="DELETE"))
    finally:
        driver.terminate()
        driver.wait(10)


def _post(address: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        address, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with _LOCAL.open(request, timeout=60) as answer:
        return json.load(answer)["value"]
