import argparse
import collections
import datetime
import enum
import pickle
import re
import shlex
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from helpers.pickles import Bomb, Caller
from torch import nn

from dnnbench.networks.weights import contents
from dnnbench.networks.weights.checkpoints import CheckpointError

STATE = {"1.weight": torch.arange(8.0).reshape(2, 4), "1.bias": torch.ones(2)}


def zipped(path, file):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(file, "../../elsewhere.pth")
    return path


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# Formats ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors", "archive", "named .zip"])
def test_the_tensors_of_a_file_are_read(tmp_path, kind):
    file = tmp_path / "weights.pth"
    if kind == "safetensors":
        file = tmp_path / "weights.bin"  # The content determines the format, not the name.
        safetensors.torch.save_file(STATE, file)
    elif kind == "named .zip":
        torch.save(STATE, file := tmp_path / "weights.zip")
    else:
        torch.save(STATE, file, _use_new_zipfile_serialization=kind != "legacy")
    if kind == "archive":
        file = zipped(tmp_path / "weights.pth.zip", file)
    assert same(contents.read(file), STATE)


@pytest.mark.parametrize("suffix", ["pth", "safetensors", "zip"])
@pytest.mark.parametrize("damage", ["truncated", "page", "empty"])
def test_a_damaged_file_is_one_line(tmp_path, suffix, damage):
    file = tmp_path / f"weights.{suffix}"
    if suffix == "safetensors":
        safetensors.torch.save_file(STATE, file)
    else:
        torch.save(STATE, file)
    whole = file.read_bytes()
    page = b"<html><body>Not found</body></html>" * 100
    file.write_bytes({"truncated": whole[: len(whole) // 2], "page": page, "empty": b""}[damage])
    with pytest.raises(CheckpointError) as raised:
        contents.read(file)
    assert str(raised.value).startswith(f"{file}: ")
    assert "python -c" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x08\x08\x12\x07pytorch", "not a weights file of torch.save or safetensors: it starts"),
        (b"\x89HDF\r\n\x1a\n", "not a weights file of torch.save or safetensors: it starts with"),
        (b"\x80\x02}", "not a weights file: ValueError"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer .*Run: git lfs pull"),
    ],
)
def test_files_of_other_programs_are_recognized(tmp_path, content, said):
    file = tmp_path / "model.bin"
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=said) as raised:
        contents.read(file)
    assert "python -c" not in str(raised.value)


def test_a_librarys_error_about_a_damaged_file_is_one_printable_line(tmp_path, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("\x1b[31mbad\x1b[0m\u2028 header\n\n" + "x" * 10**6)

    monkeypatch.setattr(contents.safetensors.torch, "load_file", broken)
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"\x08\0\0\0\0\0\0\0{")
    with pytest.raises(CheckpointError) as raised:
        contents.read(file)
    said = str(raised.value)
    assert said.startswith(f"{file}: not a weights file: RuntimeError: bad; header; xxx")
    assert said.isprintable() and len(said) < len(str(file)) + 250


def test_an_archive_of_several_files_is_not_a_weights_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", "")
    assert refused(tmp_path / "model.keras").endswith("archive contains 2 files, expected 1")


# What training programs store next to the tensors -----------------------------------------------


class Color(enum.Enum):
    RED = 1


class AttributeDict(dict):
    """A mapping like that in which Lightning stores hyperparameters."""


class Lines(list):
    pass


class Slotted:
    __slots__ = ("a",)

    def __init__(self):
        self.a = 1


BESIDE = {
    "args": argparse.Namespace(lr=0.1, output=Path("out"), color=Color.RED),
    "best_acc1": np.float64(71.5),
    "hyper_parameters": AttributeDict(a=1, b=AttributeDict(c=[2])),
    "counts": collections.defaultdict(list, {"a": [1]}),
    "lines": Lines([1, 2]),
    "slotted": Slotted(),
    "when": datetime.datetime(2026, 1, 1),
    "history": np.arange(3),
    "activation": torch.nn.functional.relu,
    "scheduler": torch.optim.lr_scheduler.LambdaLR,
}


@pytest.mark.parametrize("legacy", [False, True])
def test_objects_of_any_class_next_to_the_tensors_are_inert(tmp_path, legacy):
    file = tmp_path / "checkpoint.pth.tar"
    whole = {"state_dict": STATE, "epoch": 3, **BESIDE}
    torch.save(whole, file, _use_new_zipfile_serialization=not legacy)
    allowed = set(torch.serialization.get_safe_globals())
    read = contents.read(file)
    assert same(read["state_dict"], STATE)
    assert read["epoch"] == 3
    assert type(read["args"]) is not argparse.Namespace
    # The process-wide setting has not changed.
    assert set(torch.serialization.get_safe_globals()) == allowed


@pytest.mark.parametrize("kind", ["zip", "legacy", "archive"])
def test_a_pickle_that_would_run_code_is_refused_and_does_nothing(tmp_path, kind):
    file, marker = tmp_path / "weights.pth", tmp_path / "marker"
    torch.save(
        STATE | {"bomb": Bomb(marker)}, file, _use_new_zipfile_serialization=kind != "legacy"
    )
    if kind == "archive":
        file = zipped(tmp_path / "weights.pth.zip", file)
    with pytest.raises(CheckpointError) as raised:
        contents.read(file)
    assert str(raised.value) == f"{file}: refused: the file would run posix.system"
    assert not marker.exists()
    # A reader that runs code does trigger it.
    torch.load(tmp_path / "weights.pth", weights_only=False)
    assert marker.exists()


@pytest.mark.parametrize(
    ("function", "arguments", "said"),
    [
        (eval, ("open('marker', 'w')",), "builtins.eval"),
        (subprocess.check_call, (["touch", "marker"],), "subprocess.check_call"),
        (np.save, ("marker", np.ones(1)), None),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_no_function_of_any_name_is_called(
    tmp_path, monkeypatch, function, arguments, said, protocol
):
    monkeypatch.chdir(tmp_path)
    content = STATE | {"x": Caller(function, arguments)}
    torch.save(content, "weights.pth", pickle_protocol=protocol)
    before = set(tmp_path.iterdir())
    if said or protocol == 4:
        with pytest.raises(CheckpointError) as raised:
            contents.read(Path("weights.pth"))
        assert said is None or str(raised.value).endswith(f"refused: the file would run {said}")
    else:
        read = contents.read(Path("weights.pth"))
        assert same({name: read[name] for name in STATE}, STATE)
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "instructions",
    [
        b"\x80\x02cbuiltins\ngetattr\n(cos\nsystem\nX\x01\x00\x00\x00atR.",
        b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x04echo\x94\x85\x94R\x94.",
        b'(S"echo"\nios\nsystem\n.',
    ],
)
def test_a_system_call_is_named_in_every_notation(tmp_path, instructions):
    torch.save(STATE, tmp_path / "plain.pth")
    file = tmp_path / "weights.pth"
    with zipfile.ZipFile(tmp_path / "plain.pth") as plain, zipfile.ZipFile(file, "w") as crafted:
        for name in plain.namelist():
            crafted.writestr(name, instructions if "data.pkl" in name else plain.read(name))
    assert refused(file) == f"{file}: refused: the file would run os.system"


# Commands that convert files that cannot be read ------------------------------------------------


def extract(said, cwd=None):
    """Run the command in a message, in a shell if ``cwd`` is given; return the file it writes."""
    line, output = re.search(r"(python -c .*) and then name (.*) with its SHA-256", said).groups()
    python, option, code = shlex.split(line)
    assert (python, option) == ("python", "-c")
    if cwd:
        done = subprocess.run(["bash", "-c", line], cwd=cwd, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    else:
        exec(code, {})  # Starting Python and importing torch takes seconds.
    return Path(output)


def refused(file):
    with pytest.raises(CheckpointError) as raised:
        contents.read(file)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def protocol_4(folder):
    torch.save({"model": STATE, "args": argparse.Namespace()}, folder / "w.pth", pickle_protocol=4)
    return folder / "w.pth"


def torchscript(folder):
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    model.load_state_dict(STATE)
    torch.jit.script(model).save(folder / "it's a script.pt")
    return folder / "it's a script.pt"


def exported(folder):
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    model.load_state_dict(STATE)
    torch.export.save(torch.export.export(model, (torch.ones(1, 4),)), folder / "w.pt2")
    return folder / "w.pt2"


def old_module(folder):
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    model.load_state_dict(STATE)
    torch.save(model, folder / "w.pth", _use_new_zipfile_serialization=False)
    return folder / "w.pth"


def detectron(folder):
    arrays = {name: tensor.numpy() for name, tensor in STATE.items()}
    whole = {"model": arrays, "__author__": "a zoo"}
    (folder / "w.pkl").write_bytes(pickle.dumps(whole))
    return folder / "w.pkl"


def npz(folder):
    np.savez(folder / "w.npz", **{name: tensor.numpy() for name, tensor in STATE.items()})
    return folder / "w.npz"


def shards(folder, last="model.safetensors.index.json"):
    for number, (name, tensor) in enumerate(STATE.items(), start=1):
        file = folder / f"model-0000{number}-of-00002.safetensors"
        safetensors.torch.save_file({name: tensor}, file)
    (folder / "model.safetensors.index.json").write_text("{}")
    return folder / last


def one_shard(folder):
    return shards(folder, "model-00001-of-00002.safetensors")


def old_shards(folder):
    for number, (name, tensor) in enumerate(STATE.items(), start=1):
        torch.save({name: tensor}, folder / f"pytorch_model-0000{number}-of-00002.bin")
    (folder / "pytorch_model.bin.index.json").write_text("{}")
    return folder / "pytorch_model.bin.index.json"


def distributed(folder):
    import torch.distributed.checkpoint as dcp

    dcp.save(dict(STATE), checkpoint_id=folder / "step 1", no_dist=True)
    return folder / "step 1"


@pytest.mark.filterwarnings("ignore:.*torch.jit")
@pytest.mark.parametrize(
    "make",
    [protocol_4, torchscript, exported, old_module, detectron, npz, shards, one_shard, old_shards],
)
def test_the_command_extracts_the_tensors_of_the_file(tmp_path, make):
    folder = tmp_path / "a 'quoted' folder"
    folder.mkdir()
    made = contents.read(extract(refused(make(folder))))
    assert same(made.get("model", made), STATE)


@pytest.mark.slow
def test_the_command_joins_a_distributed_checkpoint_in_a_shell(tmp_path):
    folder = distributed(tmp_path)
    for part in (folder, folder / ".metadata", folder / "__0_0.distcp"):
        made = extract(refused(part), tmp_path)
        assert same(contents.read(made), STATE)


def test_the_command_for_a_deepspeed_checkpoint_names_folder_and_step(tmp_path):
    step = tmp_path / "run" / "global_step40"
    step.mkdir(parents=True)
    (tmp_path / "run/latest").write_text("global_step40")
    part = step / "bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt"
    torch.save({"optimizer_state_dict": {}}, part)
    for place in (part, step, tmp_path / "run"):
        said = refused(place)
        assert (
            f"torch.save(f('\"'\"'{tmp_path / 'run'}'\"'\"', '\"'\"'global_step40'\"'\"')" in said
        )


def test_the_error_for_a_folder_suggests_a_file_in_it(tmp_path):
    safetensors.torch.save_file(STATE, tmp_path / "model.safetensors")
    said = f"a folder. Name a weights file, such as {tmp_path / 'model.safetensors'}."
    assert refused(tmp_path) == f"{tmp_path}: {said}"


def test_a_checkpoint_with_a_single_part_is_read(tmp_path):
    file = tmp_path / "model-00001-of-00001.safetensors"
    safetensors.torch.save_file(STATE, file)
    assert same(contents.read(file), STATE)


def test_a_command_does_not_overwrite_a_file(tmp_path):
    first = extract(refused(protocol_4(tmp_path)))
    second = extract(refused(protocol_4(tmp_path)))
    assert first != second
    assert first.exists()
