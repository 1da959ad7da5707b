"""The browsers that tests of the page run in; a missing one is skipped."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from helpers.browser import Browser
from helpers.chromium import CHROMEDRIVER, CHROMIUM, chromium
from helpers.firefox import FIREFOX, firefox
from helpers.webkit import MINIBROWSER, WEBKIT_DRIVER, XVFB, webkit

Start = Callable[[], AbstractContextManager[Browser]]


def _param(start: Start, name: str, there: object, packages: str) -> Any:
    reason = f"needs {name}: install Debian's {packages}"
    return pytest.param(start, id=name, marks=pytest.mark.skipif(not there, reason=reason))


BROWSERS = [
    _param(chromium, "chromium", CHROMIUM and CHROMEDRIVER, "chromium and chromium-driver"),
    _param(firefox, "firefox", FIREFOX, "firefox-esr"),
    _param(webkit, "webkit", WEBKIT_DRIVER and MINIBROWSER and XVFB, "webkit2gtk-driver and xvfb"),
]
# For tests that need what only one browser's driver offers.
CHROMIUM_ONLY = BROWSERS[:1]
