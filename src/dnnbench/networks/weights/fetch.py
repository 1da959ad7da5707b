"""Trained weights from the first usable source, verified and loaded strictly.

If a source fails, the record states the reason and the next source is tried; only the user's own
file must be valid. A file is loaded only after its hash was verified, and never by running code.
"""

import importlib.resources
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnnbench.config.weights_settings import Weights
from dnnbench.core import checksums, download, text_file
from dnnbench.core.checksums import IntegrityError
from dnnbench.core.errors import UserError
from dnnbench.core.progress import Received
from dnnbench.core.storage import read_json
from dnnbench.networks import builders
from dnnbench.networks.registry import Network, Preparation, WeightsSource
from dnnbench.networks.weights import extraction, hub
from dnnbench.records import paths
from dnnbench.records.weights_records import WeightsRecord, WeightsTried

if TYPE_CHECKING:
    from torch import nn

    from dnnbench.networks.weights.state_dicts import Chosen

_ALGORITHMS = {"sha256_prefix": "sha256", "sha1": "sha1"}

# Builders patch their libraries, and this keeps only one network in memory at a time.
_LOADING = threading.Lock()


class WeightsError(UserError):
    """Weights that cannot be used; the message names file or source, and reason."""


def obtain(
    network: Network,
    settings: Weights,
    folder: Path,
    begin: Callable[[str], Received] = lambda name: lambda done, total: None,
) -> WeightsRecord:
    """Find weights of ``network``: an override, existing files, or a source.

    If there is an override, nothing else is tried. Otherwise the order is: the file of an existing
    record in ``folder``, if still valid; files already in ``folder``; the mirror; packages and
    URLs, tier by tier. A file is used if its hash is right and its tensors match the network. If no
    source has such a file, the status is ``missed``. ``begin`` is called with the name of each file
    to download, and returns a callback for the bytes received.

    Raises UserError if the override is invalid, OSError if ``folder`` cannot be written.
    """
    if own := settings.override.get(network.key):
        origin = f"weights.override.{network.key}: {own.path}"
        if several := extraction.of_parts(own.path):
            raise WeightsError(f"{origin}: {several}")
        checksums.check(own.path, "sha256", own.sha256, origin)
        _, chosen = _loaded(network, own.path, own.key, _override_key(network))
        return WeightsRecord(
            model=network.key,
            status="ok",
            path=str(own.path),
            sha256=own.sha256,
            **_place(chosen),
            tier="override",
            source=str(own.path),
            filename=own.path.name,
        )
    if former := _former(network, settings, folder):
        return former
    tried = []
    for origin, source, get in _places(network, settings, folder, begin):
        try:
            path = get()
            _, chosen = _loaded(network, path, source.key, _source_key(network))
        except UserError as error:
            reason = str(error).removeprefix(f"{origin}: ")
            tried.append(WeightsTried(source=origin, reason=reason))
        else:
            sha256 = checksums.sha256(path)
            if source.hash is None and not _seal(path).exists():
                _seal(path).write_text(sha256)
            return WeightsRecord(
                model=network.key,
                status="ok",
                path=str(path),
                sha256=sha256,
                **_place(chosen),
                revision=_sealed(path).revision,
                tier=source.tier,
                library=source.library,
                source=origin,
                filename=source.filename,
                licence=source.licence,
                tried=tried,
            )
    return WeightsRecord(model=network.key, status="missed", tried=tried)


def load(network: Network, record: WeightsRecord) -> "nn.Module":
    """Build ``network`` with a record's weights: eval mode, no gradients, on the CPU.

    Raises WeightsError if there are none, IntegrityError if the file has changed since, and
    CheckpointError if it does not match the network.
    """
    override = record.tier == "override"
    setting = _override_key(network) if override else _source_key(network)
    return _loaded(network, _verified(record), record.key, setting)[0]


def preparation(network: Network, record: WeightsRecord) -> Preparation:
    """Return a record's input preparation: the source's, or else the network's."""
    source = _source(network, record)
    own = source.preparation if source else None
    return own or Preparation(**network.model_dump(include=set(Preparation.model_fields)))


