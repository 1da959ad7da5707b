"""The array of decoded images: equal to fresh decoding, even after kills and full disks."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers.image_forms import BROKEN, KINDS, encoded, noise, usual
from PIL import Image

from dnnbench.core.storage import read_json, write_json
from dnnbench.images import decoded_arrays, image_index
from dnnbench.images.decoded_arrays import DecodeError
from dnnbench.images.geometry import Geometry
from dnnbench.images.synsets import names
from dnnbench.records.image_records import DecodedImages

SMALL = Geometry("bilinear", 40, 32)


@pytest.fixture
def folder(tmp_path):
    """Return a folder of eleven images of many shapes and kinds, in six classes."""
    where = tmp_path / "pictures"
    for number, size in enumerate([(60, 40), (40, 60), (50, 50), (300, 41), (35, 90)]):
        write(where, number % 3, f"{number}.JPEG", encoded(noise(*size, number), "JPEG"))
    for number, kind in enumerate(
        ["JPEG L", "JPEG CMYK", "PNG P", "PNG RGBA", "GIF P", "WEBP RGB"]
    ):
        write(where, 10 + number // 2 * 100, f"{number}.JPEG", KINDS[kind])
    return where


def write(where, label, name, data):
    path = where / names()[label] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def cached(folder, cache, geometry=SMALL, threads=2):
    """Decode a folder of images as the stages do; return the path of the record."""
    path = cache / f"{geometry.name}.json"
    write_json(
        path,
        decoded_arrays.decode(image_index.index("folder", folder, 2), geometry, cache, threads),
    )
    return path


def array_of(path):
    return path.with_name(read_json(path, DecodedImages).array)


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("name", ["bilinear-40-32", "bicubic-256-224"])
def test_the_array_is_bit_equal_to_decoding_every_time(folder, tmp_path, name, threads):
    geometry = Geometry.parse(name)
    decoded = decoded_arrays.open_decoded(cached(folder, tmp_path / "cache", geometry, threads))
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.JPEG"))
    assert decoded.names == files
    assert decoded.images.shape == (11, geometry.size, geometry.size, 3)
    assert isinstance(decoded.images, np.memmap)
    assert [names()[label] for label in decoded.labels] == [file[:9] for file in files]
    for file, pixels in zip(files, decoded.images, strict=True):
        assert np.array_equal(pixels, usual(Image.open(folder / file).convert("RGB"), geometry))


def test_the_record_says_what_was_decoded(folder, tmp_path):
    (folder / "labels.txt").write_text("none")
    record = read_json(cached(folder, tmp_path / "cache"), DecodedImages)
    assert (record.n, record.scored_classes) == (11, [0, 1, 2, 10, 110, 210])
    assert record.other_files == 1
    assert record.skipped == []
    assert record.kinds["JPEG RGB"] == 5
    assert sum(record.kinds.values()) == 11
    assert "Pillow" in record.decoder
    # Snakemake compares files by content only up to a million bytes.
    assert len(record.model_dump_json(indent=1)) < 10_000


def test_every_broken_file_is_left_out_with_its_reason_and_costs_no_other(folder, tmp_path):
    for number, data in enumerate(BROKEN.values()):
        write(folder, 500, f"{number}.JPEG", data)
    write(folder, 500, "named-png.png", KINDS["JPEG RGB"])
    (folder / "cat.jpg").write_bytes(KINDS["JPEG RGB"])
    decoded = decoded_arrays.open_decoded(cached(folder, tmp_path / "cache"))
    reasons = {file.name: file.reason for file in decoded.record.skipped}
    assert reasons.pop("cat.jpg").startswith("no synset ID in its name")
    assert len(reasons) == len(BROKEN)
    for number, reason in enumerate(BROKEN):
        assert reason in reasons[f"{names()[500]}/{number}.JPEG"]
    assert decoded.record.n == len(decoded.images) == len(decoded.names) == 12
    row = decoded.images[decoded.names.index(f"{names()[500]}/named-png.png")]
    assert np.array_equal(row, usual(Image.open(folder / "cat.jpg"), SMALL))


def test_a_set_of_broken_files_is_an_error(tmp_path):
    write(tmp_path / "pictures", 3, "a.jpg", b"")
    with pytest.raises(DecodeError, match=r"no usable images among 1; .*a\.jpg: empty file"):
        cached(tmp_path / "pictures", tmp_path / "cache")


def test_decoded_images_are_not_decoded_again(folder, tmp_path):
    index = image_index.index("folder", folder, 2)
    first = decoded_arrays.decode(index, SMALL, tmp_path, 2)
    for path in folder.rglob("*.JPEG"):
        path.unlink()
    assert decoded_arrays.decode(index, SMALL, tmp_path, 2) == first


def test_another_set_is_another_array_and_the_old_one_goes(folder, tmp_path):
    first = array_of(cached(folder, tmp_path))
    other = array_of(cached(folder, tmp_path, Geometry("bilinear", 40, 33)))
    write(folder, 4, "new.JPEG", KINDS["JPEG RGB"])
    path = cached(folder, tmp_path)
    assert array_of(path) != first
    assert not first.exists()
    assert other.exists()
    assert len(decoded_arrays.open_decoded(path).images) == 12


@pytest.mark.parametrize("change", ["pixels", "label", "decoder", "geometry"])
def test_the_key_changes_with_all_that_could_change_a_pixel_or_label(
    folder, tmp_path, monkeypatch, change
):
    before = read_json(cached(folder, tmp_path / "before"), DecodedImages)
    geometry = SMALL
    if change == "pixels":
        write(folder, 0, "0.JPEG", KINDS["JPEG L"])
    elif change == "label":
        (folder / names()[0]).rename(folder / names()[5])
    elif change == "decoder":
        monkeypatch.setattr(decoded_arrays.image_pixels, "decoder", lambda: "Pillow 1.1.7")
    else:
        geometry = Geometry("bicubic", 40, 32)
    after = read_json(cached(folder, tmp_path / "after", geometry), DecodedImages)
    assert after.key != before.key


def test_a_file_that_changed_since_it_was_listed_is_an_error(folder, tmp_path):
    index = image_index.index("folder", folder, 2)
    write(folder, 0, "0.JPEG", KINDS["JPEG L"])
    with pytest.raises(DecodeError, match=r"0\.JPEG: changed since the folder was listed"):
        decoded_arrays.decode(index, SMALL, tmp_path, 2)


@pytest.mark.parametrize("damage", ["cut", "longer", "gone", "list", "line", "no list", "record"])
def test_files_that_do_not_belong_together_are_refused_and_made_again(folder, tmp_path, damage):
    path = cached(folder, tmp_path)
    right = np.array(decoded_arrays.open_decoded(path).images)
    array = array_of(path)
    listed = array.with_suffix(".jsonl")
    if damage == "cut":
        os.truncate(array, array.stat().st_size - 1)
    elif damage == "longer":
        os.truncate(array, array.stat().st_size + 1)
    elif damage == "gone":
        array.unlink()
    elif damage == "list":
        listed.write_text(listed.read_text().replace('"label":0', '"label":9'))
    elif damage == "line":
        os.truncate(listed, listed.stat().st_size - 9)
    elif damage == "no list":
        listed.unlink()
    else:
        record = json.loads(path.read_text())
        path.write_text(json.dumps(record | {"key": "0" * 16}))
    with pytest.raises(
        DecodeError, match=r"Remove .*bilinear-40-32\.json to decode the images again"
    ) as said:
        decoded_arrays.open_decoded(path)
    assert "\n" not in str(said.value)
    path.unlink()
    assert np.array_equal(decoded_arrays.open_decoded(cached(folder, tmp_path)).images, right)


DECODE = """
import resource, sys
from pathlib import Path
from dnnbench.core.storage import read_json
from dnnbench.images import decoded_arrays
from dnnbench.images.geometry import Geometry
from dnnbench.records.image_records import ImageIndex
decoded_arrays._AT_A_TIME = 4
index, cache, limit = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
decoded_arrays.decode(read_json(index, ImageIndex), Geometry("bilinear", 40, 32), cache, 2)
"""


@pytest.fixture
def many(tmp_path):
    """Return the index and the folder of a set of 40 images."""
    where = tmp_path / "many"
    for number in range(40):
        write(where, number, f"{number:02d}.JPEG", encoded(noise(80, 60, number), "JPEG"))
    write_json(tmp_path / "index.json", image_index.index("folder", where, 2))
    return tmp_path / "index.json", where


def start(index, cache, limit=0):
    words = [sys.executable, "-c", DECODE, str(index), str(cache), str(limit)]
    return subprocess.Popen(words, stderr=subprocess.PIPE, text=True)


def test_a_killed_run_resumes_and_writes_the_same_array(many, tmp_path):
    index, where = many
    cache = tmp_path / "cache"
    last = max(where.rglob("*.JPEG"))
    content = last.read_bytes()
    last.unlink()
    os.mkfifo(last)  # Reading it blocks forever, so the kill comes before the end.
    running = start(index, cache)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if sum(path.read_text().count("\n") for path in cache.glob("*.jsonl")) >= 8:
            break
        time.sleep(0.01)
    running.kill()
    assert running.wait() == -signal.SIGKILL
    running.stderr.close()
    last.unlink()
    last.write_bytes(content)
    (listed,) = cache.glob("*.jsonl")
    done = listed.read_text().count("\n")
    assert 8 <= done < 40
    assert not list(cache.glob("*.npy"))
    (part,) = cache.glob("*.part")
    with part.open("ab") as file:
        file.write(b"half an image")
    with listed.open("a") as file:
        file.write('{"name": "half a li')

    whole = array_of(cached(where, tmp_path / "whole"))
    for path in sorted(where.rglob("*.JPEG"))[:done]:
        path.write_bytes(b"read again, this would be noticed")
    again = start(index, cache)
    said = again.communicate()[1]
    assert again.returncode == 0, said
    assert "MB already written); " in said
    (array,) = cache.glob("*.npy")
    assert array.read_bytes() == whole.read_bytes()
    assert not part.exists()


def test_a_disk_that_fills_up_loses_nothing_that_was_done(many, tmp_path):
    index, where = many
    cache = tmp_path / "cache"
    stopped = start(index, cache, limit=20 * 32 * 32 * 3)
    assert "File too large" in stopped.communicate()[1].splitlines()[-1]
    assert stopped.returncode == 1
    (listed,) = cache.glob("*.jsonl")
    done = listed.read_text().count("\n")
    assert 0 < done < 20
    whole = array_of(cached(where, tmp_path / "whole"))
    for path in sorted(where.rglob("*.JPEG"))[:done]:
        path.unlink()
    again = start(index, cache)
    said = again.communicate()[1]
    assert again.returncode == 0, said
    (array,) = cache.glob("*.npy")
    assert array.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(("size", "amount"), [(224, "7.5"), (299, "13.4"), (331, "16.4")])
def test_a_disk_that_is_too_small_is_refused_before_anything_is_decoded(
    folder, tmp_path, monkeypatch, size, amount
):
    listed = image_index.index("folder", folder, 2)
    full = listed.model_copy(update={"files": (listed.files * 4546)[:50_000]})
    free = (5 * 10**10, 0, 7 * 10**9)
    usage = type("Usage", (), dict(zip(("total", "used", "free"), free, strict=True)))
    monkeypatch.setattr(decoded_arrays.shutil, "disk_usage", lambda path: usage)
    cache = tmp_path / "cache"
    with pytest.raises(DecodeError) as raised:
        decoded_arrays.decode(full, Geometry("bilinear", 400, size), cache, 2)
    said = str(raised.value)
    assert (
        f"{cache}: decoding 50000 images needs {amount} GB, but only 7.0 GB are free. Free some"
        in said
    )
    assert not list(cache.glob("*.part")) + list(cache.glob("*.npy"))


@pytest.mark.slow
def test_a_small_disk_is_refused_and_a_larger_one_taken(folder, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        with pytest.raises(
            DecodeError, match=r"11 images needs 1\.7 MB, but only 1\.0 MB are free"
        ):
            cached(folder, disk, Geometry("bilinear", 256, 224))
        assert len(decoded_arrays.open_decoded(cached(folder, disk)).images) == 11
    finally:
        subprocess.run(["umount", str(disk)], check=True)
