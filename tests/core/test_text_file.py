"""Files that a person or another machine wrote: one line for each that is no text."""

import os
from pathlib import Path

import pytest

from dnnbench.core import text_file
from dnnbench.core.text_file import TextFileError


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
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
        ("a: 1\n".encode("utf-16"), ": in UTF-16, not UTF-8"),
        (b"\xfe\xff" + "a: 1\n".encode("utf-16-be"), ": in UTF-16, not UTF-8"),
        ("a: 1\n".encode("utf-32"), ": in UTF-32, not UTF-8"),
        ("a: 1\n".encode("utf-16-le"), ":1: NUL in column 2: binary, or not UTF-8"),
        (b"a: 1\nb: \x00\n", ":2: NUL in column 4: binary, or not UTF-8"),
    ],
)
def test_another_encoding_is_named_with_its_place(tmp_path, content, said):
    file = tmp_path / "file.txt"
    file.write_bytes(content)
    with pytest.raises(TextFileError) as raised:
        text_file.read_text(file)
    assert str(raised.value) == f"{file}{said}; save it as UTF-8"


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    kinds = {pipe: "a named pipe", tmp_path: "a folder", Path("/dev/zero"): "a device"}
    for path, kind in kinds.items():
        with pytest.raises(TextFileError, match=f"^{path}: {kind}, not a file; correct the path$"):
            text_file.read_bytes(path)


def test_a_link_to_a_file_is_that_file(tmp_path):
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "file").write_text("a: 1\n")
    assert text_file.read_text(tmp_path / "link") == "a: 1\n"


def test_a_link_to_itself_is_named(tmp_path):
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(TextFileError, match="link: cannot be read: Too many levels"):
        text_file.read_text(tmp_path / "link")


def test_a_path_that_no_file_can_have_is_one_line():
    with pytest.raises(TextFileError, match=r"^'a\\x00b': embedded null byte; correct the path$"):
        text_file.read_text(Path("a\0b"))


def test_a_missing_file_is_left_to_the_caller(tmp_path):
    with pytest.raises(FileNotFoundError):
        text_file.read_text(tmp_path / "nowhere")


def test_a_huge_file_is_refused_without_reading_it(tmp_path):
    file = tmp_path / "huge"
    file.touch()
    os.truncate(file, 2**40)
    with pytest.raises(TextFileError, match=f"huge: {2**40} bytes, where at most"):
        text_file.read_bytes(file)


def test_a_file_that_states_no_size_is_read_up_to_the_limit():
    assert text_file.read_text(Path("/proc/self/status")).startswith("Name:")
    with pytest.raises(TextFileError, match=r"status: .* where at most 8 are expected"):
        text_file.read_bytes(Path("/proc/self/status"), limit=8)
