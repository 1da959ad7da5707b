"""The page reports/index.html: explorer, figures, method, and provenance.

The file is self-contained: it embeds scripts and charts, and a content security policy forbids any
request. External text (network names, messages) is escaped on insertion.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import vl_convert
from jinja2 import Environment as Templates
from jinja2 import PackageLoader, StrictUndefined
from markupsafe import Markup

from dnnbench.config.variants import REFERENCE
from dnnbench.core.formatting import STABILITIES, several
from dnnbench.findings.stated import listed
from dnnbench.queries.wording import STATUSES
from dnnbench.records import labels
from dnnbench.records.environment_records import Environment
from dnnbench.records.published_study import label
from dnnbench.records.set_aside_records import SetAside
from dnnbench.report import explorer_data, glossary
from dnnbench.report.figures import captions
from dnnbench.report.figures.accuracy_table import accuracy_lines, accuracy_text, weights_lines
from dnnbench.report.figures.catalog import Figure
from dnnbench.report.figures.cells import (
    GRADE_COLORS,
    GRADES,
    latency_text,
    memory_text,
)
from dnnbench.report.figures.explorer_chart import axes
from dnnbench.report.figures.explorer_facts import controls
from dnnbench.report.figures.highlight import highlightable
from dnnbench.report.figures.identity import Row, rows
from dnnbench.report.figures.results import Results
from dnnbench.report.figures.save import specification
from dnnbench.report.figures.theme import CSS, config
from dnnbench.report.figures.variants_table import Table as VariantsTable
from dnnbench.report.figures.variants_table import variants_table
from dnnbench.report.findings_section import Section
from dnnbench.report.provenance import provenance

# The explorer's scripts in templates/. Each uses only those before it.
SCRIPTS = (
    "judging.js",
    "wording.js",
    "plotting.js",
    "decision.js",
    "explorer/columns.js",
    "explorer/settings.js",
    "explorer/address.js",
    "explorer/elements.js",
    "explorer/controls.js",
    "explorer/handover.js",
    "explorer/chart_image.js",
    "explorer/answer_card.js",
    "explorer/network_details.js",
    "explorer/network_table.js",
    "explorer/limit_handles.js",
    "explorer/live_chart.js",
    "explorer/download.js",
    "explorer/panels.js",
)


@dataclass(frozen=True)
class Choice:
    """A network selected under a pair of budgets, with its numbers as text.

    A ``rival`` is inconclusive, and more accurate than the best network that fits.
    """

    name: str
    color: str
    top1: str
    certain: bool
    rival: bool
    stability: str | None
    latency: str
    memory: str


@dataclass(frozen=True)
class Device:
    """The page's content about one device.

    ``borrowed`` names the source of its memory.
    """

    key: str
    label: str
    machine: str
    measured: bool
    borrowed: str | None
    counts: str
    choices: list[list[list[Choice]]]
    figures: list[Figure]
    variants: VariantsTable | None


def render(
    results: Results,
    figures: Sequence[Figure],
    environments: Sequence[Environment],
    findings: Section | None = None,
    set_aside: Sequence[SetAside] = (),
) -> str:
    """Return the page as HTML; ``findings`` is the section on the published study."""
    machines = {environment.device: environment for environment in environments}
    devices = [
        _device(results, figures, device, provenance(device, machines.get(device)).machine)
        for device in results.devices
    ]
    specs = {
        figure.name: highlightable(specification(figure))
        for figure in figures
        if not figure.kind.endswith("-table")
    }
    explore = explorer_data.data(results, environments)
    return (
        _templates()
        .get_template("page.html")
        .render(
            devices=devices,
            # Without JavaScript, answer for the measured devices only, if there are any.
            answered=[device for device in devices if device.measured] or devices,
            limits_gib=results.budgets[0],
            limits_fps=results.budgets[1],
            explore=script_data(explore),
            variants=explore["variants"],
            controls=controls(),
            axes=axes(),
            families=explorer_data.families(results),
            figures=[figure for figure in figures if figure.device is None],
            charted=set(specs),
            specs=script_data(specs),
            theme=script_data(config(CSS)),
            scripts=SCRIPTS,
            libraries=Markup(_libraries()),
            grades=GRADE_COLORS,
            environments=environments,
            accuracy=captions.accuracy(
                row["top1_source"] for row in rows(results.models[["top1_source"]])
            ),
            networks=len(results.models),
            reference=REFERENCE,
            accuracy_text=accuracy_text(results),
            accuracy_lines=accuracy_lines(results),
            weights_lines=weights_lines(results),
            findings=findings,
            glossary=glossary.entries(),
            set_aside=set_aside,
        )
    )


def script_data(value: Any) -> Markup:
    """Return JSON for a script element, escaped so that no text can end the element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


