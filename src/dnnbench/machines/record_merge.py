"""Bring what other machines measured into this study's results: all of it checked, or none.

A record may stand in one table with this machine's where it was made by the same code, from the
same definition of the network, with the same settings: its fingerprint says so, since each can be
computed here for the threads and the wait policy that the record states.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import from_json

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

_AGAIN = "run the study on that machine at this commit"


@dataclass(frozen=True)
class Checked:
    """A device's folder whose records belong to this study.

    ``files``: those to copy, with the contents that were checked.
    """

    folder: Path
    environment: Environment
    files: Mapping[Path, bytes]

    @property
    def contents(self) -> merged_copy.Files:
        """The contents by path in the folder."""
        return {str(path.relative_to(self.folder)): read for path, read in self.files.items()}


def merge(
    folders: Sequence[Path], results: Path, own: str, networks: Mapping[str, Network]
) -> list[Checked]:
    """Copy device folders into ``results``, each in the place of an older copy, whole.

    ``own`` is the device that is measured here, ``networks`` are those of the study. A folder that
    lies in ``results`` already is only checked. Raises UserError, before anything is written, at
    the first record that does not belong, and where something would be lost that no merge brought.
    """
    found: dict[str, Checked] = {}
    for folder in folders:
        checked = check(folder, networks)
        device = checked.environment.device
        if device in found:
            raise UserError(f"{folder}: device: {device!r}: {found[device].folder} has it too")
        _check_target(results / device, checked, own)
        found[device] = checked
    for device, checked in found.items():
        if not _in_place(checked, results / device):
            merged_copy.replace(results / device, checked.contents)
    return list(found.values())


def check(folder: Path, networks: Mapping[str, Network]) -> Checked:
    """Check the planned records of a device's folder. Raises UserError for one that is not ours."""
    file = paths.in_device(folder, paths.ENVIRONMENT)
    content = _read(folder, file)
    if content is None:
        raise UserError(f"{file}: no such file; name a device's folder: results/<device>")
    _check_schema(file, content)
    environment = parse_json(content, str(file), Environment, _AGAIN)
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
        raise UserError(f"{folder}: no record of this study's networks; {_AGAIN}")
    return Checked(folder, environment, files)


def _read(folder: Path, path: Path) -> bytes | None:
    """Return the content of a file below ``folder``, None where there is none.

    Raises UserError where it is no regular file, or a link is on the way to it.
    """
    for part in (path, *path.parents):
        if part == folder:
            break
        if part.is_symlink():
            raise UserError(f"{part}: a link; copy what it stands for: rsync --copy-links")
    try:
        return text_file.read_bytes(path)
    except FileNotFoundError:
        return None


def _check_schema(path: Path, content: bytes) -> None:
    """Raise RecordError for a version that is not ours, before its shape is found to be wrong."""
    lines = content.splitlines() if path.suffix == ".jsonl" else [content]
    for number, line in enumerate(lines, start=1):
        try:
            version = from_json(line).get("schema_version")
        except (ValueError, AttributeError):
            continue  # Not a record at all: reading it says why.
        if version != SCHEMA_VERSION:
            raise RecordError(
                f"{path}:{number}: schema_version: {version!r:.60}: expected {SCHEMA_VERSION};"
                f" {_AGAIN}"
            )


def _check_round(
    path: Path,
    content: bytes,
    place: Mapping[str, str],
    settings: Parameters,
    networks: Mapping[str, Network],
) -> None:
    lines = [
        parse_json(line, f"{path}:{at}", LatencyLine, _AGAIN)
        for at, line in enumerate(content.splitlines(), start=1)
    ]
    protocol = settings.latency.protocol
    planned = {(line.model, line.batch_size) for line in lines if line.protocol == protocol}
    number = paths.round_number(path)
    for at, line in enumerate(lines, start=1):
        where = f"{path}:{at}"
        check_place(where, line, {**place, "round": number}, _AGAIN)
        if line.model not in networks or line.batch_size not in settings.batch_sizes:
            continue  # Of a network or batch size that was dropped: no table takes it.
        if (line.model, line.batch_size) not in planned:
            raise UserError(
                f"{where}: protocol: {line.protocol!r}: expected {protocol!r}; {_AGAIN}"
            )
        if line.protocol == protocol:
            expected = round.cell_fingerprint(
                networks[line.model],
                Setup(settings.backend, settings.gpu),
                line.variant,
                protocol,
                settings.latency.passes,
                settings.threads or line.threads,
                line.wait_policy,
                line.variables,
            )
            _check_fingerprint(where, line, expected)


def _check_memory(
    path: Path,
    content: bytes,
    place: Mapping[str, str],
    settings: Parameters,
    networks: Mapping[str, Network],
) -> None:
    record = parse_json(content, str(path), MemoryRecord, _AGAIN)
    check_place(str(path), record, {**place, "model": path.stem}, _AGAIN)
    threads = settings.threads or record.threads
    expected = memory_profile.cell_fingerprint(
        networks[record.model],
        Setup(settings.backend, settings.gpu),
        record.variant,
        threads,
        record.variables,
    )
    _check_fingerprint(str(path), record, expected)


def _check_fingerprint(where: str, record: LatencyLine | MemoryRecord, expected: str) -> None:
    if record.fingerprint != expected:
        raise UserError(
            f"{where}: fingerprint: {record.fingerprint!r}: expected {expected!r}, since code,"
            f" settings or {record.model}'s entry in config/models.yaml are not these; {_AGAIN}"
        )


def _check_target(target: Path, checked: Checked, own: str) -> None:
    """Raise UserError where a copy would take the place of another machine's records."""
    device, host = checked.environment.device, checked.environment.hostname
    if device == own:
        raise UserError(
            f"{checked.folder}: device: {device!r} is measured here (params.yaml: profile);"
            " give the other machine a device file of its own"
        )
    if _in_place(checked, target):
        return
    merged_copy.recover(target)
    file = paths.in_device(target, paths.ENVIRONMENT)
    if file.exists() and (there := read_json(file, Environment).hostname) != host:
        raise UserError(
            f"{file}: hostname: {there!r}, but {checked.folder} is of {host!r}; give one of the"
            f" machines another device file, or move {target} away"
        )
    merged_copy.check(target, checked.contents)


def _in_place(checked: Checked, target: Path) -> bool:
    return checked.folder.resolve() == target.resolve()
