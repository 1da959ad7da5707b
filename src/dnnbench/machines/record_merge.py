"""Merge of valid records from other machines into this study, all or none.

A record may share a table with records of this machine if it was made by the same code, from the
same network definition, and with the same settings. Its fingerprint proves this: it can be
recomputed here from the number of threads and the wait policy that the record states.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import from_json

from dnnbench.config import variants
from dnnbench.config.parameters import Parameters
from dnnbench.core import text_file
from dnnbench.core.errors import UserError
from dnnbench.core.storage import RecordError, check_place, parse_json, read_json
from dnnbench.devices.backends import Setup
from dnnbench.machines import merged_copy, other_devices
from dnnbench.measure import memory_profile, round
from dnnbench.networks.registry import Network
from dnnbench.records import paths
from dnnbench.records.base import SCHEMA_VERSION
from dnnbench.records.environment_records import Environment
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryRecord

_RERUN = "Run the study on that machine at this commit."


@dataclass(frozen=True)
class Checked:
    """A device folder whose records belong to this study.

    ``files`` are the files to copy, with the contents that were checked.
    """

    folder: Path
    environment: Environment
    files: Mapping[Path, bytes]

    @property
    def contents(self) -> merged_copy.Files:
        """File contents by path relative to the folder."""
        return {str(path.relative_to(self.folder)): read for path, read in self.files.items()}


def merge(
    folders: Sequence[Path], results: Path, own: str, networks: Mapping[str, Network]
) -> list[Checked]:
    """Copy device folders into ``results``, replacing earlier copies as a whole.

    ``own`` is the device measured on this machine, and ``networks`` are those of the study. If a
    folder is already in ``results``, it is only checked. Raises UserError before anything is
    written if a record does not belong to the study, or if files that no merge copied would be
    lost.
    """
    found: dict[str, Checked] = {}
    for folder in folders:
        checked = check(folder, networks)
        device = checked.environment.device
        if device in found:
            raise UserError(f"{folder}: device: {device!r}: also in {found[device].folder}.")
        _check_target(results / device, checked, own)
        found[device] = checked
    for device, checked in found.items():
        if not _in_place(checked, results / device):
            merged_copy.replace(results / device, checked.contents)
    return list(found.values())


def check(folder: Path, networks: Mapping[str, Network]) -> Checked:
    """Check the planned records of a device folder.

    Raises UserError for a record that does not belong to this study.
    """
    file = paths.in_device(folder, paths.ENVIRONMENT)
    content = _read(folder, file)
    if content is None:
        raise UserError(f"{file}: no such file. Name the folder of a device: results/<device>.")
    _check_schema(file, content)
    environment = parse_json(content, str(file), Environment, _RERUN)
    settings = other_devices.settings(environment.device, source=f"{file}: device")
    files = {file: content}
    for path in other_devices.planned(folder, other_devices.plan(settings), networks)[1:]:
        content = _read(folder, path)
        if content is None:
            continue
        files[path] = content
        _check_schema(path, content)
        place = {"device": settings.device, "variant": path.parts[-3]}
        if path.suffix == ".jsonl":
            _check_round(path, content, place, settings, networks)
        else:
            _check_memory(path, content, place, settings, networks)
    if len(files) == 1:
        raise UserError(f"{folder}: no records of this study's networks. {_RERUN}")
    return Checked(folder, environment, files)


def _read(folder: Path, path: Path) -> bytes | None:
    """Return the content of a file in ``folder``, or None if it does not exist.

    Raises UserError if it is not a regular file, or if its path contains a link.
    """
    for part in (path, *path.parents):
        if part == folder:
            break
        if part.is_symlink():
            raise UserError(f"{part}: a link. Copy the target instead: rsync --copy-links")
    try:
        return text_file.read_bytes(path)
    except FileNotFoundError:
        return None


def _check_schema(path: Path, content: bytes) -> None:
    """Raise RecordError for another schema version.

    This comes before any other error in the record.
    """
    lines = content.splitlines() if path.suffix == ".jsonl" else [content]
    for number, line in enumerate(lines, start=1):
        try:
            version = from_json(line).get("schema_version")
        except (ValueError, AttributeError):
            continue  # Not a record; parsing it raises the error.
        if version != SCHEMA_VERSION:
            raise RecordError(
                f"{path}:{number}: schema_version: {version!r:.60}: expected {SCHEMA_VERSION}."
                f" {_RERUN}"
            )


def _check_round(
    path: Path,
    content: bytes,
    place: Mapping[str, str],
    settings: Parameters,
    networks: Mapping[str, Network],
) -> None:
    lines = [
        parse_json(line, f"{path}:{at}", LatencyLine, _RERUN)
        for at, line in enumerate(content.splitlines(), start=1)
    ]
    protocol = settings.latency.protocol
    planned = {(line.model, line.batch_size) for line in lines if line.protocol == protocol}
    number = paths.round_number(path)
    for at, line in enumerate(lines, start=1):
        where = f"{path}:{at}"
        check_place(where, line, {**place, "round": number}, _RERUN)
        if line.model not in networks or line.batch_size not in settings.batch_sizes:
            continue  # The study no longer has this network or batch size.
        if (line.model, line.batch_size) not in planned:
            raise UserError(
                f"{where}: protocol: {line.protocol!r}: expected {protocol!r}. {_RERUN}"
            )
        if line.protocol == protocol:
            expected = round.cell_fingerprint(
                networks[line.model],
                Setup(settings.backend, settings.gpu),
                line.variant,
                protocol,
                settings.latency.passes,
                _threads(line, settings),
                line.wait_policy,
                line.variables,
                line.allocator,
            )
            _check_fingerprint(where, line, expected)


def _check_memory(
    path: Path,
    content: bytes,
    place: Mapping[str, str],
    settings: Parameters,
    networks: Mapping[str, Network],
) -> None:
    record = parse_json(content, str(path), MemoryRecord, _RERUN)
    check_place(str(path), record, {**place, "model": path.stem}, _RERUN)
    expected = memory_profile.cell_fingerprint(
        networks[record.model],
        Setup(settings.backend, settings.gpu),
        record.variant,
        _threads(record, settings),
        record.variables,
        record.allocator,
    )
    _check_fingerprint(str(path), record, expected)


def _threads(record: LatencyLine | MemoryRecord, settings: Parameters) -> int:
    """Return the number of threads that the settings ask for, or else the record's."""
    return variants.parse(record.variant).threads or settings.base_threads or record.threads


def _check_fingerprint(where: str, record: LatencyLine | MemoryRecord, expected: str) -> None:
    if record.fingerprint != expected:
        raise UserError(
            f"{where}: fingerprint: {record.fingerprint!r}: expected {expected!r}. The code, the"
            f" settings, or the entry of {record.model} in config/models.yaml differs. {_RERUN}"
        )


def _check_target(target: Path, checked: Checked, own: str) -> None:
    """Raise UserError if a copy would replace the records of a different machine."""
    device, host = checked.environment.device, checked.environment.hostname
    if device == own:
        raise UserError(
            f"{checked.folder}: device: {device!r} is measured on this machine (params.yaml:"
            " profile). Create a separate device file for the other machine."
        )
    if _in_place(checked, target):
        return
    merged_copy.recover(target)
    file = paths.in_device(target, paths.ENVIRONMENT)
    if file.exists() and (there := read_json(file, Environment).hostname) != host:
        raise UserError(
            f"{file}: hostname: {there!r}, but {checked.folder} is from {host!r}. Create a separate"
            f" device file for one of the machines, or move {target} away."
        )
    merged_copy.check(target, checked.contents)


def _in_place(checked: Checked, target: Path) -> bool:
    return checked.folder.resolve() == target.resolve()
