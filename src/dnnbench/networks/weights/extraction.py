"""Commands that convert a weights file which cannot be read into one that can.

Each message contains a complete shell command for the file; paths are quoted.
"""

import re
import shlex
from pathlib import Path

# One of several files of a checkpoint: model-00001-of-00003.safetensors.
_SHARD = re.compile(r"(.+)-\d+-of-(\d+)(\.\w+)")
# An expression that converts the arrays of a mapping to tensors.
_ARRAYS = "{{k: torch.as_tensor(v) for k, v in {}.items() if hasattr(v, 'dtype')}}"
_ZERO = re.compile(r".*(optim_states|zero_pp_rank_.*model_states)\.pt")


def of_trusted(path: Path, why: str) -> str:
    """Return the remedy for a file that can be read only by running code in it."""
    line = _saving(
        f"import torch; c = torch.load({_text(path)}, map_location='cpu', weights_only=False)",
        "c.state_dict() if hasattr(c, 'state_dict') else c",
        path,
    )
    return f"{why}. If you trust the file (this runs code in it): {line}"


def of_torchscript(path: Path) -> str:
    """Return the remedy for a TorchScript archive."""
    load = f"import torch; m = torch.jit.load({_text(path)}, map_location='cpu')"
    line = _saving(load, "m.state_dict()", path)
    return f"a TorchScript archive, which contains code. If you trust it: {line}"


def of_exported(path: Path) -> str:
    """Return the remedy for a program that torch.export saved."""
    load = f"import torch; p = torch.export.load({_text(path)})"
    line = _saving(load, "dict(p.state_dict)", path)
    return f"a torch.export program, which contains code. If you trust it: {line}"


def of_arrays(path: Path) -> str:
    """Return the remedy for a pickle of NumPy arrays, as Detectron2 writes it."""
    load = (
        f"import pickle, torch; c = pickle.load(open({_text(path)}, 'rb'), encoding='latin1');"
        " c = c.get('model', c)"
    )
    line = _saving(load, _ARRAYS.format("c"), path)
    return f"a pickle not written by torch.save. If you trust it: {line}"


def of_nested_arrays(path: Path, keys: tuple[object, ...]) -> str:
    """Return the remedy for NumPy arrays at ``keys`` of a torch.save file."""
    place = "".join(f"[{key!r}]" for key in keys)
    load = f"import torch; c = torch.load({_text(path)}, map_location='cpu', weights_only=False)"
    line = _saving(load, _ARRAYS.format(f"c{place}"), path)
    return (
        "it contains NumPy arrays instead of tensors. If you trust the file (this runs code in it):"
        f" {line}"
    )


def of_npz(path: Path) -> str:
    """Return the remedy for an archive of NumPy arrays."""
    load = f"import numpy, torch; c = numpy.load({_text(path)})"
    line = _saving(load, "{k: torch.as_tensor(c[k]) for k in c.files}", path)
    return f"an archive of NumPy arrays. Convert it to tensors: {line}"


def of_parts(path: Path) -> str | None:
    """Return the remedy for a folder or a part of a checkpoint, else None.

    The parts must be joined, because the SHA-256 of one file would not verify the others.
    """
    if path.is_dir():
        return _of_folder(path)
    if path.suffix == ".distcp" or path.name == ".metadata":
        return _of_folder(path.parent)
    if _ZERO.fullmatch(path.name):
        return of_deepspeed(path.parent)
    if path.name.endswith(".index.json"):
        stem, _, suffix = path.name.removesuffix(".index.json").rpartition(".")
        return _of_shards(path.parent, f"{stem}-*-of-*.{suffix}", stem)
    if (match := _SHARD.fullmatch(path.name)) and int(match[2]) > 1:
        return _of_shards(path.parent, f"{match[1]}-*-of-{match[2]}{match[3]}", match[1])
    return None


def _of_folder(folder: Path) -> str:
    if (folder / ".metadata").is_file():
        output = _output(folder)
        code = (
            "from torch.distributed.checkpoint.format_utils import dcp_to_torch_save as f;"
            f" f({_text(folder)}, {_text(output)})"
        )
        return f"a distributed checkpoint in several files. Join them: {_line(code, output)}"
    if any(_ZERO.fullmatch(file.name) for file in folder.iterdir()):
        return of_deepspeed(folder)
    if (folder / "latest").is_file():
        step = folder / (folder / "latest").read_text(encoding="utf-8", errors="replace").strip()
        if step.is_dir() and step.parent == folder:
            return _of_folder(step)
    if index := next(folder.glob("*.index.json"), None):
        return of_parts(index) or "a folder"
    suffixes = (".safetensors", ".bin", ".pth", ".pt", ".ckpt", ".tar", ".zip")
    files = sorted(file.name for file in folder.iterdir() if file.suffix in suffixes)
    named = f", such as {folder / files[0]}" if files else ""
    return f"a folder. Name a weights file{named}."


def of_deepspeed(folder: Path) -> str:
    """Return the remedy for a DeepSpeed ZeRO checkpoint, given a step's folder."""
    load = (
        "import torch; from deepspeed.utils.zero_to_fp32 import"
        " get_fp32_state_dict_from_zero_checkpoint as f"
    )
    line = _saving(load, f"f({_text(folder.parent)}, {folder.name!r})", folder)
    return f"a part of a DeepSpeed ZeRO checkpoint. Join the parts: {line}"


def _of_shards(folder: Path, pattern: str, stem: str) -> str:
    one = (
        "safetensors.torch.load_file(f)"
        if pattern.endswith(".safetensors")
        else "torch.load(f, map_location='cpu', weights_only=True)"
    )
    load = (
        "import pathlib, torch, safetensors.torch;"
        f" s = sorted(pathlib.Path({_text(folder)}).glob({pattern!r}))"
    )
    line = _saving(load, f"{{k: v for f in s for k, v in {one}.items()}}", folder / stem)
    return f"a part of a checkpoint in several files. Join them: {line}"


def _saving(load: str, tensors: str, path: Path) -> str:
    """Return a command that saves the expression ``tensors`` next to ``path``."""
    output = _output(path)
    return _line(f"{load}; torch.save({tensors}, {_text(output)})", output)


def _line(code: str, output: Path) -> str:
    return f"python -c {shlex.quote(code)} and then name {output} with its SHA-256 instead."


def _output(path: Path) -> Path:
    """Return an unused path next to the file, for the command's output."""
    stem = path.name.partition(".")[0] or "checkpoint"
    found = path.with_name(f"{stem}-tensors.pth")
    number = 1
    while found.exists():
        number += 1
        found = path.with_name(f"{stem}-tensors{number}.pth")
    return found


def _text(path: Path) -> str:
    return repr(str(path))