def describe(record: WeightsRecord, file: Path) -> str:
    """Describe a record in one line: its weights, or why there are none."""
    if record.status == "ok":
        key = f" at {record.key}" if record.key else ""
        others = f" (not {', '.join(record.other_keys)})" if record.other_keys else ""
        return (
            f"{record.model}: {record.filename}{key}{others}, tier {record.tier},"
            f" sha256 {record.sha256}"
        )
    reasons = "; ".join(f"{each.source}: {each.reason.rstrip('.')}" for each in record.tried)
    return f"{record.model}: no weights: {reasons or 'no source'}. To try again, remove {file}."


def _loaded(
    network: Network, path: Path, key: str | None, setting: str
) -> tuple["nn.Module", "Chosen"]:
    """Return the network with weights of a verified file, and the chosen set."""
    # Imported here because it imports torch, which networks without weights do not need.
    from dnnbench.networks.weights import state_dicts

    with _LOADING:
        # On the CPU rather than meta, because buffers that files lack are computed.
        model = builders.build(network)
        chosen = state_dicts.load(path, model, network.key, key, setting)
        state_dicts.put(model, chosen.state)
        return model, chosen


def _place(chosen: "Chosen") -> dict[str, Any]:
    """Return a record's fields for the chosen set."""
    from dnnbench.networks.weights.tensor_places import WHOLE

    alone = chosen.key == WHOLE and not chosen.others
    return {"key": None if alone else chosen.key, "other_keys": list(chosen.others)}


def _override_key(network: Network) -> str:
    return f"weights.override.{network.spec}.key"


def _source_key(network: Network) -> str:
    return f"{paths.REGISTRY}: {network.key}.weights.key"


def _verified(record: WeightsRecord) -> Path:
    """Return a record's file after verifying its hash."""
    if record.path is None or record.sha256 is None:
        raise WeightsError(f"{record.model}: no weights were found. See its record.")
    path = Path(record.path)
    if not path.is_file():
        raise WeightsError(
            f"{path}: no such file. Remove the weights record of {record.model} to fetch it again."
        )
    checksums.check(path, "sha256", record.sha256, str(path))
    return path


def _source(network: Network, record: WeightsRecord) -> WeightsSource | None:
    """Return the source in the registry that a record is based on, or None."""
    key = (record.tier, record.library, record.filename)
    same = (s for s in network.weights if (s.tier, s.library, s.filename) == key)
    return next(same, None)


def _former(network: Network, settings: Weights, folder: Path) -> WeightsRecord | None:
    """Return the existing record if it and its tier are still valid, else None."""
    file = paths.in_folder(folder, paths.WEIGHTS, model=network.key)
    if not file.exists():
        return None
    try:
        record = read_json(file, WeightsRecord)
        source = _source(network, record)
        if source is None or source.tier not in settings.tiers:
            return None
        if source.key is not None and source.key != record.key:
            return None
        _loaded(network, _verified(record), record.key, _source_key(network))
    except UserError:
        return None
    return record


def _places(
    network: Network, settings: Weights, folder: Path, begin: Callable[[str], Received]
) -> Iterator[tuple[str, WeightsSource, Callable[[], Path]]]:
    """Yield places, best first: label, source, and a function that gets the file.

    The function returns the path of a verified file, or raises UserError with the reason.
    """
    usable = []
    for source in sorted(network.weights, key=lambda source: source.tier):
        if source.tier not in settings.tiers:
            reason = f"tier {source.tier} is not in weights.tiers"
        elif source.hash is None and not hub.is_address(source.url):
            reason = "the file cannot be verified: its hash is unknown"
        else:
            usable.append((source, folder / source.filename))
            continue
        yield source.address, source, partial(_refuse, reason)

    for source, target in usable:
        if source.tier != "C" and target.exists():
            yield source.address, source, partial(_keep, source, target)
    for source, target in usable:
        file = settings.mirror and settings.mirror / source.filename
        if file and file.is_file() and not target.exists():
            yield str(file), source, partial(_copy, file, source, target)
    unreachable: set[str] = set()
    seen: set[str] = set()
    for source, target in usable:
        if source.tier == "C" and target.exists():
            yield source.address, source, partial(_keep, source, target)
        # A file that exists by now is complete but does not match; each URL is tried once.
        if not target.exists() and source.address not in seen:
            seen.add(source.address)
            yield source.address, source, partial(_fetch, source, target, begin, unreachable)


