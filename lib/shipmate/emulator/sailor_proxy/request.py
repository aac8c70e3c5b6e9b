"""A request to the sailor proxy, and what the contract says about it."""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, quote_plus

_KINDS: Final = {
    ("GET", "/message"): "poll",
    ("POST", "/message"): "post",
    ("POST", "/finish-processing"): "finish",
    ("POST", "/resume-processing"): "claim",
}
_QUERIES: Final = {
    "poll": (frozenset({"prefetch"}), frozenset({"prefetch"})),
    "post": (frozenset({"type"}), frozenset({"type", "incomingMessageId", "customRoutingKey"})),
    "finish": (frozenset({"status"}), frozenset({"status", "incomingMessageId"})),
    "claim": (frozenset[str](), frozenset[str]()),
}
"""Names in the query of each kind: those that must be there, and those that may. Source: proxy §5.1, §7, §9.1."""
_HEADERS: Final = {
    "poll": frozenset({"authorization"}),
    "post": frozenset({"authorization", "content-length", "message-metadata"}),
    "finish": frozenset({"authorization", "content-length"}),
    "claim": frozenset({"authorization", "content-length"}),
}
_FIXED: Final = ("execId", "taskId", "workspaceId", "containerId", "userId", "stepId", "compId", "function")
_IN_CLEAR: Final = frozenset({"error", "snapshot"})
_ENDED: Final = frozenset({"data", "error", "rebound"})


@dataclass(slots=True, eq=False)
class ProxyRequest:
    """A request to the sailor proxy.

    ``kind`` is poll, post, finish, claim, or other. ``status`` is that of the answer, None while there is none.
    """

    number: int
    connection: int
    stream_id: int
    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    client: str | None = None
    body: bytes = field(default=b"", repr=False)
    status: int | None = None

    @property
    def path(self) -> str:
        """The path without the query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the query; of a repeated name the last value."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def kind(self) -> str:
        """The kind of the request."""
        return _KINDS.get((self.method, self.path), "other")

    @property
    def type(self) -> str:
        """The type of an event: ``data``, ``error``, ``http-reply``, ...; empty for other requests."""
        return self.query.get("type", "") if self.kind == "post" else ""

    @property
    def message_id(self) -> str | None:
        """The ``incomingMessageId``, None if the query has none."""
        return self.query.get("incomingMessageId")

    @property
    def metadata(self) -> dict[str, Any]:
        """The header ``message-metadata``; empty if it is missing or not a JSON object."""
        try:
            value = json.loads(self.headers.get("message-metadata", "{}"))
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


def problems_of(request: ProxyRequest) -> Iterator[str]:
    """Yield each rule of the contract that a complete request breaks, as far as the request alone shows it."""
    kind = request.kind
    if kind == "other":
        yield f"unknown request {request.method} {request.path}"
        return
    yield from _query_problems(request)
    for name in request.headers:
        if not name.startswith(":") and name not in _HEADERS[kind]:
            yield f"{kind} with the header {name}"
    length = request.headers.get("content-length")
    if length is not None and length != str(len(request.body)):
        yield f"{kind} with content-length {length} and {len(request.body)} bytes"
    if kind in ("poll", "finish") and request.body:
        yield f"{kind} with a body"
    if kind == "post":
        yield from _event_problems(request)
    if kind == "claim":
        yield from _claim_problems(request)


def _query_problems(request: ProxyRequest) -> Iterator[str]:
    query, (needed, allowed) = request.query, _QUERIES[request.kind]
    pairs = parse_qsl(request.target.partition("?")[2], keep_blank_values=True)
    if not needed <= set(query) <= allowed or len(pairs) != len(query):
        yield f"{request.kind} with the query parameters {sorted(name for name, _ in pairs)}"
    # The characters that URLSearchParams leaves alone: those of quote_plus without ~, and *.
    encoded = "&".join(f"{name}={quote_plus(value, safe='*').replace('~', '%7E')}" for name, value in pairs)
    if encoded != request.target.partition("?")[2]:
        yield f"{request.kind} with a query that is not form-encoded"
    if query.get("incomingMessageId") in ("", "undefined", "None", "null"):
        yield f"{request.kind} with no id but incomingMessageId={query['incomingMessageId']}"
    if request.kind == "poll" and not query.get("prefetch", "").isdecimal():
        yield "poll without a number as prefetch"
    if request.kind == "finish" and query.get("status") not in ("success", "error"):
        yield "finish with neither success nor error as status"


def _event_problems(request: ProxyRequest) -> Iterator[str]:
    kind, text = request.type, request.headers.get("message-metadata")
    if request.headers.get("content-length") is None:
        yield "post without content-length"
    if text is None or not text.isascii() or not request.metadata:
        yield "post without message-metadata that is a JSON object in ASCII"
        return
    metadata = request.metadata
    if missing := [name for name in _FIXED if not metadata.get(name)]:
        yield f"{kind} without {', '.join(missing)} in the metadata"
    if any(value is None for value in metadata.values()):
        yield f"{kind} with null in the metadata"
    message_id = metadata.get("messageId")
    if message_id is not None and (not isinstance(message_id, str) or not message_id):
        yield f"{kind} with a messageId that is no text"
    if request.message_id is not None:
        yield from _metadata_problems(kind, metadata, request.message_id)
    if kind == "rebound" and request.body:
        yield "rebound with a body"
    if kind in _IN_CLEAR and not _is_json(request.body):
        yield f"{kind} with a body that is not JSON"


def _metadata_problems(kind: str, metadata: Mapping[str, Any], message_id: str) -> Iterator[str]:
    """Yield what is wrong with the metadata of an event of a message in work. Source: proxy §6.2, §7.1."""
    if metadata.get("parentMessageId") != message_id:
        yield f"{kind} whose parentMessageId is not its incomingMessageId"
    if not metadata.get("threadId") or not isinstance(metadata.get("start"), int):
        yield f"{kind} without threadId or start in the metadata"
    if ("end" in metadata) != (kind in _ENDED):
        yield f"{kind} with end in the metadata, or without"
    has_protocol = kind not in ("error", "snapshot", "rebound")
    if ("protocolVersion" in metadata) != has_protocol:
        yield f"{kind} with protocolVersion in the metadata, or without"
    if kind == "snapshot" and metadata.get("snapshotEvent") not in ("snapshot", "updateSnapshot"):
        yield "snapshot without snapshotEvent in the metadata"
    if kind == "rebound" and not isinstance(metadata.get("reboundReason"), str):
        yield "rebound without reboundReason in the metadata"


def _claim_problems(request: ProxyRequest) -> Iterator[str]:
    entries = claimed(request)
    names = {"messageId", "stepId", "taskId"}
    if not entries or not all(set(each) == names and all(map(_is_text, each.values())) for each in entries):
        yield "claim that is not a list of objects with messageId, stepId and taskId"
    ids = [each.get("messageId") for each in entries]
    if len({str(each) for each in ids}) != len(ids):
        yield "claim that names a message twice"


def claimed(request: ProxyRequest) -> list[dict[str, Any]]:
    """Return the entries of a claim, ``[{"messageId": ..., "stepId": ..., "taskId": ...}]``; empty if malformed."""
    try:
        value = json.loads(request.body)
    except ValueError:
        return []
    return value if isinstance(value, list) and all(isinstance(each, dict) for each in value) else []


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def new_message_id() -> str:
    """Return an id for an event that came without one."""
    return str(uuid.uuid4())
