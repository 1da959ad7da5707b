"""Trained weights: fetched from the first source that has them, verified, loaded strictly.

What is wrong with one source is a reason in the record, and the next is tried; only a user's own
file must be right. Nothing is loaded before its hash agrees, and what is loaded cannot run.
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

# Builders patch the libraries that they build from, and one network in memory at a time is enough.
_LOADING = threading.Lock()


class WeightsError(UserError):
    """Weights that cannot be used: names the file or the source, and why."""


def obtain(
    network: Network,
    settings: Weights,
    folder: Path,
    begin: Callable[[str], Received] = lambda name: lambda done, total: None,
) -> WeightsRecord:
    """Weights of ``network``, in ``folder`` or where an override has them.

    Tried in order: an override, alone; what the record in ``folder`` names, if that still holds;
    files already there; the mirror; packages and addresses, tier by tier. A file is used if its
    hash agrees and its tensors fit. The status is ``missed`` where no source has such a file.
    ``begin`` is given the name of each file to download, and returns what is told of its bytes.

    Raises UserError for an override that is not what it should be, OSError where ``folder``
    cannot be written.
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
    """``network`` with the weights of its record: eval mode, no gradients, on the CPU.

    Raises WeightsError where there are none, IntegrityError where the file has changed since,
    CheckpointError where it does not fit.
    """
    override = record.tier == "override"
    setting = _override_key(network) if override else _source_key(network)
    return _loaded(network, _verified(record), record.key, setting)[0]


def preparation(network: Network, record: WeightsRecord) -> Preparation:
    """How the input is prepared for the weights of a record: the source's way, or the network's."""
    source = _source(network, record)
    own = source.preparation if source else None
    return own or Preparation(**network.model_dump(include=set(Preparation.model_fields)))


def describe(record: WeightsRecord, file: Path) -> str:
    """One line on the record in ``file``: which weights, or why none and how to try again."""
    if record.status == "ok":
        key = f" at {record.key}" if record.key else ""
        others = f" (not {', '.join(record.other_keys)})" if record.other_keys else ""
        return (
            f"{record.model}: {record.filename}{key}{others}, tier {record.tier},"
            f" sha256 {record.sha256}"
        )
    reasons = "; ".join(f"{each.source}: {each.reason}" for each in record.tried)
    return f"{record.model}: no weights: {reasons or 'no source'}; to try again, remove {file}"


def _loaded(
    network: Network, path: Path, key: str | None, setting: str
) -> tuple["nn.Module", "Chosen"]:
    """The network with the tensors of a file that has been verified, and which these are."""
    # Here, not above: it imports torch, which a network without weights need not wait for.
    from dnnbench.networks.weights import state_dicts

    with _LOADING:
        # On the CPU, not on meta: buffers that no file has are computed there.
        model = builders.build(network)
        chosen = state_dicts.load(path, model, network.key, key, setting)
        state_dicts.put(model, chosen.state)
        return model, chosen


def _place(chosen: "Chosen") -> dict[str, Any]:
    """What a record says of the set that is used: nothing where it is the whole file."""
    from dnnbench.networks.weights.tensor_places import WHOLE

    alone = chosen.key == WHOLE and not chosen.others
    return {"key": None if alone else chosen.key, "other_keys": list(chosen.others)}


def _override_key(network: Network) -> str:
    return f"weights.override.{network.spec}.key"


def _source_key(network: Network) -> str:
    return f"{paths.REGISTRY}: {network.key}.weights.key"


def _verified(record: WeightsRecord) -> Path:
    """The file of a record, whose hash still agrees."""
    if record.path is None or record.sha256 is None:
        raise WeightsError(f"{record.model}: no weights were found; see its record")
    path = Path(record.path)
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; remove the record of {record.model} to fetch it")
    checksums.check(path, "sha256", record.sha256, str(path))
    return path


def _source(network: Network, record: WeightsRecord) -> WeightsSource | None:
    """The registry's source that a record is from."""
    key = (record.tier, record.library, record.filename)
    same = (s for s in network.weights if (s.tier, s.library, s.filename) == key)
    return next(same, None)


def _former(network: Network, settings: Weights, folder: Path) -> WeightsRecord | None:
    """The record that is there, if it is still true and its tier still allowed; else None."""
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
    """Where to look, best first: what to call the place, its source, and how to get the file.

    Getting raises UserError with the reason, or returns the path of a file whose hash agrees.
    """
    usable = []
    for source in sorted(network.weights, key=lambda source: source.tier):
        if source.tier not in settings.tiers:
            reason = f"tier {source.tier} is not among weights.tiers"
        elif source.hash is None and not hub.is_address(source.url):
            reason = "no hash is known to check its file against"
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
        # A file that is there by now is whole and does not fit; an address is tried once.
        if not target.exists() and source.address not in seen:
            seen.add(source.address)
            yield source.address, source, partial(_fetch, source, target, begin, unreachable)


def _refuse(reason: str) -> Path:
    raise WeightsError(reason)


@dataclass(frozen=True)
class Seal:
    """What is known of a file whose hash the registry does not have, once it has come."""

    sha256: str | None = None
    revision: str | None = None


def _sealed(target: Path) -> Seal:
    """The seal of a file, which lies beside it."""
    try:
        return Seal(*text_file.read_text(_seal(target)).split()[:2])
    except FileNotFoundError:
        return Seal()


def _seal(target: Path) -> Path:
    return target.with_name(f"{target.name}.sha256")


def _verify(path: Path, source: WeightsSource, target: Path, origin: str) -> None:
    """Raise IntegrityError unless ``path`` is what belongs at ``target``, as far as is known."""
    if source.hash is None:
        if sha256 := _sealed(target).sha256:
            checksums.check(path, "sha256", sha256, origin)
        return
    archived = source.hash.kind == "sha1" and source.filename.endswith(".zip")
    algorithm = _ALGORITHMS[source.hash.kind]
    checksums.check(path, algorithm, source.hash.value, origin, in_archive=archived)


def _keep(source: WeightsSource, target: Path) -> Path:
    """The file that is there already; set aside if it is another one."""
    try:
        _verify(target, source, target, str(target))
    except IntegrityError as error:
        aside = checksums.set_aside(target)
        raise IntegrityError(f"{error}; kept as {aside.name}") from error
    return target


def _copy(file: Path | Traversable, source: WeightsSource, target: Path) -> Path:
    """A verified copy of ``file``, which stays as it is."""
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
        raise WeightsError(f"{source.url}: {host} did not answer before")
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
    """What the hub has there today, checked by the hash that it states; or, again, what it had."""
    file = hub.look_up(url)
    known = _sealed(target)
    if known.sha256 not in (None, file.sha256):
        raise WeightsError(
            f"{url}: another file than before, sha256 {file.sha256};"
            f" to take it, remove {_seal(target)}"
        )

    def check(path: Path) -> None:
        checksums.check(path, "sha256", file.sha256, file.url)
        # Before the file is in its place: without a seal another would do as well.
        _seal(target).write_text(f"{file.sha256} {file.revision}")

    download.fetch(file.url, target, check, report)


def _packaged(place: str) -> Traversable:
    """The data file ``module/path`` of an installed Python package."""
    module, _, path = place.partition("/")
    try:
        file = importlib.resources.files(module) / path
    except ModuleNotFoundError as error:
        raise WeightsError(f"package {place}: {module} is not installed") from error
    if not file.is_file():
        raise WeightsError(f"package {place}: no such file in the package")
    return file
