"""docs/reference/results.md, from the records: every file, column and key."""

import dataclasses
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from dnnbench.cli.listings import BudgetRow, ListedDevice, ListedNetwork, PredictedNetwork
from dnnbench.cli.reference import markdown, schema_values
from dnnbench.cli.reference.field_descriptions import field_descriptions
from dnnbench.machines.checks.machine import Check
from dnnbench.queries.best_fit import Entry
from dnnbench.queries.changes import CellChange
from dnnbench.queries.compare_networks import Comparison
from dnnbench.records import paths
from dnnbench.records.accuracy_records import AccuracyRecord
from dnnbench.records.comparison_records import AccuracyRow, ComparisonRow, VariantAccuracyRow
from dnnbench.records.complexity_records import Complexity
from dnnbench.records.environment_records import Environment
from dnnbench.records.export_records import Exported
from dnnbench.records.findings_records import Findings, ReplicationRow
from dnnbench.records.graph_records import GraphRecord
from dnnbench.records.image_records import DecodedImages, DecodedPicture, ImageIndex
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryRecord
from dnnbench.records.merge_records import Merged
from dnnbench.records.set_aside_records import SetAside
from dnnbench.records.study_records import Metrics, ModelRow, SelectionRow, StudyRow, VariantRow
from dnnbench.records.top5 import Answers
from dnnbench.records.weights_records import WeightsRecord


@dataclass(frozen=True)
class File:
    """File that the workflow writes: its path, content, and the record of its columns.

    Or a table that a command prints; ``key`` has its rows in JSON.
    """

    path: str
    content: str
    record: type | None = None
    key: str = ""


