"""Downloadable data sets, served from the loopback interface."""

import hashlib
import io
import tarfile
from dataclasses import replace

import pytest
from helpers import loopback

from dnnbench.config import dataset
from dnnbench.config.dataset import Archive
from dnnbench.core.checksums import IntegrityError
from dnnbench.images import datasets, image_index
from dnnbench.images.datasets import DatasetError

PICTURE = "imagenette2/val/n01440764/ILSVRC2012_val_00000293.JPEG"


def packed(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def server():
    with loopback.serving() as running:
        yield running


@pytest.fixture
def publish(server, tmp_path, monkeypatch):
    """Return a function that serves an archive as Imagenette, with the hash of ``stated``."""

    def serve(content, stated=None):
        url = server.put("set.tgz", content)
        archive = Archive(url, hashlib.sha256(stated or content).hexdigest())
        ours = replace(dataset.named("imagenette"), archive=archive)
        monkeypatch.setattr(dataset, "datasets", lambda: {"imagenette": ours})
        return tmp_path / "datasets"

    return serve


def test_a_data_set_is_fetched_unpacked_and_listed_once(publish, server):
    folder = publish(packed({PICTURE: b"pixels"}))
    unpacked = datasets.obtain("imagenette", folder)
    assert (unpacked / PICTURE).read_bytes() == b"pixels"
    (file,) = image_index.index("imagenette", unpacked, 2).files
    assert file.label == 0
    assert datasets.obtain("imagenette", folder) == unpacked
    assert len(server.asked) == 1


def test_an_archive_that_is_there_is_checked_and_not_fetched(publish, server):
    content = packed({PICTURE: b"pixels"})
    folder = publish(content)
    folder.mkdir()
    (folder / "set.tgz").write_bytes(content)
    assert (datasets.obtain("imagenette", folder) / PICTURE).exists()
    assert server.asked == []


def test_a_file_with_a_wrong_hash_is_never_unpacked(publish):
    folder = publish(packed({PICTURE: b"tampered"}), stated=b"what was published")
    with pytest.raises(IntegrityError, match=r"set\.tgz: expected sha256 .*, got .*kept as"):
        datasets.obtain("imagenette", folder)
    assert [path.name for path in folder.iterdir()] == ["set.tgz.bad"]


def test_a_wrong_archive_that_the_user_provided_is_refused_and_kept(publish):
    folder = publish(packed({PICTURE: b"pixels"}))
    folder.mkdir()
    (folder / "set.tgz").write_bytes(b"mine")
    with pytest.raises(IntegrityError, match=r"datasets/set\.tgz: expected sha256"):
        datasets.obtain("imagenette", folder)
    assert (folder / "set.tgz").read_bytes() == b"mine"


@pytest.mark.parametrize("member", ["../outside.JPEG", "/tmp/../../outside.JPEG"])
def test_an_archive_that_reaches_outside_is_refused_whole(publish, tmp_path, member):
    folder = publish(packed({PICTURE: b"pixels", member: b"bad"}))
    with pytest.raises(DatasetError, match=r"set\.tgz: cannot be unpacked"):
        datasets.obtain("imagenette", folder)
    assert not (folder / "imagenette").exists()
    assert not list(tmp_path.rglob("outside*"))


def test_a_data_set_half_unpacked_by_a_killed_run_is_unpacked_again(publish):
    folder = publish(packed({PICTURE: b"pixels"}))
    left = folder / ".imagenette.unpacking/imagenette2/val/n01440764/stale.JPEG"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"")
    unpacked = datasets.obtain("imagenette", folder)
    assert [path.name for path in unpacked.rglob("*.JPEG")] == [PICTURE.rpartition("/")[2]]


def test_every_archive_has_an_address_and_a_whole_hash():
    archives = {name: known.archive for name, known in dataset.datasets().items() if known.archive}
    assert set(archives) == {"imagenetv2", "imagenette"}
    for archive in archives.values():
        assert archive.url.startswith("https://")
        assert len(bytes.fromhex(archive.sha256)) == 32


def test_a_data_set_without_an_archive_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match=r"'imagenet': cannot be downloaded\. Set dataset\.path"):
        datasets.obtain("imagenet", tmp_path)
