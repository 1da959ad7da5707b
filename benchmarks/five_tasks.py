"""Five tasks with a finished study, in a browser and in a terminal: how much do they take?

Find the best network within a budget, compare two devices, share the answer, find out why a number
is marked, and take the table away. In the browser, counts clicks, typed characters, and how many
screens have to be scrolled, and times each task, with real mouse and keyboard events in Chromium.
In the terminal, counts commands and typed characters. Needs Debian's chromium and chromium-driver.

    python benchmarks/five_tasks.py [PAGE RESULTS]
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from helpers.browser import Browser  # noqa: E402
from helpers.chromium import chromium  # noqa: E402

from dnnbench.records import paths  # noqa: E402

RESULTS = ROOT / "docs/example"
PAGE = RESULTS / Path(paths.PAGE).name
OTHER_DEVICE = "titanxp-2018"
MARKED = ".list tr[data-model=mobilenetv2]"


@dataclass(frozen=True)
class Step:
    """An element to use: click it, type ``text`` into it, or choose ``option`` of it."""

    selector: str
    text: str = ""
    option: str = ""


@dataclass(frozen=True)
class Task:
    """Steps, an expression that is true at the end, and the element to look at then."""

    name: str
    steps: Sequence[Step]
    done: str
    shown: str
    commands: Sequence[str]


TASKS = (
    Task(
        "best within a budget",
        (Step("#max_memory_gib-exact", text="1"), Step("#min_fps-exact", text="30")),
        "document.querySelector('.verdict .question').textContent.includes('30 images/s')",
        ".verdict .best",
        ["pick --device cpu --max-memory 1 --min-fps 30"],
    ),
    Task(
        "compare two devices",
        (Step("#beside", option=OTHER_DEVICE),),
        "document.querySelectorAll('.panel .verdict .best').length === 2",
        ".panel + .panel .best",
        ["pick --device cpu --min-fps 30", "pick --device titan --min-fps 30"],
    ),
    Task(
        "share the answer",
        (Step(".verdict .copy"),),
        "/Copied|allow/.test(document.querySelector('.verdict .copy').textContent)",
        ".verdict .copy",
        ["pick --device cpu --min-fps 30 --markdown"],
    ),
    Task(
        "why a number is marked",
        (Step(f"{MARKED} button"),),
        "document.querySelector('.details')?.textContent.includes('half-width')",
        ".details",
        ["show mobilenet-v2"],
    ),
    Task(
        "take the table away",
        (Step(".download"),),
        "window.saved",
        ".download",
        ["pick --device cpu --min-fps 30 --csv"],
    ),
)


class Visit:
    """One task on a freshly opened page."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.clicks = self.keys = 0
        self.screens = 0.0

    def take(self, step: Step) -> None:
        """Take a step, unless the element already has the value."""
        value = step.text or step.option
        element = f"document.querySelector('{step.selector}')"
        if value and self._browser.evaluate(f"{element}.value") == value:
            return
        if self._browser.evaluate(f"!{element}.checkVisibility()"):
            # A narrow screen folds some controls away.
            self.clicks += 1
            self._browser.click(*self.look("#more > summary"))
        x, y = self.look(step.selector)
        if step.option:
            # Two clicks: on the list, and on the option.
            self.clicks += 2
            self._browser.evaluate(
                f"({element}.value = '{value}',"
                f" {element}.dispatchEvent(new Event('change', {{bubbles: true}})))"
            )
            return
        self.clicks += 1
        self._browser.click(x, y)
        if step.text:
            self._browser.evaluate(f"{element}.select()")
            self._browser.type(step.text)
            self.keys += len(step.text)

    def look(self, selector: str) -> tuple[float, float]:
        """Scroll to an element if it is outside of the window, and return its middle."""
        self._browser.settle()
        far, x, y = self._browser.evaluate(
            f"(() => {{ const one = document.querySelector('{selector}');"
            " const before = scrollY, box = one.getBoundingClientRect();"
            " if (box.top < 0 || box.bottom > innerHeight)"
            "   one.scrollIntoView({block: 'center', behavior: 'instant'});"
            " const { x, y, width, height } = one.getBoundingClientRect();"
            " return [Math.abs(scrollY - before) / innerHeight, x + width / 2, y + height / 2] })()"
        )
        self.screens += far
        return x, y


def in_browser(page: Path, width: int, height: int) -> None:
    """Print what each task takes on the page, and the time until the answer is shown."""
    print(f"{width} x {height} pixels\n  {'task':24} clicks  keys  screens  seconds")
    with chromium() as browser:
        for task in TASKS:
            browser.blank()
            browser.open(page, width=width, height=height)
            browser.wait("document.documentElement.dataset.ready")
            browser.evaluate(
                "HTMLAnchorElement.prototype.click = function () { window.saved = true; }"
            )
            visit = Visit(browser)
            start = time.perf_counter()
            missing = [
                step.selector
                for step in task.steps
                if not browser.evaluate(f"!!document.querySelector('{step.selector}')")
            ]
            if missing:
                print(f"  {task.name:24} not offered")
                continue
            for step in task.steps:
                visit.take(step)
            browser.wait(task.done)
            seconds = time.perf_counter() - start
            visit.look(task.shown)
            print(
                f"  {task.name:24} {visit.clicks:6} {visit.keys:5} {visit.screens:8.1f}"
                f" {seconds:8.1f}"
            )
        seconds = statistics.median(_answer_seconds(browser, page, width, height) for _ in range(5))
    print(f"  answer shown after {seconds:.2f} s; page of {page.stat().st_size / 2**20:.2f} MiB")


def _answer_seconds(browser: Browser, page: Path, width: int, height: int) -> float:
    browser.blank()
    start = time.perf_counter()
    browser.open(page, width=width, height=height)
    browser.wait("document.documentElement.dataset.explored")
    return time.perf_counter() - start


def in_terminal(results: Path) -> None:
    """Print how many commands and characters each task takes, and the time that they run."""
    print(f"terminal\n  {'task':24} commands  keys  seconds")
    for task in TASKS:
        start = time.perf_counter()
        codes = [
            subprocess.run(
                ["dnnbench", *command.split(), "--results", results],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ).returncode
            for command in task.commands
        ]
        seconds = time.perf_counter() - start
        keys = sum(len(f"dnnbench {command}") for command in task.commands)
        failed = "" if not any(codes) else f"  exit codes {codes}"
        print(f"  {task.name:24} {len(codes):8} {keys:5} {seconds:8.1f}{failed}")


def main() -> None:
    """Run all tasks on the page and the results that are given, or on the example."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", nargs="?", type=Path, default=PAGE)
    parser.add_argument("results", nargs="?", type=Path, default=RESULTS)
    given = parser.parse_args()
    for width, height in ((1280, 900), (390, 844)):
        in_browser(given.page, width, height)
    in_terminal(given.results)


if __name__ == "__main__":
    main()
