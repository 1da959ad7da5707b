import hashlib
import sys
from functools import partial
from types import SimpleNamespace

import pytest
from helpers.loopback import closed_address, serving

from dnnbench.core import checksums, download, progress
from dnnbench.core.checksums import IntegrityError
from dnnbench.core.download import DownloadError, UnreachableError

CONTENT = hashlib.shake_128(b"weights").digest(3_000_000)
HALF = len(CONTENT) // 2
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server():
    with serving() as running:
        yield running


@pytest.fixture
def target(tmp_path):
    return tmp_path / "weights" / "net-0123.pth"


@pytest.fixture(autouse=True)
def slept(monkeypatch):
    """Record pauses instead of sleeping."""
    pauses = []
    monkeypatch.setattr(download, "time", SimpleNamespace(sleep=pauses.append))
    return pauses


def fetch(url, target, **others):
    check = partial(checksums.check, algorithm="sha256", expected=SHA256[:8], origin=url)
    download.fetch(url, target, check, **others)


def start(asked):
    return int(asked.removeprefix("bytes=").removesuffix("-"))


def names(target):
    return sorted(file.name for file in target.parent.iterdir())


def test_a_file_arrives_complete_and_its_progress_is_reported(server, target):
    seen = []
    fetch(server.put("a", CONTENT), target, report=lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == CONTENT
    assert names(target) == [target.name]
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)


def test_a_transfer_resumes_where_the_connection_dropped(server, target):
    fetch(server.put("a", CONTENT, "drop", "drop", "ok"), target)
    assert target.read_bytes() == CONTENT
    (_, first), (_, second), (_, third) = server.asked
    assert first is None
    assert 0.9 * HALF < start(second) <= HALF
    assert start(second) + 0.4 * HALF < start(third) <= start(second) + 0.6 * HALF


def test_the_partial_file_of_an_earlier_run_is_resumed(server, target):
    target.parent.mkdir()
    (target.parent / f"{target.name}.part").write_bytes(CONTENT[:1000])
    fetch(server.put("a", CONTENT), target)
    assert server.asked == [("a", "bytes=1000-")]
    assert target.read_bytes() == CONTENT
    assert names(target) == [target.name]


def test_a_partial_file_that_is_complete_is_not_fetched_again(server, target):
    target.parent.mkdir()
    (target.parent / f"{target.name}.part").write_bytes(CONTENT)
    fetch(server.put("a", CONTENT), target)
    assert target.read_bytes() == CONTENT
    assert server.asked == [("a", f"bytes={len(CONTENT)}-")]


def test_a_server_without_ranges_sends_the_whole_file_again(server, target):
    fetch(server.put("a", CONTENT, "drop", "whole"), target)
    assert len(server.asked) == 2
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("left", [b"of another file", bytes(len(CONTENT) + 5)])
def test_a_partial_file_of_another_file_is_renamed_and_the_download_restarts(server, target, left):
    target.parent.mkdir()
    (target.parent / f"{target.name}.part").write_bytes(left)
    fetch(server.put("a", CONTENT), target)
    assert target.read_bytes() == CONTENT
    assert server.asked[-1] == ("a", None)


def test_a_busy_server_is_retried_after_growing_pauses(server, target, slept):
    fetch(server.put("a", CONTENT, "503", "429", "503", "ok"), target)
    assert target.read_bytes() == CONTENT
    assert slept == [1, 2, 4]


def test_the_pause_that_a_server_requests_is_respected(server, target, slept):
    server.headers = {"Retry-After": "30"}
    fetch(server.put("a", CONTENT, "503", "ok"), target)
    assert slept == [30]


def test_a_server_that_stays_busy_is_an_error(server, target):
    url = server.put("a", CONTENT, "503")
    with pytest.raises(DownloadError) as raised:
        fetch(url, target)
    assert str(raised.value) == f"{url}: the server answered 503 (attempts: 5)"
    assert len(server.asked) == 5
    assert names(target) == []


def test_a_connection_that_keeps_dropping_leaves_a_partial_file(server, target):
    url = server.put("a", CONTENT, "drop")
    with pytest.raises(DownloadError, match=r"the connection broke.* \(attempts: 5\)"):
        fetch(url, target)
    part = target.parent / f"{target.name}.part"
    assert 1.5 * HALF < part.stat().st_size < len(CONTENT)
    assert CONTENT.startswith(part.read_bytes())


@pytest.mark.parametrize("status", ["404", "403", "410"])
def test_a_missing_file_is_not_requested_again(server, target, status):
    with pytest.raises(DownloadError, match=f"/a: the server answered {status}"):
        fetch(server.put("a", CONTENT, status), target)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("content", "manner"),
    [
        (CONTENT, "html"),
        (b"<!DOCTYPE html>\n<html></html>", "ok"),
        (b"\n <!-- x -->\n<HTML lang=en>" + CONTENT, "ok"),
    ],
)
def test_a_web_page_instead_of_the_file_is_reported_at_once(server, target, content, manner):
    with pytest.raises(DownloadError, match="/a: returned a web page instead of the file"):
        fetch(server.put("a", content, manner), target)
    assert len(server.asked) == 1
    assert names(target) == []


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT[:-1] + b"\0", b""], ids=len)
def test_a_file_with_a_wrong_hash_is_renamed_and_never_used(server, target, content):
    url = server.put("a", content)
    for kept in (f"{target.name}.bad", f"{target.name}.bad2"):
        with pytest.raises(IntegrityError) as raised:
            fetch(url, target)
        found = hashlib.sha256(content).hexdigest()
        assert str(raised.value) == (
            f"{url}: expected sha256 {SHA256[:8]}, got {found}; kept as {kept}"
        )
        assert (target.parent / kept).read_bytes() == content
    assert names(target) == [f"{target.name}.bad", f"{target.name}.bad2"]


def test_an_unreachable_host_is_tried_twice(target, slept):
    url = closed_address()
    with pytest.raises(UnreachableError, match=f"{url}: cannot connect to 127.0.0.1"):
        fetch(url, target)
    assert slept == [1]


def test_without_a_terminal_progress_is_an_occasional_line(server, target, capsys):
    with progress.transfers("weights") as begin:
        fetch(server.put("a", CONTENT), target, report=begin("net-0123.pth"))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("weights: net-0123.pth: [####################] 3.0 of 3.0 MB in ")


def test_progress_is_a_bar_on_a_terminal(server, target, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # Makes rich believe that this is a terminal.
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.transfers("weights") as begin:
        fetch(server.put("a", CONTENT), target, report=begin("net-0123.pth"))
    shown = capsys.readouterr().err
    assert "net-0123.pth" in shown
    assert "3.0/3.0 MB" in shown
