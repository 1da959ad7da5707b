import hashlib
import zipfile

import pytest

from dnnbench.core import checksums
from dnnbench.core.checksums import IntegrityError

CONTENT = b"the very bytes" * 1000


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(CONTENT)
    return path


def zipped(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "md5"])
def test_a_file_is_checked_against_a_full_hash_or_a_prefix(file, algorithm):
    whole = hashlib.new(algorithm, CONTENT).hexdigest()
    checksums.check(file, algorithm, whole, "upstream")
    checksums.check(file, algorithm, whole[:8], "upstream")
    with pytest.raises(IntegrityError) as raised:
        checksums.check(file, algorithm, "0123456789", "http://there/weights.pth")
    assert str(raised.value) == (
        f"http://there/weights.pth: expected {algorithm} 0123456789, got {whole}"
    )
    assert file.read_bytes() == CONTENT


def test_sha256_matches_hashlib(file):
    assert checksums.sha256(file) == hashlib.sha256(CONTENT).hexdigest()


def test_a_bad_file_is_renamed_without_overwriting_earlier_ones(file):
    for number, name in ((1, "weights.pth.bad"), (2, "weights.pth.bad2"), (3, "weights.pth.bad3")):
        file.write_bytes(b"%d" % number)
        assert checksums.set_aside(file) == file.with_name(name)
    kept = [file.with_name(f"weights.pth.bad{n}").read_bytes() for n in ("", "2", "3")]
    assert kept == [b"1", b"2", b"3"]
    assert not file.exists()


def test_an_archive_can_be_checked_by_the_hash_of_its_only_file(tmp_path):
    noise = hashlib.shake_128(b"noise").digest(5000)
    path = zipped(tmp_path / "w.pth.zip", ("../../escape.pth", noise))
    digest = hashlib.sha1(noise).hexdigest()
    checksums.check(path, "sha1", digest, "upstream", in_archive=True)
    with pytest.raises(IntegrityError, match=f"expected sha1 1234567, got {digest}"):
        checksums.check(path, "sha1", "1234567", "upstream", in_archive=True)
    assert [file.name for file in tmp_path.iterdir()] == ["w.pth.zip"]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("a", b"a"), ("b", b"b")], "archive contains 2 files, expected 1"),
        ([], "archive contains 0 files, expected 1"),
        ([("a", bytes(10**7))], "would unpack to 10000000 bytes"),
    ],
)
def test_an_archive_with_any_other_content_is_refused(tmp_path, members, message):
    path = zipped(tmp_path / "w.zip", *members)
    with pytest.raises(IntegrityError, match=message), checksums.only_member(path):
        pytest.fail("opened")


def test_a_truncated_archive_is_refused(tmp_path):
    path = zipped(tmp_path / "w.zip", ("a", hashlib.shake_128(b"noise").digest(5000)))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(IntegrityError, match="not a complete zip archive"):
        checksums.check(path, "sha1", "0" * 40, "upstream", in_archive=True)
