"""Bring what other machines measured into this study's results: all of it checked, or none.

A record may stand in one table with this machine's where it was made by the same code, from the
same definition of the network, with the same settings: its fingerprint says so, since each can be
computed here for the threads and the wait policy that the record states.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dnnbench.config.parameters import Parameters
from dnnbench.core.errors import UserError
from dnnbench.core.storage import RecordError, check_place, read_json, read_lines
from dnnbench.devices.backends import Setup
from dnnbench.machines import other_devices
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
    """A device's folder whose records belong to this study; ``files`` are those to copy."""

    folder: Path
    environment: Environment
    files: list[Path]


def merge(
    folders: Sequence[Path], results: Path, own: str, networks: Mapping[str, Network]
) -> list[Checked]:
    """Copy device folders into ``results``, each in the place of an older copy.

    ``own`` is the device that is measured here, ``networks`` are those of the study. A folder that
    lies in ``results`` already is only checked. Raises UserError, before anything is written, at
    the first record that does not belong.
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
        if checked.folder.resolve() != (results / device).resolve():
            _copy(checked, results / device)
    return list(found.values())


def check(folder: Path, networks: Mapping[str, Network]) -> Checked:
    """Check the planned records of a device's folder. Raises UserError for one that is not ours."""
    file = paths.in_device(folder, paths.ENVIRONMENT)
    if not file.exists():
        raise UserError(f"{file}: no such file; name a device's folder: results/<device>")
    _check_schema(file)
    environment = read_json(file, Environment)
    settings = other_devices.settings(environment.device, source=f"{file}: device")
    files = other_devices.files(folder, other_devices.plan(settings), networks)
    if files == [file]:
        raise UserError(f"{folder}: no record of this study's networks; {_AGAIN}")
    for path in files[1:]:
        _check_schema(path)
        place = {"device": settings.device, "variant": path.parts[-3]}
        if path.suffix == ".jsonl":
            _check_round(path, place, settings, networks)
        else:
            _check_memory(path, place, settings, networks)
    return Checked(folder, environment, files)


def _check_schema(path: Path) -> None:
    """Raise RecordError for a version that is not ours, before its shape is found to be wrong."""
    content = path.read_bytes()
    lines = content.splitlines() if path.suffix == ".jsonl" else [content]
    for number, line in enumerate(lines, start=1):
        try:
            version = json.loads(line).get("schema_version")
        except (ValueError, AttributeError):
            continue  # Not a record at all: reading it says why.
        if version != SCHEMA_VERSION:
            raise RecordError(
                f"{path}:{number}: schema_version: {version!r}: expected {SCHEMA_VERSION}; {_AGAIN}"
            )


def _check_round(
    path: Path, place: Mapping[str, str], settings: Parameters, networks: Mapping[str, Network]
) -> None:
    lines = read_lines(path, LatencyLine)
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
            )
            _check_fingerprint(where, line, expected)


def _check_memory(
    path: Path, place: Mapping[str, str], settings: Parameters, networks: Mapping[str, Network]
) -> None:
    record = read_json(path, MemoryRecord)
    check_place(str(path), record, {**place, "model": path.stem}, _AGAIN)
    threads = settings.threads or record.threads
    expected = memory_profile.cell_fingerprint(
        networks[record.model], Setup(settings.backend, settings.gpu), record.variant, threads
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
    file = paths.in_device(target, paths.ENVIRONMENT)
    if file.exists() and (there := read_json(file, Environment).hostname) != host:
        raise UserError(
            f"{file}: hostname: {there!r}, but {checked.folder} is of {host!r}; give one of the"
            f" machines another device file, or remove {target}"
        )


def _copy(checked: Checked, target: Path) -> None:
    """Copy beside the target, then put in its place; file times are new, so tables follow."""
    coming = target.with_name(f".{target.name}.coming")
    shutil.rmtree(coming, ignore_errors=True)
    for path in checked.files:
        copy = coming / path.relative_to(checked.folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    if target.exists():
        shutil.rmtree(target)
    coming.rename(target)
