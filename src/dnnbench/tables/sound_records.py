"""Validation of a device's records before they enter the tables.

Records of other machines, or edited records, may contain anything. In addition to the validation of
single records (:mod:`dnnbench.records`), a record has to match its path, have a plausible time, be
the only one of its process, and be measured like the rest of its session. Other records are
excluded with a reason.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from dnnbench.core import text_file
from dnnbench.core.errors import UserError
from dnnbench.core.storage import check_place, parse_json
from dnnbench.records import paths
from dnnbench.records.environment_records import Environment
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryRecord
from dnnbench.records.set_aside_records import SetAside
from dnnbench.tables.measured_times import check_time

_REMEDY = "Remove it to measure again."
_LINE_REMEDY = "Remove the line to measure its cell again."


class SoundRecords:
    """Reader of the records of one device; ``aside`` collects the excluded ones."""

    def __init__(self, results: Path, device: str) -> None:
        self.aside: list[SetAside] = []
        self._results = results
        self._device = device

    def environment(self) -> Environment | None:
        """Return the description of the machine; None if there is none, or it is invalid."""
        path = paths.under(self._results, paths.ENVIRONMENT, device=self._device)
        content = self._content(path)
        if content is None:
            return None
        try:
            found = parse_json(content, str(path), Environment, _REMEDY)
            check_place(str(path), found, {"device": self._device}, _REMEDY)
            check_time(f"{path}: recorded", found.recorded, _REMEDY)
        except UserError as error:
            self._set_aside(path, None, error)
            return None
        return found

    def memory(self, variant: str, model: str) -> MemoryRecord | None:
        """Return the record of a network's memory; None if missing or invalid."""
        place = {"device": self._device, "variant": variant, "model": model}
        path = paths.under(self._results, paths.MEMORY, **place)
        content = self._content(path)
        if content is None:
            return None
        try:
            found = parse_json(content, str(path), MemoryRecord, _REMEDY)
            check_place(str(path), found, place, _REMEDY)
            check_time(f"{path}: started", found.started, _REMEDY)
            for cell in found.cells:
                if cell.status == "ok" and cell.memory_mib is None:
                    raise UserError(
                        f"{path}: memory_mib: null: missing at batch size {cell.batch_size},"
                        f" although the status is ok. {_REMEDY}"
                    )
        except UserError as error:
            self._set_aside(path, None, error)
            return None
        return found

    def latency(self, variant: str, rounds: Iterable[int]) -> list[LatencyLine]:
        """Return the valid cells of these rounds."""
        found: list[tuple[Path, int, LatencyLine]] = []
        for number in rounds:
            place: dict[str, str | int] = {"device": self._device, "variant": variant}
            place["round"] = number
            path = paths.under(self._results, paths.ROUND, **place)
            found += self._round(path, place)
        return self._alike(found)

    def _round(
        self, path: Path, place: Mapping[str, str | int]
    ) -> list[tuple[Path, int, LatencyLine]]:
        """Return the valid lines of a file, only the first of each process."""
        first: dict[tuple[str, str, int, int], int] = {}
        found = []
        for at, content in enumerate((self._content(path) or b"").splitlines(), start=1):
            where = f"{path}:{at}"
            try:
                line = parse_json(content, where, LatencyLine, _LINE_REMEDY)
                check_place(where, line, place, _LINE_REMEDY)
                check_time(f"{where}: started", line.started, _LINE_REMEDY)
                if moment := _moment(line.session):
                    check_time(f"{where}: session", moment, _LINE_REMEDY)
                key = line.protocol, line.model, line.batch_size, line.process
                if first.setdefault(key, at) != at:
                    raise UserError(
                        f"{where}: a second line for {line.model}, batch size {line.batch_size},"
                        f" process {line.process}; line {first[key]} counts"
                    )
            except UserError as error:
                self._set_aside(path, at, error)
            else:
                found.append((path, at, line))
        return found

    def _alike(self, found: list[tuple[Path, int, LatencyLine]]) -> list[LatencyLine]:
        """Return the lines that were measured like the majority of their session."""
        counts: dict[str, Counter[str]] = {}
        for _, _, line in found:
            counts.setdefault(line.session, Counter())[_conditions(line)] += 1
        usual = {session: counts[session].most_common(1)[0][0] for session in counts}
        alike = []
        for path, at, line in found:
            if _conditions(line) == usual[line.session]:
                alike.append(line)
            else:
                other = UserError(
                    f"{path}:{at}: {_conditions(line)}, but session {line.session} has"
                    f" {usual[line.session]}"
                )
                self._set_aside(path, at, other)
        return alike

    def _content(self, path: Path) -> bytes | None:
        try:
            return text_file.read_bytes(path)
        except FileNotFoundError:
            return None
        except UserError as error:
            self._set_aside(path, None, error)
            return None

    def _set_aside(self, path: Path, at: int | None, error: UserError) -> None:
        self.aside.append(SetAside.of(error, path, line=at, device=self._device))


def _conditions(line: LatencyLine) -> str:
    """Return the conditions of a measurement, constant within a session."""
    known = line.variables | line.allocator
    variables = [f"{name}={value}" for name, value in sorted(known.items())]
    return ", ".join([f"threads: {line.threads}", f"wait policy {line.wait_policy}", *variables])


def _moment(session: str) -> datetime | None:
    """Return the start of a session, if its name is a time."""
    try:
        return datetime.fromisoformat(session).replace(tzinfo=UTC)
    except ValueError:
        return None
