"""A server of one file whose connections end too early, and that can serve the rest of a file."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class CutFile:
    """A file, and what its server does with each connection.

    Args:
        content: The bytes of the file.
        cuts: For each connection the number of bytes after which it ends; later ones serve everything.
        headers: Further headers of each answer; a function of the number of the answer if they change.
        knows_ranges: Whether the server can serve the rest of a file.
        is_chunked: Whether the answers have no length.
    """

    content: bytes
    cuts: list[int] = field(default_factory=list)
    headers: Any = field(default_factory=dict)
    knows_ranges: bool = True
    is_chunked: bool = False
    url: str = ""
    ranges: list[str | None] = field(default_factory=list)
    """The header ``Range`` of each request."""
    authorizations: list[str | None] = field(default_factory=list)


@contextmanager
def serving(file: CutFile) -> Iterator[CutFile]:
    """Serve a file under its ``url`` while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

        def do_GET(self) -> None:
            number = len(file.ranges)
            asked = self.headers.get("Range")
            file.ranges.append(asked)
            file.authorizations.append(self.headers.get("Authorization"))
            given = file.headers(number) if callable(file.headers) else file.headers
            condition = self.headers.get("If-Range")
            is_partial = file.knows_ranges and asked is not None and condition in (None, given.get("ETag"))
            start = int(asked[6:-1]) if is_partial and asked else 0
            content = file.content[start:]
            self.send_response(206 if is_partial else 200)
            if is_partial:
                self.send_header("Content-Range", f"bytes {start}-{len(file.content) - 1}/{len(file.content)}")
            for name, value in given.items():
                self.send_header(name, value)
            most = file.cuts[number] if number < len(file.cuts) else len(content)
            if file.is_chunked:
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"%x\r\n%s" % (len(content), content[:most]))
                if most >= len(content):
                    self.wfile.write(b"\r\n0\r\n\r\n")
            else:
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[:most])
            self.close_connection = most < len(content)

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Ignore clients that close a connection before its end."""

    with Quiet(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        file.url = f"http://127.0.0.1:{server.server_port}/file"
        yield file
        server.shutdown()
        thread.join()