def _refuse(reason: str) -> Path:
    raise WeightsError(reason)


@dataclass(frozen=True)
class Seal:
    """The hash and revision of a file whose hash is not in the registry."""

    sha256: str | None = None
    revision: str | None = None


def _sealed(target: Path) -> Seal:
    """Return the seal of a file, stored next to it."""
    try:
        return Seal(*text_file.read_text(_seal(target)).split()[:2])
    except FileNotFoundError:
        return Seal()


def _seal(target: Path) -> Path:
    return target.with_name(f"{target.name}.sha256")


def _verify(path: Path, source: WeightsSource, target: Path, origin: str) -> None:
    """Raise IntegrityError if ``path`` contradicts the hash known for ``target``."""
    if source.hash is None:
        if sha256 := _sealed(target).sha256:
            checksums.check(path, "sha256", sha256, origin)
        return
    archived = source.hash.kind == "sha1" and source.filename.endswith(".zip")
    algorithm = _ALGORITHMS[source.hash.kind]
    checksums.check(path, algorithm, source.hash.value, origin, in_archive=archived)


def _keep(source: WeightsSource, target: Path) -> Path:
    """Verify and return the existing file; rename it if its hash is wrong."""
    try:
        _verify(target, source, target, str(target))
    except IntegrityError as error:
        aside = checksums.set_aside(target)
        raise IntegrityError(f"{error}; kept as {aside.name}") from error
    return target


def _copy(file: Path | Traversable, source: WeightsSource, target: Path) -> Path:
    """Copy ``file`` to ``target`` and verify the copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    try:
        with file.open("rb") as there, part.open("wb") as here:
            shutil.copyfileobj(there, here)
        _verify(part, source, target, str(file))
        return part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def _fetch(
    source: WeightsSource, target: Path, begin: Callable[[str], Received], unreachable: set[str]
) -> Path:
    if source.package:
        return _copy(_packaged(source.package), source, target)
    assert source.url is not None
    host = download.host(source.url)
    if host in unreachable:
        raise WeightsError(f"{source.url}: skipped because {host} could not be reached before")
    try:
        if source.hash is None:
            _fetch_from_hub(source.url, target, begin(source.filename))
        else:
            check = partial(_verify, source=source, target=target, origin=source.url)
            download.fetch(source.url, target, check, begin(source.filename))
    except download.UnreachableError:
        unreachable.add(host)
        raise
    return target


def _fetch_from_hub(url: str, target: Path, report: Received) -> None:
    """Fetch a file from the hub; verify the hub's hash and any earlier seal."""
    file = hub.look_up(url)
    known = _sealed(target)
    if known.sha256 not in (None, file.sha256):
        raise WeightsError(
            f"{url}: the file has changed, sha256 {file.sha256}."
            f" To accept it, remove {_seal(target)}."
        )

    def check(path: Path) -> None:
        checksums.check(path, "sha256", file.sha256, file.url)
        # Before the file gets its name, because any file is accepted without a seal.
        _seal(target).write_text(f"{file.sha256} {file.revision}")

    download.fetch(file.url, target, check, report)


def _packaged(place: str) -> Traversable:
    """Return the data file ``module/path`` of an installed Python package."""
    module, _, path = place.partition("/")
    try:
        file = importlib.resources.files(module) / path
    except ModuleNotFoundError as error:
        raise WeightsError(f"package {place}: {module} is not installed") from error
    if not file.is_file():
        raise WeightsError(f"package {place}: no such file in the package")
    return file
