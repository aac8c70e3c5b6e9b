"""An API with files of any size, and an object storage that keeps them on disk: neither holds a file in memory."""

import hashlib
import json
import random
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

PIECE = 1024 * 1024
_NOISE = random.Random(1).randbytes(PIECE)  # noqa: S311 - files


def pieces_of(seed: int, size: int) -> Iterator[bytes]:
    """Yield a file that its seed determines, in pieces."""
    for number in range(0, size, PIECE):
        piece = f"{seed}:{number};".encode() + _NOISE
        yield piece[: min(PIECE, size - number)]


def checksum(seed: int, size: int) -> str:
    """Return the checksum of a file."""
    digest = hashlib.sha256()
    for piece in pieces_of(seed, size):
        digest.update(piece)
    return digest.hexdigest()


@dataclass
class BigFiles:
    """The server: GET /files/{seed}/{size}, PUT /sink, and an object storage below /storage.

    Args:
        folder: Keeps the objects.
        cuts: The numbers of bytes after which the next downloads end.
        drops: The numbers of bytes after which the next uploads to the storage end.
        hold: The downloads wait for this event in their middle.
    """

    folder: Path
    cuts: list[int] = field(default_factory=list)
    drops: list[int] = field(default_factory=list)
    hold: threading.Event | None = None
    is_half: threading.Event = field(default_factory=threading.Event)
    """Set when a download is in its middle."""
    url: str = ""
    token: str = "token-of-the-storage"
    authorizations: set[tuple[str, str | None]] = field(default_factory=set)
    requests: list[tuple[str, str]] = field(default_factory=list)

    @property
    def objects(self) -> list[Path]:
        """The complete objects in the storage."""
        return [each for each in self.folder.iterdir() if each.suffix != ".part"]

    def environ(self) -> dict[str, str]:
        """Return the variables of a container that uses the storage."""
        return {"ELASTICIO_OBJECT_STORAGE_URI": f"{self.url}/storage", "ELASTICIO_OBJECT_STORAGE_TOKEN": self.token}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    files: BigFiles

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (OSError, ValueError):  # the client was killed, or a fault ended the connection
            self.close_connection = True

    def do_GET(self) -> None:
        path = self._noted()
        if path.startswith("/storage/objects/"):
            stored = self.files.folder / path.rpartition("/")[2]
            with stored.open("rb") as file:
                self._send(iter(lambda: file.read(PIECE), b""), stored.stat().st_size, {})
            return
        _, _, seed, length = path.split("/")
        size, start = int(length), 0
        if (asked := self.headers.get("Range")) is not None:
            start = int(asked[6:-1])
        cut = self.files.cuts.pop(0) if self.files.cuts else size
        self._send(self._held(_from(pieces_of(int(seed), size), start), size), size, {"ETag": f'"{seed}"'}, start, cut)

    def do_POST(self) -> None:
        self._noted()
        key = str(uuid.uuid4())
        part = self.files.folder / f"{key}.part"
        drop = self.files.drops.pop(0) if self.files.drops else None
        with part.open("wb") as file:
            self._receive(file.write, drop)
        part.rename(self.files.folder / key)
        self._answer(201, {"objectId": key})

    def do_PUT(self) -> None:
        self._noted()
        digest = hashlib.sha256()
        size = self._receive(digest.update, None)
        self._answer(200, {"size": size, "sha256": digest.hexdigest()})

    def _noted(self) -> str:
        path = urlsplit(self.path).path
        self.files.authorizations.add((path.split("/")[1], self.headers.get("Authorization")))
        self.files.requests.append((self.command, path))
        return path

    def _held(self, pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
        sent = 0
        for piece in pieces:
            if sent <= size // 2 < sent + len(piece):
                self.files.is_half.set()
                if self.files.hold is not None:
                    self.files.hold.wait(30)
            sent += len(piece)
            yield piece

    def _send(
        self, pieces: Iterator[bytes], size: int, headers: dict[str, str], start: int = 0, cut: int | None = None
    ) -> None:
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        sent = start
        for piece in pieces:
            self.wfile.write(piece)
            sent += len(piece)
            if cut is not None and cut <= sent < size:
                raise ConnectionError("cut")

    def _receive(self, write: Any, drop: int | None) -> int:
        size = 0
        for piece in self._body():
            write(piece)
            size += len(piece)
            if drop is not None and size >= drop:
                raise ConnectionError("dropped")
        return size

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") is None:
            yield from _exactly(self.rfile, int(self.headers["Content-Length"]))
            return
        while size := int(self.rfile.readline().strip() or b"-1", 16):
            yield from _exactly(self.rfile, size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _exactly(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size:
        piece = file.read(min(size, PIECE))
        if not piece:
            raise ConnectionError("the client closed the connection")
        size -= len(piece)
        yield piece


def _from(pieces: Iterator[bytes], start: int) -> Iterator[bytes]:
    for piece in pieces:
        if start < len(piece):
            yield piece[start:]
        start = max(0, start - len(piece))


@contextmanager
def big_files(folder: Path) -> Iterator[BigFiles]:
    """Serve files while the block runs."""
    files = BigFiles(folder)
    handler = type("Handler", (_Handler,), {"files": files})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        files.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield files
        if files.hold is not None:
            files.hold.set()
        server.shutdown()
        thread.join()
