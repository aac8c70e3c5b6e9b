"""An API that keeps files, as an author meets it, and everything that its functions need."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from shipmate.emulator import Platform, Reply, Request, Server
from shipmate.kit import Changes, FileMembers, FileStore, Pieces
from shipmate.platform.attachments import Attachments
from shipmate.platform.client import PlatformClient
from shipmate.platform.http_service import RetryPolicy
from shipmate.settings import ApiSettings

KEY = "key-of-the-account"
RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
PIECE = 320 * 1024


class Drive(Server):
    """Files below /items/..., their contents, uploads in pieces, and a list of changes; it wants a key."""

    def __init__(self) -> None:
        super().__init__(name="drive")
        self.files: dict[str, bytes] = {}
        self.folders: set[str] = set()
        self.modified: dict[str, str] = {}
        self.uploads: dict[str, tuple[str, bytearray]] = {}
        self.pages: dict[str, dict[str, Any]] = {}
        self.content_at: str | None = None
        """The start of a signed URL to which contents are redirected."""

    def answer(self, request: Request) -> Reply:
        """Serve the API; the address of an upload needs no key."""
        if request.path.startswith("/uploads/"):
            return self._piece(request, request.path.rpartition("/")[2])
        if request.header("X-Key") != KEY:
            return Reply(401, {"error": "no key"})
        if request.path == "/changes":
            page = self.pages.get(request.query.get("token", ""))
            return Reply(410) if page is None else Reply(200, page)
        path = request.path.removeprefix("/items/").replace("%20", " ")
        if path.endswith("/session"):
            name = path.removesuffix("/session")
            self.uploads["1"] = (name, bytearray())
            return Reply(200, {"uploadUrl": f"{self.url}/uploads/1"})
        if path.endswith("/content"):
            return self._content(request, path.removesuffix("/content"))
        if path not in self.files and path not in self.folders:
            return Reply(404, {"error": "itemNotFound"})
        if request.method == "DELETE":
            del self.files[path]
            return Reply(204)
        return Reply(200, self.described(path))

    def described(self, path: str) -> dict[str, Any]:
        """Return the metadata of a file."""
        found = {"id": path, "name": path.rpartition("/")[2], "path": path, "file": {"mimeType": "text/csv"}}
        if path in self.modified:
            found["modified"] = self.modified[path]
        return found | ({"folder": {}} if path in self.folders else {"size": len(self.files[path])})

    def _content(self, request: Request, path: str) -> Reply:
        if request.method == "PUT":
            self.files[path] = request.body
            return Reply(201, self.described(path))
        if self.content_at is not None:
            return Reply(302, None, {"Location": f"{self.content_at}/{path}"})
        return Reply(200, self.files[path], {"Content-Type": "text/csv"})

    def _piece(self, request: Request, number: str) -> Reply:
        name, received = self.uploads[number]
        if request.method == "GET":
            return Reply(200, {"nextExpectedRanges": [f"{len(received)}-"]})
        match = RANGE.fullmatch(request.header("Content-Range") or "")
        assert match
        start, _, size = map(int, match.groups())
        if start != len(received):
            return Reply(416)
        received += request.body
        if len(received) < size:
            return Reply(202, {"nextExpectedRanges": [f"{len(received)}-"]})
        self.files[name] = bytes(received)
        return Reply(201, self.described(name))


class KeySession(requests.Session):
    """A session that sends a key, and whose ``data`` may be a function, as with those of a context."""

    def __init__(self) -> None:
        super().__init__()
        self.headers["X-Key"] = KEY

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """Send a request."""
        data = kwargs.pop("data", None)
        return super().request(method, url, data=data() if callable(data) else data, **kwargs)


@dataclass
class Api:
    """An API like that of the kit."""

    drive: Drive
    session: Any = field(default_factory=KeySession)

    def connect(self, context: Any, cfg: Mapping[str, Any]) -> "Api":
        """Return itself: there is one account."""
        return self

    def url(self, path: str) -> str:
        """Return the URL of a path."""
        return self.drive.url + path


class Context:
    """The context of one call, with the attachments of a platform."""

    def __init__(self, platform: Platform) -> None:
        retries = RetryPolicy(sleep=lambda seconds: None)
        client = PlatformClient(ApiSettings.from_environ(platform.environ()), retries)
        self.attachments = Attachments(lambda: client, retries)
        self.emitted: list[tuple[str, Any]] = []

    def emit(self, event: str, value: Any = None) -> None:
        """Note an event."""
        self.emitted.append((event, value))

    def stored(self, url: str) -> bytes:
        """Return the content of an attachment."""
        with self.attachments.open(url) as file:
            return file.read()


def store_of(drive: Drive, **changes: Any) -> FileStore:
    """Return the declaration of the drive."""
    declared: dict[str, Any] = {
        "metadata": "/items/{path}",
        "content": "/items/{path}/content",
        "pieces": Pieces(
            open=("POST", "/items/{path}/session"),
            above_bytes=1_000_000,
            piece_bytes=PIECE,
            sleep=lambda seconds: None,
        ),
        "changes": Changes(path="/changes", token="token", next="next", last="delta"),
        "members": FileMembers(path="path", media_type="file.mimeType"),
    }
    return FileStore(Api(drive), **{**declared, **changes})
