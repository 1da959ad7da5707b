"""Files on Hugging Face: the current commit of a URL, and the SHA-256 of its file.

The hub states both in its response headers, before it sends the file.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dnnbench.core import download

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

_ADDRESS = re.compile(r"(https?://[^/]+/[^/]+/[^/]+/resolve/)([^/]+)(/[^?]+)")
# Timeout for connecting and for the headers.
_PATIENCE_S = 10.0


@dataclass(frozen=True)
class File:
    """A file of one commit: its URL, the commit, and the SHA-256 of its content."""

    url: str
    revision: str
    sha256: str


def is_address(url: str | None) -> bool:
    """Return whether ``url`` has the form ``.../OWNER/NAME/resolve/REVISION/FILE``."""
    return bool(url and _ADDRESS.fullmatch(url))


def look_up(url: str) -> File:
    """Look up the file at ``url``, for which ``is_address`` is true.

    ``url`` may name a branch; the returned URL names a commit. Retries like ``download.fetch``.
    Raises UnreachableError if the hub cannot be reached, DownloadError if it has no such file or
    does not state the commit and hash.
    """
    metadata = download.patiently(url, lambda: _metadata(url))
    revision, sha256 = metadata.commit_hash or "", metadata.etag or ""
    address = _ADDRESS.fullmatch(url)
    if not address or not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise download.DownloadError(f"{url}: the hub does not state the file's commit")
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise download.DownloadError(f"{url}: the hub does not state the file's SHA-256")
    return File(f"{address[1]}{revision}{address[3]}", revision, sha256)


def _metadata(url: str) -> "HfFileMetadata":
    """Query the hub once; translate failures into errors of ``download``."""
    # Imported here because only networks with a source on a hub need it.
    import httpx2
    from huggingface_hub import get_hf_file_metadata
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    try:
        # No token: the URL may name any host, and all files are public.
        return get_hf_file_metadata(url, token=False, timeout=_PATIENCE_S)
    except HfHubHTTPError as error:
        answer = error.response
        download.check_status(url, answer.status_code, answer.reason_phrase, answer.headers)
        raise download.DownloadError(f"{url}: {type(error).__name__}") from error
    except OfflineModeIsEnabled as error:
        raise download.UnreachableError(f"{url}: HF_HUB_OFFLINE is set") from error
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
        raise download.UnreachableError(f"{url}: cannot connect to {download.host(url)}") from error
    except (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError) as error:
        raise download.PassingError("connection lost") from error
    except httpx2.HTTPError as error:
        raise download.DownloadError(f"{url}: {type(error).__name__}") from error
