"""A round's file, and the journal beside it that keeps each finished cell through a kill."""

import os
from collections.abc import Iterable
from pathlib import Path

from dnnbench.core import output, text_file
from dnnbench.core.storage import read_lines, write_bytes, write_lines, writing
from dnnbench.records.latency_records import LatencyLine

Key = tuple[str, str, int]


def key(line: LatencyLine) -> Key:
    """What a round has one line of: protocol, model, batch size."""
    return line.protocol, line.model, line.batch_size


class Journal:
    """Lines of one round: those of its finished file, and those measured since, one by one."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._path = output.with_name(f".{output.name}.journal")

    def finished(self) -> list[LatencyLine]:
        """Lines of the round's file, which an earlier run completed."""
        return read_lines(self._output, LatencyLine) if self._output.exists() else []

    def unfinished(self) -> list[LatencyLine]:
        """Lines that a run measured before it was stopped. A line cut short is dropped."""
        if not self._path.exists():
            return []
        content = text_file.read_bytes(self._path)
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            write_bytes(self._path, whole)
        return read_lines(self._path, LatencyLine)

    def append(self, line: LatencyLine) -> None:
        """Put a line on disk now. Raises WriteError."""
        with writing(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line.model_dump_json() + "\n")
                file.flush()
                os.fsync(file.fileno())

    def finish(self, lines: Iterable[LatencyLine]) -> None:
        """Write the round's file whole; the journal has done its work.

        Raises OutputError, and keeps the journal, where the run has lost its log.
        """
        output.check_read()
        write_lines(self._output, lines)
        self._path.unlink(missing_ok=True)
