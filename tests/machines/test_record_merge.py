"""Merging of records from another machine: which ones are accepted, and which are refused."""

import itertools
import json
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest
import yaml
from helpers import studies
from helpers.paths import ROOT
from typer.testing import CliRunner

from dnnbench.cli import app
from dnnbench.core.errors import UserError
from dnnbench.core.storage import read_lines, write_json, write_lines
from dnnbench.devices.backends import Setup
from dnnbench.machines import other_devices, record_merge
from dnnbench.measure import memory_profile, round
from dnnbench.networks import registry
from dnnbench.records import paths
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryCell, MemoryRecord

MODELS = ["resnet18", "alexnet"]
ROUND = "fp32-eager/latency/round-2.jsonl"
MEMORY = "fp32-eager/memory/alexnet.json"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Create a study of two networks with a device file for another machine, and change to it."""
    folder = tmp_path / "here"
    shutil.copytree(ROOT / "config", folder / "config")
    study = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"models": MODELS}
    (folder / "params.yaml").write_text(yaml.safe_dump(study))
    device = {"device": "xeon", "backend": "cpu", "batch_sizes": [1, 4], "variants": ["fp32-eager"]}
    (folder / "config/devices/xeon.yaml").write_text(yaml.safe_dump(device))
    monkeypatch.chdir(folder)
    return folder


def networks():
    known = registry.load_registry(paths.REGISTRY)
    return {name: known[name] for name in MODELS}


@pytest.fixture
def there(here, tmp_path):
    """Return the device folder with the records of the other machine."""
    folder = tmp_path / "there/results/xeon"
    machine = studies.environment().model_copy(update={"device": "xeon", "hostname": "far"})
    write_json(folder / "environment.json", machine)
    settings = other_devices.settings("xeon", source="test")
    of_round: dict[int, list[LatencyLine]] = {}
    for name, network in networks().items():
        latency = settings.latency
        made = round.cell_fingerprint(
            network, Setup("cpu"), "fp32-eager", latency.protocol, latency.passes, 2, "default"
        )
        for size in (1, 4):
            for line in studies.timed(name, [9.0] * 5, batch_size=size, fingerprint=made):
                line = line.model_copy(update={"device": "xeon"})
                of_round.setdefault(line.round, []).append(line)
        record = MemoryRecord(
            device="xeon",
            variant="fp32-eager",
            model=name,
            fingerprint=memory_profile.cell_fingerprint(network, Setup("cpu"), "fp32-eager", 2),
            threads=2,
            cell_timeout_s=60,
            started=datetime(2026, 1, 2, tzinfo=UTC),
            cells=[MemoryCell(batch_size=1, status="ok", memory_mib=9.0, memory_basis="net")],
        )
        write_json(folder / "fp32-eager/memory" / f"{name}.json", record)
    for number, lines in of_round.items():
        write_lines(folder / "fp32-eager/latency" / f"round-{number}.jsonl", lines)
    return folder


def files(folder):
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_valid_records_are_copied_as_a_whole(here, there):
    (there / "fp32-eager/latency/.round-2.jsonl.journal").write_text("half a line")
    shutil.copy(there / MEMORY, there / "fp32-eager/memory/dropped.json")
    (checked,) = record_merge.merge([there], Path("results"), "cpu", networks())
    assert len(checked.files) == 1 + 5 + 2
    copied = files(here / "results/xeon")
    assert copied.keys() == {str(path.relative_to(there)) for path in checked.files}
    assert copied.items() <= files(there).items()


def rewrite(path, **changes):
    """Change fields of a record, or of the first line of a round."""
    first, *rest = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    path.write_text("\n".join([json.dumps(json.loads(first) | changes), *rest]) + "\n")


@pytest.mark.parametrize("file", [ROUND, MEMORY, "environment.json"])
def test_another_schema_version_is_refused_even_with_unknown_keys(here, there, file):
    rewrite(there / file, schema_version=2, color="red")
    with pytest.raises(UserError, match=rf"{file}:1: schema_version: 2: expected 1\. "):
        record_merge.merge([there], Path("results"), "cpu", networks())
    assert not (here / "results").exists()


@pytest.mark.parametrize("file", [ROUND, MEMORY])
def test_records_made_with_other_variables_than_stated_are_refused(here, there, file):
    rewrite(there / file, variables={"OMP_THREAD_LIMIT": "1"})
    with pytest.raises(UserError, match="fingerprint: "):
        record_merge.merge([there], Path("results"), "cpu", networks())


def test_another_protocol_is_refused(here, there):
    rewrite(there / ROUND, protocol="bianco2018")
    with pytest.raises(UserError, match=rf"{ROUND}:1: protocol: 'bianco2018': expected 'default'"):
        record_merge.merge([there], Path("results"), "cpu", networks())
    assert not (here / "results").exists()


def edit_yaml(path, change):
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))


@pytest.mark.parametrize(
    ("file", "change", "named"),
    [
        ("config/models.yaml", lambda all: all["alexnet"].update(input_size=225), "alexnet"),
        ("params.yaml", lambda all: all["latency"].update(discard=2), "round-1.jsonl:1"),
        ("params.yaml", lambda all: all.update(latency={"protocol": "bianco2018"}), "'default'"),
        ("config/devices/xeon.yaml", lambda all: all.update(threads=8), "resnet18"),
    ],
)
def test_records_of_another_code_or_configuration_are_refused(here, there, file, change, named):
    record_merge.check(there, networks())
    edit_yaml(here / file, change)
    with pytest.raises(UserError) as refused:
        record_merge.merge([there], Path("results"), "cpu", networks())
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "Run the study on that machine at this commit." in str(refused.value)
    assert not (here / "results").exists()


def test_a_change_that_affects_no_number_is_accepted(here, there):
    edit_yaml(here / "config/models.yaml", lambda all: all["alexnet"].update(name="Alex's"))
    edit_yaml(here / "params.yaml", lambda all: all["budgets"].update(top=3))
    record_merge.check(there, networks())


def test_lines_that_the_study_no_longer_needs_are_not_checked(here, there):
    lines = read_lines(there / ROUND, LatencyLine)
    dropped = [
        lines[0].model_copy(update=change)
        for change in ({"model": "vgg11"}, {"batch_size": 2}, {"protocol": "bianco2018"})
    ]
    write_lines(there / ROUND, [*lines, *dropped])
    record_merge.check(there, networks())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda there: (there / MEMORY).write_text('{"schema_version": 1, '), "alexnet.json: "),
        (lambda there: rewrite(there / MEMORY, model="resnet18"), "model: 'resnet18': expected"),
        (lambda there: rewrite(there / ROUND, round=1), "round: 1: expected 2"),
        (lambda there: rewrite(there / "environment.json", device="zeon"), "zeon.yaml: no such"),
        (lambda there: rewrite(there / "environment.json", device="cpu"), "'xeon': expected 'cpu'"),
        (lambda there: (there / "environment.json").unlink(), "results/<device>"),
        (lambda there: shutil.rmtree(there / "fp32-eager"), "no records of this study's"),
    ],
)
def test_an_invalid_device_folder_is_refused(here, there, spoil, message):
    spoil(there)
    with pytest.raises(UserError, match=message):
        record_merge.merge([there], Path("results"), "cpu", networks())
    assert not (here / "results").exists()


def test_one_bad_folder_prevents_the_copy_of_a_good_one(here, there, tmp_path):
    bad = tmp_path / "bad"
    bad.mkdir()
    with pytest.raises(UserError, match=r"bad/environment\.json: no such file"):
        record_merge.merge([there, bad], Path("results"), "cpu", networks())
    assert not (here / "results").exists()


def test_a_copy_is_only_replaced_by_records_of_the_same_machine(here, there):
    results = here / "results"
    record_merge.merge([there], results, "cpu", networks())
    (there / ROUND).unlink()
    record_merge.merge([there], results, "cpu", networks())
    before = files(results)
    assert f"xeon/{ROUND}" not in before
    rewrite(there / "environment.json", hostname="elsewhere")
    with pytest.raises(UserError, match=r"hostname: 'far', but .* is from 'elsewhere'"):
        record_merge.merge([there], results, "cpu", networks())
    with pytest.raises(UserError, match="'xeon' is measured on this machine"):
        record_merge.merge([there], results, "xeon", networks())
    with pytest.raises(UserError, match="'xeon': also in "):
        record_merge.merge([results / "xeon", results / "xeon"], results, "cpu", networks())
    assert files(results) == before


def test_a_folder_that_is_already_in_place_is_only_checked(here, there):
    record_merge.merge([there], Path("results"), "cpu", networks())
    before = {path: path.stat().st_mtime_ns for path in Path("results").rglob("*")}
    record_merge.merge([Path("results/xeon")], Path("results"), "cpu", networks())
    assert {path: path.stat().st_mtime_ns for path in Path("results").rglob("*")} == before


def test_the_command_reports_the_copied_files_and_the_setting_to_change(here, there):
    done = CliRunner().invoke(app._app, ["merge", str(there)])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "xeon: 8 files from far, commit unknown",
        "xeon is not shown yet. Add it to `devices` in params.yaml, and rerun the study.",
    ]
    edit_yaml(here / "params.yaml", lambda all: all.update(devices=["xeon"]))
    again = CliRunner().invoke(app._app, ["merge", str(there)])
    assert again.output.splitlines() == done.output.splitlines()[:1]


@pytest.mark.parametrize(
    "device",
    [
        *("..", ".", "../..", "/", "-x", "accuracy", "study.csv", "titanxp-2018", "d" * 300),
        *(".merged", "XEON", "xeon/../cpu", "xeon\n", "xe\x1b[31mon", "\ud800", "", None, 1),
    ],
    ids=ascii,
)
def test_an_invalid_device_name_is_refused_in_one_line(here, there, device):
    (here / "config/devices/.yaml").write_text((here / "config/devices/xeon.yaml").read_text())
    (here / "results/accuracy").mkdir(parents=True)
    (here / "results/accuracy/kept.json").write_text("{}")
    before = files(here)
    rewrite(there / "environment.json", device=device)
    with pytest.raises(UserError, match=r"environment\.json: ") as refused:
        record_merge.merge([there], Path("results"), "cpu", networks())
    assert str(refused.value).isprintable()
    assert files(here) == before


def link_file(there):
    (there.parent / "secret.json").write_bytes((there / MEMORY).read_bytes())
    (there / MEMORY).unlink()
    (there / MEMORY).symlink_to(there.parent / "secret.json")


def link_folder(there):
    (there / "fp32-eager").rename(there.parent / "elsewhere")
    (there / "fp32-eager").symlink_to(there.parent / "elsewhere")


def link_to_nothing(there):
    (there / ROUND).unlink()
    (there / ROUND).symlink_to("gone.jsonl")


def link_environment(there):
    (there / "environment.json").rename(there / "moved.json")
    (there / "environment.json").symlink_to("moved.json")


def pipe(there):
    (there / MEMORY).unlink()
    os.mkfifo(there / MEMORY)


def folder(there):
    (there / MEMORY).unlink()
    (there / MEMORY).mkdir()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (link_file, r"alexnet\.json: a link\. Copy the target"),
        (link_folder, r"fp32-eager: a link\. Copy the target"),
        (link_to_nothing, r"round-2\.jsonl: a link\. Copy the target"),
        (link_environment, r"environment\.json: a link\. Copy the target"),
        (pipe, r"alexnet\.json: a named pipe, not a file"),
        (folder, r"alexnet\.json: a folder, not a file"),
        (lambda there: (there / MEMORY).write_text("[" * 100_000), r"alexnet\.json: .*recursion"),
    ],
)
def test_links_pipes_and_malformed_files_are_refused(here, there, spoil, message):
    spoil(there)
    with pytest.raises(UserError, match=message):
        record_merge.merge([there], Path("results"), "cpu", networks())
    assert not (here / "results").exists()


def test_a_hard_link_is_copied_as_a_separate_file(here, there):
    os.link(there / MEMORY, there.parent / "same.json")
    record_merge.merge([there], Path("results"), "cpu", networks())
    assert (here / "results/xeon" / MEMORY).stat().st_nlink == 1


@pytest.mark.parametrize(
    "name",
    [
        *(MEMORY, "fp32-eager/memory/other.json", "fp32-eager/latency/.round-1.jsonl.journal"),
        *(".hidden", "notes/plan.txt", "environment.json"),
    ],
)
@pytest.mark.parametrize("merged_before", [True, False])
def test_files_that_no_merge_copied_are_kept(here, there, name, merged_before):
    if merged_before:
        record_merge.merge([there], Path("results"), "cpu", networks())
    own = here / "results/xeon" / name
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(own.read_text() + " " if own.exists() else "{}")
    if name == "environment.json" and not merged_before:
        own.write_bytes((there / name).read_bytes().replace(b"Debian", b"Alpine"))
    before = files(here)
    rewrite(there / ROUND, cell_s=2.0)
    with pytest.raises(UserError, match=f"{name}: not copied by a merge, which would remove it"):
        record_merge.merge([there], Path("results"), "cpu", networks())
    assert files(here) == before


def test_a_link_instead_of_a_copy_is_neither_followed_nor_removed(here, there, tmp_path):
    (tmp_path / "big").mkdir()
    (tmp_path / "big/own.txt").write_text("kept")
    (here / "results").mkdir()
    (here / "results/xeon").symlink_to(tmp_path / "big")
    with pytest.raises(UserError, match="results/xeon: not a folder copied by a merge"):
        record_merge.merge([there], Path("results"), "cpu", networks())
    record_merge.merge([there], tmp_path / "other", "cpu", networks())
    (tmp_path / "other/xeon/link").symlink_to(tmp_path / "big")
    with pytest.raises(UserError, match="xeon/link: not copied by a merge"):
        record_merge.merge([there], tmp_path / "other", "cpu", networks())
    assert (tmp_path / "big/own.txt").read_text() == "kept"


@pytest.mark.parametrize("place", ["coming", "former"])
@pytest.mark.parametrize("merged_before", [True, False])
def test_other_files_in_the_folders_of_incoming_copies_are_kept(here, there, place, merged_before):
    if merged_before:
        record_merge.merge([there], Path("results"), "cpu", networks())
    own = here / f"results/.merged/xeon.{place}"
    for file in (own / "kept/mine.txt", own):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("kept")
        before = files(here)
        with pytest.raises(UserError, match=f"{file.name}: not copied by a merge"):
            record_merge.merge([there], Path("results"), "cpu", networks())
        assert files(here) == before
        shutil.rmtree(own) if own.is_dir() else own.unlink()
    own.symlink_to(here / "config")
    with pytest.raises(UserError, match=f"{own.name}: not copied by a merge"):
        record_merge.merge([there], Path("results"), "cpu", networks())
    own.unlink()
    record_merge.merge([there], Path("results"), "cpu", networks())
    assert files(here / "results/xeon") == files(there)


def test_an_invalid_manifest_is_an_error_with_a_remedy(here, there):
    record_merge.merge([there], Path("results"), "cpu", networks())
    listed = here / "results/.merged/xeon.json"
    listed.write_text("{}")
    with pytest.raises(UserError, match=r"xeon\.json: .*\. Remove it, and merge again\."):
        record_merge.merge([there], Path("results"), "cpu", networks())
    listed.unlink()
    record_merge.merge([there], Path("results"), "cpu", networks())


def test_a_copy_made_by_hand_is_replaced_if_nothing_is_lost(here, there):
    shutil.copytree(there, here / "results/xeon")
    (here / "results/xeon" / MEMORY).unlink()
    record_merge.merge([there], Path("results"), "cpu", networks())
    assert files(here / "results/xeon") == files(there)


def killed(at, function):
    """Call a function in a child that is killed before its ``at``-th event; return whether it was.

    An event is a file operation that Python audits: an open, a rename, or a removal.
    """
    if child := os.fork():
        return os.waitpid(child, 0)[1] != 0
    events = itertools.count(1)

    def end(event, _):
        if event.startswith(("open", "os.", "shutil.")) and next(events) == at:
            os._exit(9)

    sys.addaudithook(end)
    function()
    os._exit(0)


def test_a_kill_at_any_point_loses_nothing_and_the_next_merge_completes(here, there, tmp_path):
    results, start = here / "results", tmp_path / "start"
    record_merge.merge([there], results, "cpu", networks())
    shutil.copytree(results, start)
    rewrite(there / ROUND, cell_s=2.0)
    checked = record_merge.check(there, networks())
    old, new = files(start / "xeon"), files(there)
    with patch.object(record_merge, "check", lambda *_: checked):

        def merge():
            record_merge.merge([there], results, "cpu", {})

        for at in itertools.count(1, 4):
            shutil.rmtree(results)
            shutil.copytree(start, results)
            if not killed(at, merge):
                break
            found = files(results / "xeon") or files(results / ".merged/xeon.former")
            assert found in (old, new), at
            merge()
            assert files(results / "xeon") == new, at
            left = {path.name for path in (results / ".merged").glob("[!.]*")}
            assert left == {"xeon.json"}, at
    assert at > 100
    assert files(results / "xeon") == new
