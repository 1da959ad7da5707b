"""Reading and writing of records (JSON, JSON lines, CSV), always validated.

Files are written atomically: they appear complete or not at all.
"""

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from dnnbench.core import text_file
from dnnbench.core.errors import UserError
from dnnbench.core.foreign_text import line

if TYPE_CHECKING:
    import pandas as pd

# Maximum bytes of a file. The index of a data set of millions of images takes hundreds of MB.
_LARGEST = 2**30

R = TypeVar("R", bound=BaseModel)


class RecordError(UserError):
    """An invalid result file; the message has the file, place, value and fix."""


class WriteError(UserError):
    """A file that cannot be written; the message has the file, reason and fix."""


def columns(row_type: type[BaseModel]) -> list[str]:
    """Return the column names of a table, in order."""
    return list(row_type.model_fields)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, atomically; see :func:`write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``path`` atomically: a reader sees the old file or the complete new one.

    Raises WriteError, for example if the disk is full or the folder is read-only.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            # mkstemp creates files readable only by their owner; results are for everyone.
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink()
            raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn system errors while writing ``path`` into WriteError."""
    try:
        yield
    except OSError as error:
        raise WriteError(
            f"{path}: cannot be written: {error.strerror}. Fix this and rerun the command; finished"
            " measurements are kept."
        ) from error


def write_json(path: Path, record: BaseModel) -> None:
    """Write one record as indented JSON, atomically."""
    write_text(path, record.model_dump_json(indent=1) + "\n")


def write_lines(path: Path, records: Iterable[BaseModel]) -> None:
    """Write records as JSON lines, atomically."""
    write_text(path, "".join(record.model_dump_json() + "\n" for record in records))


def write_table(path: Path, row_type: type[BaseModel], rows: Iterable[BaseModel]) -> None:
    """Write rows as CSV with a header, atomically; ``None`` becomes an empty field."""
    write_text(path, table_text(row_type, rows))


def table_text(row_type: type[BaseModel], rows: Iterable[BaseModel]) -> str:
    """Return rows as CSV text with a header; ``None`` becomes an empty field."""

    def field(value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return str(value).lower()
        return repr(value) if isinstance(value, float) else str(value)

    names = columns(row_type)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([field(getattr(row, name)) for name in names] for row in rows)
    return buffer.getvalue()


def read_json(path: Path, record_type: type[R]) -> R:
    """Read one record. Raises RecordError with the file, key and value."""
    return parse_json(text_file.read_bytes(path, _LARGEST), str(path), record_type)


def read_lines(path: Path, record_type: type[R]) -> list[R]:
    """Read JSON lines. Raises RecordError with the file, line, key and value."""
    remedy = "Remove the line to measure its cell again."
    return [
        parse_json(line, f"{path}:{number}", record_type, remedy)
        for number, line in enumerate(text_file.read_bytes(path, _LARGEST).splitlines(), start=1)
    ]


def parse_json(
    content: bytes, where: str, record_type: type[R], remedy: str = "Remove it to measure again."
) -> R:
    """Parse one record from JSON.

    Raises RecordError; ``where`` is its origin, for the message.
    """
    try:
        return record_type.model_validate_json(content)
    except ValidationError as error:
        raise RecordError(f"{where}: {describe(error)}. {remedy}") from error


def check_place(where: str, record: BaseModel, place: Mapping[str, str | int], remedy: str) -> None:
    """Raise RecordError unless the record's fields have the values in ``place``."""
    for key, expected in place.items():
        value = getattr(record, key)
        if value != expected:
            raise RecordError(f"{where}: {key}: {value!r}: expected {expected!r} here. {remedy}")


def read_rows(
    path: Path, row_type: type[R], remedy: str = "Remove the file to create it again."
) -> list[R]:
    """Read a CSV table as typed rows.

    Raises RecordError with the file, row, column and value, ending with ``remedy``. A truncated row
    is an error even if the missing fields may be empty.
    """
    rows = []
    for _, row in each_row(path, row_type, remedy):
        if isinstance(row, RecordError):
            raise row
        rows.append(row)
    return rows


def each_row(
    path: Path, row_type: type[R], remedy: str = "Remove the file to create it again."
) -> list[tuple[int, R | RecordError]]:
    """Return line numbers and rows like :func:`read_rows`, or errors for bad rows.

    Raises RecordError if the file is not a table of this type.
    """
    try:
        return list(_rows(path, row_type, remedy))
    except (UnicodeDecodeError, csv.Error) as error:
        raise RecordError(f"{path}: not CSV in UTF-8: {error}. {remedy}") from error


def _rows(path: Path, row_type: type[R], remedy: str) -> Iterator[tuple[int, R | RecordError]]:
    text = text_file.read_bytes(path, _LARGEST).decode("utf-8")
    with io.StringIO(text, newline="") as file:
        reader = csv.reader(file)
        expected = columns(row_type)
        found = next(reader, None)
        if found != expected:
            raise RecordError(f"{path}: columns: {_difference(found or [], expected)}. {remedy}")
        for values in reader:
            number = reader.line_num
            place = f"{path}:{number}"
            if len(values) != len(expected):
                problem = f"{place}: fields: {len(values)}, expected {len(expected)}. {remedy}"
                yield number, RecordError(problem)
                continue
            fields = {key: value or None for key, value in zip(expected, values, strict=True)}
            try:
                yield number, row_type.model_validate(fields)
            except ValidationError as error:
                yield number, RecordError(f"{place}: {describe(error)}. {remedy}")


def _difference(found: Sequence[str], expected: Sequence[str]) -> str:
    """Return in a few words how the columns of a table differ from the expected ones."""
    if not found:
        return "none, because the file is empty"
    missing = [name for name in expected if name not in found]
    unknown = [name for name in found if name not in expected]
    kinds = {"missing": missing, "unknown": unknown}
    named = [f"{kind} {_first(names)}" for kind, names in kinds.items() if names]
    return ", ".join(named) or "duplicated or in the wrong order"


def _first(names: Sequence[str]) -> str:
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" (and {more} more)" if more > 0 else "")


def read_table(path: Path, row_type: type[BaseModel]) -> "pd.DataFrame":
    """Read a CSV table, validated row by row, as a data frame with nullable columns."""
    return to_frame(row_type, read_rows(path, row_type))


def to_frame(row_type: type[BaseModel], rows: Iterable[BaseModel]) -> "pd.DataFrame":
    """Return rows as a data frame with every column; ``None`` becomes a missing value."""
    import pandas as pd  # Imported here because it is slow and measuring stages do not need it.

    frame = pd.DataFrame([row.model_dump() for row in rows], columns=columns(row_type))
    return frame.convert_dtypes()


def describe(error: ValidationError) -> str:
    """Return the first problem of a validation error as key, value, expectation.

    A wrong schema version comes first, because it may cause the other problems.
    """
    problems = error.errors(include_url=False)
    first = min(problems, key=lambda problem: problem["loc"] != ("schema_version",))
    key = line(".".join(location(first["loc"])), 100) or "(whole)"
    others = error.error_count() - 1
    more = f" (and {others} more)" if others else ""
    if first["type"] == "value_error":  # Raised by our own validators, with a full explanation.
        return f"{f'{key}: ' if first['loc'] else ''}{first['ctx']['error']}{more}"
    value = first["input"]
    shown = "" if first["type"] == "missing" else f": {_short(value)}"
    message = first["msg"][0].lower() + first["msg"][1:]
    return f"{key}{shown}: {message}{more}"


def location(loc: Iterable[str | int]) -> list[str]:
    """Return the keys of an error's location, without the tags of unions.

    Tags are in parentheses.
    """
    return [str(part) for part in loc if not str(part).startswith("(")]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
