"""Generator of a device file for the current machine.

It copies the device file of the same kind in config/devices, including comments, and adds a profile
of the same name, so that `snakemake --profile NAME` is the next command.
"""

import platform
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from dnnbench.config import loading
from dnnbench.core import storage, strict_yaml, text_file
from dnnbench.core.errors import DeviceError, UserError
from dnnbench.devices import host, nvml
from dnnbench.devices.tegra import Board
from dnnbench.records import paths
from dnnbench.records.base import check_device

FOLDER = paths.DEVICE_FILES
# The first compute capability that torch's builds for CUDA 13 have kernels for.
_TURING = (7, 5)
_LONGEST = 40
# Words in product names that do not distinguish devices.
_EMPTY = {"amd", "arm", "cpu", "geforce", "graphics", "intel", "nvidia", "processor"}


@dataclass(frozen=True)
class Found:
    """A device: its product name, kind, and the keys to change in its file."""

    model: str
    kind: str
    keys: dict[str, str]


def find(select: str | None = None, root: Path = Path("/")) -> Found:
    """Return this machine as a device: a Jetson, else its NVIDIA GPU, else its CPU.

    ``select`` chooses one of several GPUs: its number in `nvidia-smi -L`, or its UUID. Raises
    UserError if it matches no GPU, or is missing although there are several.
    """
    model = Board(root).model()
    if model:
        return Found(model, "jetson", {})
    uuids = _gpus(select)
    if not uuids:
        # Write the number out: the file may be read on a login node with a different CPU.
        keys = {"threads": str(host.default_threads())}
        return Found(str(host.describe()["cpu"]), "cpu", keys)
    uuid = _chosen(uuids, select)
    with nvml.open_card(uuid) as card:
        keys = {"threads": str(host.default_threads())}
        if len(uuids) > 1:
            keys["select"] = f'"{uuid}"'
        capability = card.compute_capability()
        if capability and capability < _TURING:
            keys["conda"] = "device-cu126"
        return Found(card.name, "cuda", keys)


def _gpus(select: str | None) -> list[str]:
    """Return the UUIDs of the GPUs.

    Returns none if there is no driver and no GPU was selected.
    """
    try:
        return nvml.uuids()
    except DeviceError as error:
        if select is not None:
            raise DeviceError(f"--select: {select!r}: {error}") from error
        return []


def _chosen(uuids: list[str], select: str | None) -> str:
    if select is None and len(uuids) == 1:
        return uuids[0]
    for place, uuid in enumerate(uuids):
        if select in (str(place), uuid):
            return uuid
    known = []
    for place, uuid in enumerate(uuids):
        with nvml.open_card(uuid) as card:
            known.append(f"{place} ({card.name}, {uuid})")
    problem = f"{select!r}: no such GPU" if select else "missing"
    raise UserError(f"--select: {problem}. Choose one of {', '.join(known)}.")


def name_of(model: str) -> str:
    """Return a device's key from its product name: rtx-4090, epyc-7b13."""
    text = re.sub(r"\((r|tm)\)", " ", model.lower())
    # Remove clocks, core counts, integrated graphics, generations, and kinds of boards.
    text = re.split(r"@| with |\bengineering\b|\bdeveloper\b", text)[0]
    text = re.sub(r"\b\w+-core\b|\b\d+th gen\b", " ", text)
    words = re.findall(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", text)
    name = "-".join(word for word in words if word not in _EMPTY)
    return name[:_LONGEST].rstrip("-_.") or platform.machine().lower()


def write(found: Found, file: Path) -> list[str]:
    """Write config/devices/NAME.yaml and a profile, NAME; return their paths.

    Raises UserError for any other path, or if a file of that name exists.
    """
    name = file.stem
    if file.parent != FOLDER or file.suffix != ".yaml":
        raise UserError(
            f"--output: {file}: expected {FOLDER}/NAME.yaml, where `dnnbench merge` and DVC"
            " look for it."
        )
    check_device(name, f"--output: {file}")
    profile = Path(name)
    for path in (file, profile):
        if path.exists() or path.is_symlink():
            raise UserError(
                f"{path}: already exists. Remove it, or choose another name:"
                f" --output {FOLDER}/NAME.yaml"
            )
    kind = FOLDER / f"{found.kind}.yaml"
    text = _headed(kind, f"{found.model}. Written by `dnnbench device-file` from {kind}.")
    quoted = yaml.safe_dump(name).split("\n")[0]
    for key, value in {"device": quoted, **found.keys}.items():
        text = _set(text, key, value, kind)
    loading.check(strict_yaml.mapping(text, str(kind)))
    base = Path(found.kind)
    run = _headed(base, f"{found.model}: `snakemake --profile {name}`.")
    storage.write_text(file, text)
    storage.write_text(profile, _set(run, "configfile", quoted, base))
    return [str(file), str(profile)]


def _headed(path: Path, comment: str) -> str:
    """Return the text of a file with its leading comment replaced."""
    if not path.exists():
        raise UserError(f"{path}: no such file. Run this in the folder of the study.")
    lines = text_file.read_text(path).splitlines()
    while lines and lines[0].startswith("#"):
        lines.pop(0)
    return "\n".join([f"# {comment}", *lines, ""])


def _set(text: str, key: str, value: str, path: Path) -> str:
    """Return a YAML text with another value for a key, without its comment."""
    changed, count = re.subn(rf"(?m)^( *{key}:).*$", rf"\g<1> {value}", text)
    if count != 1:
        raise UserError(
            f"{path}: {key}: found {count} times, expected once. Restore the original file."
        )
    return changed