_ARRAY = paths.DECODED_IMAGES.removesuffix(".json")
TABLES = (
    File(paths.STUDY, "One row per cell: latency, memory and accuracy.", StudyRow),
    File(paths.MODELS, "One row per network: parameters, operations and accuracy.", ModelRow),
    File(paths.SELECTION, "The best networks for each budget.", SelectionRow),
    File(paths.VARIANTS, "Variants compared with `fp32-eager`, one row per cell.", VariantRow),
    File(paths.COMPLEXITY, "One row per network: parameters and operations.", Complexity),
    File(paths.ACCURACY_SUMMARY, "One row per network: measured accuracy and rank.", AccuracyRow),
    File(
        paths.VARIANT_ACCURACY_TABLE,
        "Accuracy in variants, compared with `fp32-eager`.",
        VariantAccuracyRow,
    ),
    File(
        paths.COMPARISONS,
        "One row per pair of networks, or of variants, measured on the same images.",
        ComparisonRow,
    ),
    File(paths.REPLICATION, "Published and measured numbers side by side.", ReplicationRow),
    File(paths.SET_ASIDE, "Records that the tables leave out, and why.", SetAside),
    File(paths.ACCURACY_SET_ASIDE, "Accuracy records that the tables leave out, and why."),
)
RECORDS = (
    File(paths.ENVIRONMENT, "The machine and its software.", Environment),
    File(paths.ROUND, "One line per cell: raw samples and signs of disturbance.", LatencyLine),
    File(paths.MEMORY, "A network's memory at each batch size.", MemoryRecord),
    File(paths.ACCURACY, "A network's accuracy, overall and per class.", AccuracyRecord),
    File(paths.ANSWERS, "A network's predictions for every image (NumPy arrays).", Answers),
    File(paths.VARIANT_ACCURACY, "The accuracy of a network in another variant."),
    File(paths.VARIANT_ANSWERS, "Its predictions in that variant."),
    File(paths.FINDINGS, "Tests of the claims of the 2018 study.", Findings),
    File(paths.METRICS, "A summary of each measured device, for `dvc metrics`.", Metrics),
    File(paths.MERGED, "Files that `dnnbench merge` copied for a device.", Merged),
)
REPORTS = (
    File(paths.PAGE, "The page, a single file that works offline."),
    File(
        f"{paths.FIGURES}/<name>.{{svg,png,json}}",
        "The figures; the `.json` file is the Vega-Lite source.",
    ),
)
CACHES = (
    File(
        paths.WEIGHTS,
        "Origin and hash of a network's weights, which are in the same folder.",
        WeightsRecord,
    ),
    File(
        paths.GRAPH,
        "Origin and hashes of a network's graphs, which are in the same folder.",
        GraphRecord,
    ),
    File(paths.IMAGE_INDEX, "The images of a data set.", ImageIndex),
    File(
        paths.DECODED_IMAGES, "Description of an array of decoded images (`.npy`).", DecodedImages
    ),
    File(f"{_ARRAY}-<key>.jsonl", "The images in this array, one per line.", DecodedPicture),
    File(
        "NAME.json",
        "Written by `dnnbench export` next to the graph: how to use it, and where it comes from.",
        Exported,
    ),
    File(f"{paths.DATASETS}/", "Downloaded data sets."),
    File(paths.SETTINGS, "Validated settings of the last run, which its jobs read."),
    File("logs/", "Output of the jobs."),
)
ANSWERS = (
    File(
        "dnnbench pick --csv",
        "The listed networks. The page offers the same table as a download.",
        Entry,
        "entries",
    ),
    File("dnnbench summary --csv", "The best networks for each budget.", BudgetRow, "budgets"),
    File(
        "dnnbench compare A B --csv",
        "The differences between two networks; also [in Python](../how-to/use-from-python.md).",
        Comparison,
        "comparisons",
    ),
    File(
        "dnnbench compare RUN RUN --csv", "The cells that both runs measured.", CellChange, "cells"
    ),
    File("dnnbench show MODEL --csv", f"The network's rows of `{paths.STUDY}`.", key="cells"),
    File("dnnbench devices --csv", "The devices.", ListedDevice, "devices"),
    File("dnnbench models --csv", "The networks.", ListedNetwork, "networks"),
    File("dnnbench predict --csv", "The predicted networks.", PredictedNetwork, "predictions"),
    File("dnnbench check --csv", "The checks.", Check, "checks"),
)
_ANSWERS_INTRODUCTION = """\
Each command that prints a table also prints it with `--csv`, or its whole answer with `--json`. In
JSON, the rows are objects whose keys are the columns, in a list with the key below.
"""
# A cell, network or record has one of these in its column `status`.
STATUSES = {
    "ok": "The value was measured.",
    "oom": "The memory of the device is too small for this batch size.",
    "timeout": "The measurement took longer than the time limit.",
    "failed": "The network raised an error, crashed, or gave a wrong output.",
    "not_measured": "The measurement was not attempted, or its record was excluded.",
}
_SECTIONS = (
    ("Tables", TABLES),
    ("Records", RECORDS),
    ("Report", REPORTS),
    ("Caches", CACHES),
    ("Command output", ANSWERS),
)
# Beginnings of docstrings, which name the file in the heading above, and their replacements.
_BEGINNINGS = {"Row": "Each row is ", "Line": "Each line is ", "Content": "Content: "}
# Titles of records whose class names do not read well as a title.
_TITLES = {
    "Built": "Build",
    "ClassTop1": "Class accuracy",
    "GpuEnvironment": "GPU environment",
    "LeftOut": "Files left out",
    "WeightsTried": "Weights not used",
}
_INTRODUCTION = """\
This page lists every file that a study writes, with every column or key. `results/` holds the
measurements and the tables computed from them. `reports/` holds the page and its figures. You can
delete `resources/` and `logs/`; the next run restores what it needs.
"""
_CONVENTIONS = """\
Units are in the names: `latency_ms`, `memory_mib` (2^20 bytes), `energy_mj`. An unknown value is an
empty field in CSV and `null` in JSON, never 0 and never a missing row. Floats are written with
enough digits to restore the exact value. Accuracies and columns with the unit % are percentages;
other shares are fractions, 0 to 1.
"""


def page() -> str:
    """Return the page."""
    return markdown.page("Results", "the descriptions in src/dnnbench/records", _parts())


