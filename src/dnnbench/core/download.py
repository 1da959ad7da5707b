"""Resumable HTTP downloads: a file appears only when it is complete and verified."""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NewConnectionError

from dnnbench.core.checksums import IntegrityError, set_aside
from dnnbench.core.errors import UserError

# Pauses before retries. A server may ask for longer pauses, up to the limit.
_PAUSES_S = (1.0, 2.0, 4.0, 8.0)
_LONGEST_PAUSE_S = 60.0
# Timeouts to connect, and to wait for more data.
_PATIENCE_S = (5.0, 30.0)
_PIECE = 2**16  # Bytes; at most this much is lost if the connection breaks.
_WEB_PAGE = re.compile(rb"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)


T = TypeVar("T")


class DownloadError(UserError):
    """A failed download; the message has the address and the reason."""


class UnreachableError(DownloadError):
    """A failed connection to a host; its other files need not be tried."""


class PassingError(Exception):
    """A temporary failure: ``patiently`` retries after a pause."""

    def __init__(self, reason: str, pause_s: float = 0.0) -> None:
        super().__init__(reason)
        self.pause_s = pause_s


def fetch(
    url: str,
    target: Path,
    check: Callable[[Path], None],
    report: Callable[[int, int | None], None] = lambda done, total: None,
) -> None:
    """Download ``url`` to ``target``, which appears only when complete and verified.

    An interrupted transfer is kept in ``<target>.part`` and resumed, by this call or a later one.
    Dropped connections, timeouts and temporary server errors are retried with growing pauses.
    ``check`` gets the path of the complete file and raises IntegrityError; a file that fails the
    check is kept as ``<target>.bad``. ``report`` is called with the number of bytes received and
    the total, or None if the total is unknown.

    Raises UnreachableError or DownloadError if the file cannot be downloaded, and IntegrityError if
    the address returns a different file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    continued = part.exists()
    patiently(url, partial(_attempt, url, part, report))
    try:
        check(part)
    except IntegrityError as error:
        aside = set_aside(part, target.name)
        if not continued:
            raise IntegrityError(f"{error}; kept as {aside.name}") from error
        # The partial file may be of a different file: start again.
        fetch(url, target, check, report)
    else:
        part.replace(target)


def host(url: str) -> str:
    """Return the host name in an address."""
    return urlsplit(url).hostname or url


def patiently(url: str, attempt: Callable[[], T]) -> T:
    """Return the result of ``attempt``, retrying after PassingError.

    The pauses between attempts grow.

    An unreachable host is tried twice. Raises DownloadError if the last attempt fails, and any
    other error of ``attempt``.
    """
    pauses = iter(_PAUSES_S)
    number = 0
    while True:
        number += 1
        pause_s = next(pauses, None)
        try:
            return attempt()
        except UnreachableError:
            if number > 1:
                raise
            asked_s = 0.0
        except PassingError as error:
            if pause_s is None:
                raise DownloadError(f"{url}: {error} (attempts: {number})") from error
            asked_s = error.pause_s
        time.sleep(min(max(pause_s or 0.0, asked_s), _LONGEST_PAUSE_S))


def _attempt(url: str, part: Path, report: Callable[[int, int | None], None]) -> None:
    """Complete ``part``. Raises PassingError if another attempt may help."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}  # Compressed transfers cannot be resumed.
    if have:
        headers["Range"] = f"bytes={have}-"
    with (
        _connecting(url),
        requests.get(url, headers=headers, stream=True, timeout=_PATIENCE_S) as answer,
    ):
        if _file_follows(url, answer, part, have):
            _receive(url, answer, part, have, report)


@contextmanager
def _connecting(url: str) -> Iterator[None]:
    """Translate connection errors into ours."""
    try:
        yield
    except (requests.ConnectTimeout, requests.exceptions.ProxyError) as error:
        raise UnreachableError(f"{url}: cannot connect to {host(url)}") from error
    except requests.exceptions.SSLError as error:
        raise DownloadError(f"{url}: no trusted connection to {host(url)}") from error
    except (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
    ) as error:
        if isinstance(getattr(error.args[0], "reason", None), NewConnectionError):
            raise UnreachableError(f"{url}: cannot connect to {host(url)}") from error
        raise PassingError("the connection broke") from error
    except requests.RequestException as error:
        raise DownloadError(f"{url}: {type(error).__name__}") from error


def _file_follows(url: str, answer: requests.Response, part: Path, have: int) -> bool:
    """Return whether data follows; False means that ``part`` is complete.

    Raises PassingError or DownloadError if the server does not send the file.
    """
    if answer.status_code == requests.codes.requested_range_not_satisfiable:
        if answer.headers.get("Content-Range") == f"bytes */{have}":
            return False
        part.unlink()
        raise PassingError("the file changed since the download started")
    check_status(url, answer.status_code, answer.reason, answer.headers)
    if "text/html" in answer.headers.get("Content-Type", ""):
        raise DownloadError(f"{url}: returned a web page instead of the file")
    return True


def check_status(url: str, status: int, reason: str, headers: Mapping[str, str]) -> None:
    """Raise an error unless the HTTP status means success or redirection.

    Raises PassingError for temporary errors, with the pause that the server asks for, and
    DownloadError for others.
    """
    if (
        status in (requests.codes.request_timeout, requests.codes.too_many_requests)
        or status >= 500
    ):
        asked = headers.get("Retry-After", "")
        pause_s = float(asked) if asked.isdecimal() else 0.0
        raise PassingError(f"the server answered {status}", pause_s)
    if status >= 400:
        raise DownloadError(f"{url}: the server answered {status} {reason}")


def _receive(
    url: str,
    answer: requests.Response,
    part: Path,
    have: int,
    report: Callable[[int, int | None], None],
) -> None:
    """Append the body to ``part``, or overwrite it if the server sends the whole file."""
    if not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        have = 0
    length = answer.headers.get("Content-Length")
    total = have + int(length) if length else None
    pieces = answer.iter_content(_PIECE)
    piece = next(pieces, b"")
    if not have and _WEB_PAGE.match(piece):
        raise DownloadError(f"{url}: returned a web page instead of the file")
    with part.open("ab" if have else "wb") as file:
        report(have, total)
        while piece:
            file.write(piece)
            have += len(piece)
            report(have, total)
            piece = next(pieces, b"")
        file.flush()
        os.fsync(file.fileno())
    if total is not None and have != total:
        raise PassingError(f"the connection broke at {have} of {total} bytes")
