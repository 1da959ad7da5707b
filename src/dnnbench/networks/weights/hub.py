"""Files on Hugging Face: the commit that an address means today, and what its file hashes to.

The hub says both in the headers of its answer, ``X-Repo-Commit`` and ``X-Linked-ETag``, before it
sends where the file lies.
"""

import re
from dataclasses import dataclass
from urllib.parse import urljoin

from dnnbench.core import download

_ADDRESS = re.compile(r"(https?://[^/]+/[^/]+/[^/]+/resolve/)([^/]+)(/[^?]+)")
# A repository that was renamed has another address, and that one may have been too.
_RENAMED = 3


@dataclass(frozen=True)
class File:
    """A file of one commit: its address, that commit, and the SHA-256 of its content."""

    url: str
    revision: str
    sha256: str


def is_address(url: str | None) -> bool:
    """Whether ``url`` is that of a file on a hub: ``.../OWNER/NAME/resolve/REVISION/FILE``."""
    return bool(url and _ADDRESS.fullmatch(url))


def look_up(url: str) -> File:
    """What the hub says of the file at ``url``. Raises DownloadError where it does not say it all.

    ``url`` may name a branch; the address of what is returned names a commit.
    """
    place, headers = url, download.head(url)
    for _ in range(_RENAMED):
        if not headers.get("Location", "").startswith("/"):
            break
        place = urljoin(place, headers["Location"])
        headers = download.head(place)
    revision = headers.get("X-Repo-Commit", "")
    sha256 = headers.get("X-Linked-ETag", "").strip('"')
    address = _ADDRESS.fullmatch(place)
    if not address or not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise download.DownloadError(f"{url}: the hub does not say which commit it is of")
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise download.DownloadError(f"{url}: the hub does not say its SHA-256")
    return File(f"{address[1]}{revision}{address[3]}", revision, sha256)