def _parts() -> Iterator[str]:
    yield markdown.wrapped(_INTRODUCTION)
    yield markdown.wrapped(_CONVENTIONS)
    yield "A status explains why a number is missing:"
    yield markdown.table(
        ("status", "meaning"), [(f"`{status}`", said) for status, said in STATUSES.items()]
    )
    described = set(_own_sections())
    for title, files in _SECTIONS:
        yield f"## {title}"
        if files is ANSWERS:
            yield markdown.wrapped(_ANSWERS_INTRODUCTION)
        header = ["command", "content", "key in JSON"] if files is ANSWERS else ["file", "content"]
        rows = [(f"`{_shown(file.path)}`", file.content, f"`{file.key}`") for file in files]
        yield markdown.table(header, [row[: len(header)] for row in rows])
        for file in files:
            if file.record:
                yield f"### `{_shown(file.path)}`"
                yield from _record(file, described)


def _shown(path: str) -> str:
    """Return a path with its wildcards in angle brackets; other braces stay."""
    return re.sub(r"\{(\w+)\}", r"<\1>", path)


def _record(file: File, described: set[str]) -> Iterator[str]:
    """Yield the columns or keys of a file, then its inner records, each once per page."""
    assert file.record
    if dataclasses.is_dataclass(file.record):
        yield _described(file.record)
        keys = field_descriptions(file.record).items()
        yield markdown.table(
            ("array", "meaning"), [(f"`{key}`", markdown.text(said)) for key, said in keys]
        )
        return
    assert issubclass(file.record, BaseModel)
    inner = _inner(file.record)
    yield _described(file.record)
    yield _table(file.record, inner, csv=file.path.endswith("csv") or file in ANSWERS)
    for name, record in inner.items():
        if name not in described:
            described.add(name)
            yield f"#### {_title(name)}"
            yield _described(record)
            yield _table(record, inner, csv=False)


def _described(record: type) -> str:
    """Return a record's docstring, without the file's name if the docstring begins with it."""
    text = re.sub(
        r"^(Row|Line|Content) of [^:]+: ",
        lambda begin: _BEGINNINGS[begin[1]],
        record.__doc__ or "",
    )
    return markdown.paragraphs(text)


def _table(record: type[BaseModel], inner: Mapping[str, type[BaseModel]], csv: bool) -> str:
    schema = record.model_json_schema(mode="serialization")
    descriptions = field_descriptions(record)
    null = "empty" if csv else "`null`"
    rows = []
    for key, value in schema["properties"].items():
        kind = schema_values.value(value, _link, null, ranges=False)
        unit = schema_values.unit(key) if re.search("integer|number", kind) else ""
        rows.append((f"`{key}`", kind, unit, markdown.text(descriptions.get(key, ""))))
    return markdown.table(("column" if csv else "key", "type", "unit", "meaning"), rows)


def _own_sections() -> dict[str, str]:
    """Return the anchors of the records of files, by class name."""
    return {
        file.record.__name__: re.sub(r"[^\w-]", "", _shown(file.path).lower())
        for _, files in _SECTIONS
        for file in files
        if file.record
    }


def _link(name: str) -> str:
    title = _title(name)
    anchor = _own_sections().get(name) or title.lower().replace(" ", "-")
    return f"[{title}](#{anchor})"


def _title(name: str) -> str:
    """Return a title for a class: ``Image geometry`` for ``ImageGeometry``."""
    words = re.sub(r"(?<=[a-z])([A-Z])", lambda letter: f" {letter[0].lower()}", name)
    return _TITLES.get(name, words)


def _inner(record: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Return the records within a record, at any depth, by class name."""
    found: dict[str, type[BaseModel]] = {}
    for field in record.model_fields.values():
        for kind in _classes(field.annotation):
            if issubclass(kind, BaseModel):
                found |= {kind.__name__: kind} | _inner(kind)
    return found


def _classes(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type) and not typing.get_args(annotation):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _classes(part)


def undescribed() -> list[str]:
    """Return the columns and keys that lack a description, as ``Record.key``."""
    return [
        f"{record.__name__}.{key}"
        for _, files in _SECTIONS
        for file in files
        if file.record
        for record in [file.record, *_within(file.record)]
        for key in _fields(record)
        if not field_descriptions(record).get(key)
    ]


def _within(record: type) -> list[type[BaseModel]]:
    return list(_inner(record).values()) if issubclass(record, BaseModel) else []


def _fields(record: Any) -> list[str]:
    if issubclass(record, BaseModel):
        return list(record.model_fields)
    return [field.name for field in dataclasses.fields(record)]