@cache
def _templates() -> Templates:
    templates = Templates(
        loader=PackageLoader("dnnbench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals["grade_ranges"] = lambda table: list(zip(GRADES, table.ranges, strict=True))
    return templates


@cache
def _libraries() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as a script: ``window.vegaEmbed``."""
    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    # HTML would parse these as markup; the escapes mean the same in JavaScript strings.
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _device(results: Results, figures: Sequence[Figure], device: str, machine: str) -> Device:
    own, identity = results.rows(device), results.identity
    borrowed = results.borrowed_memory(device)
    return Device(
        key=device,
        label=labels.device(device),
        machine=machine,
        measured=results.measured(device),
        borrowed=f"the {label(borrowed)}" if borrowed else None,
        counts=_counts(own),
        choices=_choices(results, device, own),
        figures=[figure for figure in figures if figure.device == device],
        variants=variants_table([v for v in results.variants if v.device == device], identity),
    )


def _choices(results: Results, device: str, own: Sequence[Row]) -> list[list[list[Choice]]]:
    """Return selected networks, best first, by memory limit and then by speed limit."""
    single = {(row["model"], row["variant"]): row for row in own if row["batch_size"] == 1}
    cells: dict[tuple[float, float], list[Choice]] = {}
    best: dict[tuple[float, float], float] = {}
    for row in results.chosen(device):
        budget, certain = (row["max_memory_gib"], row["min_fps"]), row["fits"] == "yes"
        if certain:
            best.setdefault(budget, row["top1"])
        numbers = single[row["model"], row["variant"]]
        choice = Choice(
            name=results.identity.name(row["model"]) + row["in_variant"],
            color=results.identity.color(row["model"]),
            top1=f"{row['top1']:.2f}%",
            certain=certain,
            rival=not certain and row["top1"] > best.get(budget, 0),
            stability=numbers["stability"],
            latency=latency_text(numbers),
            memory=memory_text(numbers),
        )
        cells.setdefault(budget, []).append(choice)
    limits_gib, limits_fps = results.budgets
    return [[cells.get((gib, fps), []) for fps in limits_fps] for gib in limits_gib]


def _counts(own: Sequence[Row]) -> str:
    """Return how many networks and cells have results, and the verdicts on their latency."""
    if not own:
        return "The study has no results for this device"
    predicted = {row["model"] for row in own if row["source"] == "predicted"}
    own = [row for row in own if row["source"] != "predicted"]
    statuses = Counter(row["status"] for row in own)
    sizes = sorted({int(row["batch_size"]) for row in own})
    verb = "measured" if any(row["source"] == "measured" for row in own) else "published"
    known = {row["model"] for row in own if row["status"] == "ok"}
    networks = len({row["model"] for row in own})
    at = f"batch size{'s' if len(sizes) > 1 else ''} {listed([str(size) for size in sizes])}"
    verdicts = [
        f"{count} {STATUSES[status]}" for status, count in statuses.items() if status != "ok"
    ]
    if verb == "measured":
        stabilities = Counter(row["stability"] for row in own)
        verdicts[:0] = [f"{stabilities[one]} {one}" for one in STABILITIES if stabilities[one]]
    variants = len({row["variant"] for row in own})
    within = f" in {variants} variants" if variants > 1 else ""
    sentences = [
        f"{len(known)} of {networks} networks {verb}{within}, at {at}",
        f"{statuses['ok']} of {len(own)} cells have a latency"
        + (f" ({', '.join(verdicts)})" if verdicts else ""),
    ]
    if predicted:
        others = several(len(predicted), "other network")
        sentences.append(f"Latency of {others} is predicted")
    return ". ".join(sentences)
