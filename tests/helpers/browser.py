"""A browser window, controlled by WebDriver commands, for tests of the page.

helpers/browsers.py lists the browsers. Each has a subclass, because what WebDriver lacks (emulation
of dark mode, printing and phones; the console) differs between them.
"""

import base64
import json
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# https://www.w3.org/TR/webdriver2/#keyboard-actions
_KEYS = {
    "Tab": "\ue004",
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "ArrowLeft": "\ue012",
    "ArrowRight": "\ue014",
    "PageDown": "\ue00f",
    "Delete": "\ue017",
}
# Checking a whole page takes a minute on a busy machine.
_TIMEOUT_S = 300
# Drivers run on this machine, so no proxy applies.
_LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Browser(ABC):
    @abstractmethod
    def command(self, name: str, **parameters: Any) -> Any:
        """Send a WebDriver command, named as in its HTTP interface, and return the result."""

    @abstractmethod
    def shape(self, width: int, height: int, *, dark: bool) -> None:
        """Set the size of the viewport, in pixels, and the theme."""

    @abstractmethod
    def print_media(self, on: bool) -> None:
        """Show the page as if printed, or stop that."""

    @abstractmethod
    def run_scripts(self, on: bool) -> None:
        """Allow pages to run scripts, or forbid it."""

    @abstractmethod
    def save_downloads(self, folder: Path) -> None:
        """Save downloads in a folder."""

    @abstractmethod
    def console(self) -> list[str]:
        """Return the console messages since the last call."""

    def requests(self) -> list[str]:
        """Return the URLs that the page has requested."""
        entries = "performance.getEntriesByType('resource').map((one) => one.name)"
        return list(self.evaluate(f"[location.href, ...{entries}]"))

    def open(
        self,
        page: Path,
        *,
        width: int,
        height: int = 900,
        dark: bool = False,
        fragment: str = "",
    ) -> None:
        self.shape(width, height, dark=dark)
        address = page.resolve().as_uri()
        self.command("url", url=f"{address}#{fragment}" if fragment else address)

    def blank(self) -> None:
        """Leave the page, so that opening it again reloads it."""
        self.command("url", url="about:blank")

    def reload(self) -> None:
        self.command("refresh")

    def back(self) -> None:
        self.command("back")

    def type(self, text: str) -> None:
        """Type text into the focused field."""
        self._keys(text)

    def evaluate(self, expression: str) -> Any:
        return self.command("execute/sync", script=f"return {expression}", args=[])

    def wait(self, expression: str) -> Any:
        """Return the value of a JavaScript expression once it is true; fail after 20 seconds."""
        script = f"""const done = arguments[0], end = Date.now() + 20000;
            (function look() {{
                const value = {expression};
                value || Date.now() > end ? done(value) : setTimeout(look, 50);
            }})()"""
        value = self.command("execute/async", script=script, args=[])
        assert value, f"never true: {expression}"
        return value

    def settle(self) -> None:
        """Wait until the page has kept its height and its position for a third of a second."""
        self.command(
            "execute/async",
            script="""const done = arguments[0];
                (function look(before, since) {
                    const now = `${document.documentElement.scrollHeight} ${scrollY}`;
                    const start = now === before ? since : Date.now();
                    if (Date.now() - start > 333) return done(true);
                    setTimeout(look, 50, now, start);
                })()""",
            args=[],
        )

    def press(self, key: str) -> None:
        """Press a key, given by its name (``Tab``, ``ArrowLeft``)."""
        self._keys(_KEYS[key])

    def _keys(self, keys: str) -> None:
        steps = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.command("actions", actions=[{"type": "key", "id": "keyboard", "actions": steps}])

    def click(self, x: float, y: float) -> None:
        """Click the left button at a position in the window, in pixels."""
        self.drag((x, y))

    def drag(self, start: Sequence[float], *positions: Sequence[float]) -> None:
        """Press the left button at a position in the window, move to others, and release it."""
        first, *others = (
            {"type": "pointerMove", "x": round(x), "y": round(y), "origin": "viewport"}
            for x, y in (start, *positions)
        )
        steps = [first, {"type": "pointerDown", "button": 0}, *others]
        steps.append({"type": "pointerUp", "button": 0})
        self.command("actions", actions=[{"type": "pointer", "id": "mouse", "actions": steps}])

    def pdf(self) -> bytes:
        """Return the printed page."""
        return base64.b64decode(self.command("print"))


class HttpBrowser(Browser):
    """A browser whose driver has WebDriver's HTTP interface."""

    def __init__(self, address: str, capabilities: dict[str, Any]) -> None:
        """Start a session, with the driver's address."""
        timeouts = {"script": 1000 * _TIMEOUT_S}
        body = {"capabilities": {"alwaysMatch": {**capabilities, "timeouts": timeouts}}}
        session = _post(f"{address}/session", body)
        self._session = f"{address}/session/{session['sessionId']}"

    def command(self, name: str, **parameters: Any) -> Any:
        return _post(f"{self._session}/{name}", parameters)

    def close(self) -> None:
        _LOCAL.open(urllib.request.Request(self._session, method="DELETE"))


def _post(address: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        address, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with _LOCAL.open(request, timeout=_TIMEOUT_S) as answer:
        return json.load(answer)["value"]
