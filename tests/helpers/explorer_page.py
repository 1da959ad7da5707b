"""The page's explorer in a browser window, and the answers of ``dnnbench pick`` to compare."""

from pathlib import Path
from typing import Any

from dnnbench.queries.best_fit import Entry, LeftOut, pick
from dnnbench.report.figures.explorer_facts import controls
from dnnbench.report.figures.results import Results
from helpers.browser import Browser
from helpers.holed_study import tables_of

NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


LIMITS = tuple(limit.name for limit in controls())


# Set the controls and read the answer, as a user would.
HELPERS = """
const at = (id) => document.getElementById(id);
const set = (id, value, kind) => {
    at(id).value = value;
    at(id).dispatchEvent(new Event(kind, {bubbles: true}));
};
const list = (panel, selector, keys) =>
    [...panel.querySelectorAll(selector)].map((one) => keys.map((key) => one.dataset[key]));
const read = (panel) => ({
    ...panel.querySelector('.verdict').dataset,
    device: panel.dataset.device,
    leftOut: panel.dataset.leftOut.split(' ').filter(Boolean),
    rows: list(panel, 'tbody tr[data-model]', ['model', 'variant', 'fits', 'group', 'undecided']),
    binding: list(panel, '.binding li', ['limit', 'model']),
    nearest: list(panel, '.nearest li', ['model']).flat(),
    headline: panel.querySelector('.best').textContent,
});
const panels = () => [...document.querySelectorAll('.panel')].map(read);
"""


class Page:
    """The explorer in a browser window."""

    def __init__(self, window: Browser, path: Path) -> None:
        self.window, self.path = window, path

    def open(self, fragment: str = "limits=none", **options: Any) -> None:
        self.window.blank()
        self.window.open(self.path, width=options.pop("width", 1280), fragment=fragment, **options)
        self.window.wait("document.documentElement.dataset.ready")

    def run(self, script: str) -> Any:
        return self.window.evaluate(f"(() => {{ {HELPERS} {script} }})()")

    def clean(self) -> None:
        """Assert that the console is empty and that only the page was requested."""
        assert self.window.console() == []
        asked = {address.partition("#")[0] for address in self.window.requests()}
        assert {a for a in asked if not a.startswith(("about:", "data:"))} == {
            self.path.resolve().as_uri()
        }


def expected(
    shown: Results,
    device: str,
    size: int,
    limits: dict[str, float],
    variant: str | None = None,
) -> dict[str, Any]:
    """Return the answer of ``dnnbench pick`` as the page's data attributes."""
    rows, models = tables_of(shown)
    answer = pick(
        rows, models, device, limits, size, 1000, comparisons=shown.comparisons, variant=variant
    )
    listed = [*answer.entries, *answer.inconclusive]
    return {
        "device": device,
        "best": f"{answer.best}/{answer.best_variant}" if answer.best else "",
        "rivals": " ".join(map(key, answer.inconclusive)),
        "judged": str(answer.configurations),
        "fit": str(answer.fit),
        "cannotTell": str(answer.cannot_tell),
        "better": str(answer.better),
        "leftOut": sorted(map(key, answer.left_out)),
        "rows": [
            [entry.model, entry.variant, entry.fits, str(entry.tie_group), entry.undecided or ""]
            for entry in listed
        ],
        "binding": [[one.limit, one.miss.model] for one in answer.binding],
        "nearest": [miss.model for miss in answer.nearest[:3]],
    }


def found(panel: dict[str, Any]) -> dict[str, Any]:
    """Return an answer of the page in the form of ``expected``, which lists no other networks."""
    rivals = panel["rivals"].split()
    return {
        **{key: value for key, value in panel.items() if key != "headline"},
        "leftOut": sorted(panel["leftOut"]),
        "rows": [row for row in panel["rows"] if row[2] == "yes" or f"{row[0]}/{row[1]}" in rivals],
    }


def key(one: Entry | LeftOut) -> str:
    """Return what identifies a configuration on the page."""
    return f"{one.model}/{one.variant}"
