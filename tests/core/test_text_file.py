"""Text files written by users or other machines: every problem is reported in one line."""

import os
from pathlib import Path

import pytest

from dnnbench.core import text_file
from dnnbench.core.text_file import TextFileError


def test_a_byte_order_mark_is_not_part_of_the_text(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_bytes("gérant: 1\n".encode("utf-8-sig"))
    assert text_file.read_text(file) == "gérant: 1\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: 1\nb: café\n".encode("latin-1"), ":2: byte 0xe9 in column 7 is not UTF-8"),
        ("a: “b”\n".encode("cp1252"), ":1: byte 0x93 in column 4 is not UTF-8"),
        ("a: 日本\n".encode("shift-jis"), ":1: byte 0x93 in column 4 is not UTF-8"),
        (b"a: \xc3\n", ":1: byte 0xc3 in column 4 is not UTF-8"),
        (b"a: \xed\xa0\x80\n", ":1: byte 0xed in column 4 is not UTF-8"),
        ("a: 1\n".encode("utf-16"), ": encoded in UTF-16, not UTF-8"),
        (b"\xfe\xff" + "a: 1\n".encode("utf-16-be"), ": encoded in UTF-16, not UTF-8"),
        ("a: 1\n".encode("utf-32"), ": encoded in UTF-32, not UTF-8"),
        ("a: 1\n".encode("utf-16-le"), ":1: NUL in column 2: binary or not UTF-8"),
        (b"a: 1\nb: \x00\n", ":2: NUL in column 4: binary or not UTF-8"),
    ],
)
def test_another_encoding_is_reported_with_its_place(tmp_path, content, said):
    file = tmp_path / "file.txt"
    file.write_bytes(content)
    with pytest.raises(TextFileError) as raised:
        text_file.read_text(file)
    assert str(raised.value) == f"{file}{said}. Save it as UTF-8."


def test_a_file_that_is_not_regular_is_refused_without_waiting(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    kinds = {pipe: "a named pipe", tmp_path: "a folder", Path("/dev/zero"): "a device"}
    for path, kind in kinds.items():
        with pytest.raises(
            TextFileError, match=rf"^{path}: {kind}, not a file\. Correct the path\.$"
        ):
            text_file.read_bytes(path)


def test_a_link_to_a_file_is_followed(tmp_path):
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "file").write_text("a: 1\n")
    assert text_file.read_text(tmp_path / "link") == "a: 1\n"


def test_a_circular_link_is_reported(tmp_path):
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(TextFileError, match="link: cannot be read: Too many levels"):
        text_file.read_text(tmp_path / "link")


def test_an_impossible_path_is_reported_in_one_line():
    with pytest.raises(
        TextFileError, match=r"^'a\\x00b': embedded null byte\. Correct the path\.$"
    ):
        text_file.read_text(Path("a\0b"))


def test_a_missing_file_raises_file_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        text_file.read_text(tmp_path / "nowhere")


def test_a_huge_file_is_refused_without_reading_it(tmp_path):
    file = tmp_path / "huge"
    file.touch()
    os.truncate(file, 2**40)
    with pytest.raises(TextFileError, match=f"huge: {2**40} bytes, but at most"):
        text_file.read_bytes(file)


def test_a_file_without_a_size_is_read_up_to_the_limit():
    assert text_file.read_text(Path("/proc/self/status")).startswith("Name:")
    with pytest.raises(TextFileError, match=r"status: .* but at most 8 are expected"):
        text_file.read_bytes(Path("/proc/self/status"), limit=8)
