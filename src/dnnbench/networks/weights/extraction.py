"""Files of weights that are not read, and the line of Python that makes one which is.

A line is for the shell, and right for the file that it names: whatever the path holds is quoted.
"""

import re
import shlex
from pathlib import Path

# A part of what one program wrote into several files: model-00001-of-00003.safetensors.
_SHARD = re.compile(r"(.+)-\d+-of-(\d+)(\.\w+)")
_ZERO = re.compile(r".*(optim_states|zero_pp_rank_.*model_states)\.pt")


def of_trusted(path: Path, why: str) -> str:
    """Return how to make a readable file of one that only code that it names can read."""
    code = (
        f"import torch; c = torch.load({_text(path)}, map_location='cpu', weights_only=False);"
        f" torch.save(c.state_dict() if hasattr(c, 'state_dict') else c, {_target(path)})"
    )
    return f"{why}; only if you trust the file, as this runs code in it: {_line(code, path)}"


def of_torchscript(path: Path) -> str:
    """Return how to make a file of the tensors of a TorchScript archive."""
    code = (
        f"import torch; m = torch.jit.load({_text(path)}, map_location='cpu');"
        f" torch.save(m.state_dict(), {_target(path)})"
    )
    return f"a TorchScript archive, which is code; if you trust it: {_line(code, path)}"


def of_exported(path: Path) -> str:
    """Return how to make a file of the tensors of what torch.export saved."""
    code = (
        f"import torch; p = torch.export.load({_text(path)});"
        f" torch.save(dict(p.state_dict), {_target(path)})"
    )
    return f"a program of torch.export, which is code; if you trust it: {_line(code, path)}"


def of_arrays(path: Path) -> str:
    """Return how to make a file of tensors of a pickle of NumPy arrays, as Detectron2 writes."""
    code = (
        f"import pickle, torch; c = pickle.load(open({_text(path)}, 'rb'), encoding='latin1');"
        " c = c.get('model', c); torch.save({k: torch.as_tensor(v) for k, v in c.items()"
        f" if hasattr(v, 'dtype')}}, {_target(path)})"
    )
    return f"a pickle, not written by torch.save; if you trust it: {_line(code, path)}"


def of_nested_arrays(path: Path, keys: tuple[object, ...]) -> str:
    """Return the same of a mapping of arrays at these keys of what torch.save wrote."""
    place = "".join(f"[{key!r}]" for key in keys)
    code = (
        f"import torch; c = torch.load({_text(path)}, map_location='cpu', weights_only=False);"
        f" torch.save({{k: torch.as_tensor(v) for k, v in c{place}.items()"
        f" if hasattr(v, 'dtype')}}, {_target(path)})"
    )
    return (
        "it holds NumPy arrays instead of tensors; only if you trust the file, as this runs code"
        f" in it: {_line(code, path)}"
    )


def of_npz(path: Path) -> str:
    """Return how to make a file of tensors of an archive of NumPy arrays."""
    code = (
        f"import numpy, torch; c = numpy.load({_text(path)});"
        f" torch.save({{k: torch.as_tensor(c[k]) for k in c.files}}, {_target(path)})"
    )
    return f"an archive of NumPy arrays; make a file of tensors: {_line(code, path)}"


def of_parts(path: Path) -> str | None:
    """Return how to join what lies in several files, of which ``path`` is one or the folder.

    None where it is a file by itself. SHA-256 of one file would say nothing of the others.
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
        code = (
            "from torch.distributed.checkpoint.format_utils import dcp_to_torch_save as f;"
            f" f({_text(folder)}, {_target(folder)})"
        )
        return f"a distributed checkpoint of several files; join them: {_line(code, folder)}"
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
    return f"a folder; name a file of weights{named}"


def of_deepspeed(folder: Path) -> str:
    """Return how to join the parts that DeepSpeed's ZeRO writes, by the folder of a step."""
    code = (
        "import torch; from deepspeed.utils.zero_to_fp32 import"
        " get_fp32_state_dict_from_zero_checkpoint as f;"
        f" torch.save(f({_text(folder.parent)}, {folder.name!r}), {_target(folder)})"
    )
    return f"a part of a DeepSpeed ZeRO checkpoint; join the parts: {_line(code, folder)}"


def _of_shards(folder: Path, pattern: str, stem: str) -> str:
    load = (
        "safetensors.torch.load_file(f)"
        if pattern.endswith(".safetensors")
        else "torch.load(f, map_location='cpu', weights_only=True)"
    )
    code = (
        "import pathlib, torch, safetensors.torch;"
        f" s = sorted(pathlib.Path({_text(folder)}).glob({pattern!r}));"
        f" torch.save({{k: v for f in s for k, v in {load}.items()}}, {_target(folder / stem)})"
    )
    return f"a part of a checkpoint of several files; join them: {_line(code, folder / stem)}"


def _line(code: str, path: Path) -> str:
    return f"python -c {shlex.quote(code)} and name {_output(path)} with its SHA-256 instead"


def _target(path: Path) -> str:
    return repr(str(_output(path)))


def _output(path: Path) -> Path:
    """Where the line writes: beside the file, under a name that is free."""
    stem = path.name.partition(".")[0] or "checkpoint"
    found = path.with_name(f"{stem}-tensors.pth")
    number = 1
    while found.exists():
        number += 1
        found = path.with_name(f"{stem}-tensors{number}.pth")
    return found


def _text(path: Path) -> str:
    return repr(str(path))
