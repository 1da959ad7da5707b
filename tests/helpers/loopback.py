"""A real HTTP server on the loopback interface, with configurable failures."""

import hashlib
import socket
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """A server of files with a list of manners for successive requests; it logs each request.

    Manners: ``ok``; ``whole`` (ignores ranges); ``drop`` (sends half of the requested bytes, then
    closes the connection); a status such as ``503``; ``html`` (a page with status 200, recognizable
    by its type only). ``heads`` is the status of all responses to HEAD requests.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.manners: dict[str, list[str]] = defaultdict(list)
        self.headers: dict[str, str] = {}
        self.stated: dict[str, dict[str, str]] = {}
        self.heads: int | None = None
        self.authorized: list[str] = []
        self.moved: dict[str, str] = {}
        self.asked: list[tuple[str, str | None]] = []

    def put(self, name: str, content: bytes, *manners: str) -> str:
        """Serve ``content`` as ``name``; the last manner applies to all later requests."""
        self.files[name] = content
        self.manners[name] = list(manners) or ["ok"]
        return f"http://127.0.0.1:{self.server_port}/{name}"

    def put_on_hub(self, repository: str, content: bytes, revision: str, **stated: str) -> str:
        """Serve ``content`` like Hugging Face, which states commit and hash in the headers."""
        digest = hashlib.sha256(content).hexdigest()
        said = {"X-Repo-Commit": revision, "X-Linked-ETag": f'"{digest}"'}
        name = f"{repository}/resolve/main/model.safetensors"
        self.stated[name] = {**said, "Location": "https://cdn.example/file", **stated}
        self.put(f"{repository}/resolve/{revision}/model.safetensors", content)
        return self.put(name, b"not pinned", "500")

    def rename(self, old: str, new: str) -> str:
        """Redirect requests below ``old`` to ``new`` like Hugging Face; return the old URL."""
        self.moved[f"{old}/"] = f"{new}/"
        return f"http://127.0.0.1:{self.server_port}/{old}/resolve/main/model.safetensors"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        name = self.path.lstrip("/")
        self.server.asked.append((name, "head"))
        if "Authorization" in self.headers:
            self.server.authorized.append(name)
        if self.sent_on(name):
            return
        if self.server.heads:
            self.answer(self.server.heads, b"", self.server.headers)
            return
        stated = self.server.stated.get(name)
        self.answer(302 if stated else 404, b"", stated or {})

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        asked = self.headers["Range"]
        self.server.asked.append((name, asked))
        if self.sent_on(name):
            return
        manners = self.server.manners[name]
        manner = manners.pop(0) if len(manners) > 1 else manners[0] if manners else "404"
        content = self.server.files.get(name, b"")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and manner != "whole" else 0
        if manner.isdigit():
            self.answer(int(manner), b"no", self.server.headers)
        elif manner == "html":
            self.answer(200, b"Please sign in", {"Content-Type": "text/html; charset=utf-8"})
        elif asked and start >= len(content):
            self.answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        else:
            rest = content[start:]
            headers = {"Content-Type": "application/octet-stream"}
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            sent = rest[: len(rest) // 2] if manner == "drop" else rest
            self.answer(206 if start else 200, sent, headers, len(rest))

    def sent_on(self, name: str) -> bool:
        """Redirect if the file has moved; return whether it has."""
        for old, new in self.server.moved.items():
            if name.startswith(old):
                self.answer(307, b"", {"Location": f"/{new}{name.removeprefix(old)}"})
                return True
        return False

    def answer(self, status: int, body: bytes, headers: dict[str, str], length: int | None = None):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments) -> None:
        """Print nothing."""


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server until the block ends."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def closed_address() -> str:
    """Return a URL on whose port nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/weights.pth"
