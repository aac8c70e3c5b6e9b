"""The two object stores of the platform: Maester for message bodies, Steward for attachments."""

import secrets
import threading
import uuid
from dataclasses import dataclass, field

from shipmate.emulator.http import Server
from shipmate.emulator.journal import Reply, Request


@dataclass(slots=True)
class StoredObject:
    """An object in Maester: its bytes, content type, and the headers that came with it."""

    data: bytes
    content_type: str
    queries: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    ttl_seconds: int | None = None


class Maester:
    """The object storage for message bodies, protected by a bearer token. Source: contract §8.6.

    Args:
        server: Serves the objects.
        prefix: Begins the paths of the storage.
        token: The bearer token.
    """

    def __init__(self, server: Server, prefix: str, token: str) -> None:
        self.token = token
        self.objects: dict[str, StoredObject] = {}
        self._server = server
        self._prefix = prefix
        self._lock = threading.Lock()
        server.route("*", f"{prefix}/objects", self._collection)
        server.route("*", f"{prefix}/objects/{{key}}", self._object)

    @property
    def url(self) -> str:
        """The value for ELASTICIO_OBJECT_STORAGE_URI."""
        return self._server.url + self._prefix

    def _collection(self, request: Request) -> Reply:
        if request.bearer != self.token:
            return Reply(401, {"error": "expected the object storage token"})
        if request.method == "POST":
            return self._create(request)
        query = {name[6:-1]: value for name, value in request.query.items() if name.startswith("query[")}
        if request.method not in ("GET", "DELETE") or not 1 <= len(query) <= 5:
            return Reply(400, {"error": "expected POST, or one to five of query[name]=value"})
        with self._lock:
            matching = [key for key, each in self.objects.items() if query.items() <= each.queries.items()]
            if request.method == "GET":
                return Reply(200, [{"objectId": key, "metadata": self.objects[key].metadata} for key in matching])
            for key in matching:
                del self.objects[key]
        return Reply(204)

    def _create(self, request: Request) -> Reply:
        key = str(uuid.uuid4())
        with self._lock:
            self.objects[key] = _stored(request)
        return Reply(201, {"objectId": key, "contentLength": len(request.body)})

    def _object(self, request: Request, key: str) -> Reply:
        if request.bearer != self.token:
            return Reply(401, {"error": "expected the object storage token"})
        with self._lock:
            stored = self.objects.get(key)
            if stored is None:
                return Reply(404, {"error": "no such object"})
            if request.method == "PUT":
                self.objects[key] = _stored(request)
                return Reply(200, {"objectId": key})
            if request.method == "DELETE":
                del self.objects[key]
                return Reply(204)
        metadata = {f"x-meta-{name}": value for name, value in stored.metadata.items()}
        return Reply(200, stored.data, {"Content-Type": stored.content_type, **metadata})


def _stored(request: Request) -> StoredObject:
    headers = {name.lower(): value for name, value in request.headers.items()}
    ttl = headers.get("x-eio-ttl", "")
    return StoredObject(
        request.body,
        headers.get("content-type", "application/json"),
        {name[8:]: value for name, value in headers.items() if name.startswith("x-query-")},
        {name[7:]: value for name, value in headers.items() if name.startswith("x-meta-")},
        int(ttl) if ttl.isdigit() else None,
    )


class Steward:
    """The object storage for attachments, with signed addresses. Source: contract §8.7."""

    def __init__(self, server: Server) -> None:
        self.files: dict[str, tuple[bytes, str]] = {}
        self._server = server
        self._signatures: dict[str, dict[str, str]] = {}
        server.route("PUT", "/steward/{key}", self._write)
        server.route("GET", "/steward/{key}", self._read)

    def signed(self) -> dict[str, str | int]:
        """Return the signed URLs of a new file: ``{"put_url": ..., "get_url": ..., "expires": 3600}``."""
        key, put, get = str(uuid.uuid4()), secrets.token_urlsafe(12), secrets.token_urlsafe(12)
        self._signatures[key] = {"PUT": put, "GET": get, "HEAD": get}
        address = f"{self._server.url}/steward/{key}?signature="
        return {"put_url": address + put, "get_url": address + get, "expires": 3600}

    def add(self, data: bytes, content_type: str) -> str:
        """Store a file without a request, and return the signed URL at which it is read."""
        url = str(self.signed()["get_url"])
        self.files[url.rpartition("/")[2].partition("?")[0]] = (data, content_type)
        return url

    def _is_signed(self, request: Request, key: str) -> bool:
        return key in self._signatures and request.query.get("signature") == self._signatures[key][request.method]

    def _write(self, request: Request, key: str) -> Reply:
        if not self._is_signed(request, key):
            return Reply(403, {"error": "wrong signature"})
        self.files[key] = (request.body, request.header("Content-Type") or "application/octet-stream")
        return Reply(200)

    def _read(self, request: Request, key: str) -> Reply:
        if not self._is_signed(request, key):
            return Reply(403, {"error": "wrong signature"})
        if key not in self.files:
            return Reply(404, {"error": "no such file"})
        data, content_type = self.files[key]
        return Reply(200, data, {"Content-Type": content_type})
