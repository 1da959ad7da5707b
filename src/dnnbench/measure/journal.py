"""A round's file, and its journal, which keeps finished cells after a kill."""

import os
from collections.abc import Iterable
from pathlib import Path

from dnnbench.core import output, text_file
from dnnbench.core.storage import read_lines, write_bytes, write_lines, writing
from dnnbench.records.latency_records import LatencyLine

Cell = tuple[str, str, int]
Key = tuple[str, str, int, int]


def cell_of(line: LatencyLine) -> Cell:
    """Return what identifies a cell within a round: protocol, model, batch size."""
    return line.protocol, line.model, line.batch_size


def key(line: LatencyLine) -> Key:
    """Return what identifies a line within a round: its cell and the number of the process."""
    return *cell_of(line), line.process


class Journal:
    """The lines of one round: those in its finished file, and those measured since."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._path = output.with_name(f".{output.name}.journal")

    def finished(self) -> list[LatencyLine]:
        """Return the lines of the round's file, completed by an earlier run."""
        return read_lines(self._output, LatencyLine) if self._output.exists() else []

    def unfinished(self) -> list[LatencyLine]:
        """Return the lines of an interrupted run; a truncated line is dropped."""
        if not self._path.exists():
            return []
        content = text_file.read_bytes(self._path)
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            write_bytes(self._path, whole)
        return read_lines(self._path, LatencyLine)

    def append(self, line: LatencyLine) -> None:
        """Write a line to disk immediately. Raises WriteError."""
        with writing(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line.model_dump_json() + "\n")
                file.flush()
                os.fsync(file.fileno())

    def finish(self, lines: Iterable[LatencyLine]) -> None:
        """Write the complete file of the round and delete the journal.

        Raises OutputError, and keeps the journal, if the output no longer has a reader.
        """
        output.check_read()
        write_lines(self._output, lines)
        self._path.unlink(missing_ok=True)
