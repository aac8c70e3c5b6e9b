"""A small HTTP/2 client that sends what a test says: it knows nothing of the sailor proxy but its token."""

import base64
import hashlib
import hmac
import json
import socket
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import h2.events
from h2.config import H2Configuration
from h2.connection import H2Connection

from shipmate.emulator import SailorProxy
from shipmate.emulator.sailor_proxy.proxy import SECRET

SECONDS = 10
FIXED = {
    "execId": "exec",
    "taskId": "flow",
    "workspaceId": "workspace",
    "containerId": "container",
    "userId": "user",
    "stepId": "step",
    "compId": "component",
    "function": "f",
}


def part(value: Mapping[str, Any]) -> str:
    """Return a part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def token(secret: str = SECRET, *, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
    """Return the header ``authorization`` of a container; claims override those of the emulator's variables."""
    own = {name: FIXED[name] for name in ("stepId", "execId", "containerId", "workspaceId", "userId", "compId")}
    usual = {"username": "u", "password": "p", "function": "f", "clientId": str(uuid.uuid4()), "iat": 1790000000}
    all_claims = {name: value for name, value in {**own, **usual, **claims}.items() if value is not None}
    signed = f"{part(header or {'alg': 'HS256', 'typ': 'JWT'})}.{part(all_claims)}"
    signature = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"Bearer {signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@dataclass
class Answer:
    """What came back on a stream."""

    stream_id: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    frames: list[int] = field(default_factory=list)
    """The sizes of the DATA frames."""
    is_ended: bool = False
    reset: int | None = None

    @property
    def status(self) -> int:
        """The status, 0 while there is none."""
        return int(self.headers.get(":status", 0))

    @property
    def metadata(self) -> Any:
        """The header ``message-metadata``."""
        return json.loads(self.headers["message-metadata"])


class RawClient:
    """One connection."""

    def __init__(self, proxy: SailorProxy, authorization: str | None = None, *, prefetch: int = 2) -> None:
        self.prefetch = prefetch
        self.authority = proxy.uri.removeprefix("http://")
        self.authorization = authorization or token()
        self.answers: dict[int, Answer] = {}
        self.goaway: tuple[int, int] | None = None
        self.is_closed = False
        self.pongs = 0
        self.settings: dict[int, int] = {}
        self.sock = socket.create_connection(("127.0.0.1", proxy.port), timeout=SECONDS)
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.flush()

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def flush(self) -> None:
        """Send what h2 has."""
        try:
            self.sock.sendall(self.h2.data_to_send())
        except ConnectionError:
            self.is_closed = True

    def read(self) -> None:
        """Read once."""
        try:
            data = self.sock.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.is_closed = True
            return
        for event in self.h2.receive_data(data):
            self._on_event(event)
        self.flush()

    def until(self, condition: Callable[[], bool]) -> None:
        """Read until a condition is true."""
        while not condition():
            assert not self.is_closed, "the connection was closed"
            self.read()

    def begin(self, method: str, path: str, headers: Mapping[str, str] | None = None, *, ends: bool = True) -> Answer:
        """Send the headers of a request."""
        stream_id = self.h2.get_next_available_stream_id()
        fields = [(":method", method), (":path", path), (":authority", self.authority), (":scheme", "http")]
        fields += [("authorization", self.authorization)] if self.authorization else []
        self.h2.send_headers(stream_id, [*fields, *(headers or {}).items()], end_stream=ends)
        self.flush()
        return self.answers.setdefault(stream_id, Answer(stream_id))

    def send(self, answer: Answer, data: bytes, *, ends: bool = True) -> None:
        """Send a piece of a request's body, as the windows allow."""
        while data:
            self.until(lambda: self.h2.local_flow_control_window(answer.stream_id) > 0)
            size = min(self.h2.local_flow_control_window(answer.stream_id), self.h2.max_outbound_frame_size)
            piece, data = data[:size], data[size:]
            self.h2.send_data(answer.stream_id, piece, end_stream=ends and not data)
            self.flush()

    def poll(self) -> Answer:
        """Ask for a message."""
        return self.begin("GET", f"/message?prefetch={self.prefetch}")

    def post(self, kind: str, body: bytes, message_id: str | None = None, *, more: str = "", **metadata: Any) -> Answer:
        """Send an event of a message."""
        incoming = "" if message_id is None else f"incomingMessageId={message_id}&"
        own: dict[str, Any] = {} if message_id is None else {"parentMessageId": message_id, "threadId": "t", "start": 1}
        own |= {} if message_id is None or kind not in ("data", "error", "rebound") else {"end": 2}
        own |= {"protocolVersion": 1} if kind not in ("error", "snapshot", "rebound") else {}
        own |= {"snapshotEvent": "snapshot"} if kind == "snapshot" else {}
        given = {**FIXED, "messageId": str(uuid.uuid4()), **own, **metadata}
        headers = {
            "content-length": str(len(body)),
            "message-metadata": json.dumps({name: value for name, value in given.items() if value is not None}),
        }
        answer = self.begin("POST", f"/message?{incoming}type={kind}{more}", headers, ends=not body)
        self.send(answer, body)
        return answer

    def finish(self, message_id: str | None, status: str = "success") -> Answer:
        """Finish a message."""
        incoming = "" if message_id is None else f"incomingMessageId={message_id}&"
        answer = self.begin("POST", f"/finish-processing?{incoming}status={status}", ends=False)
        self.h2.end_stream(answer.stream_id)
        self.flush()
        return answer

    def claim(self, *message_ids: str) -> Answer:
        """Claim messages."""
        entries = [{"messageId": each, "stepId": "step", "taskId": "flow"} for each in message_ids]
        answer = self.begin("POST", "/resume-processing", ends=False)
        self.send(answer, json.dumps(entries).encode())
        return answer

    def sync(self) -> None:
        """Return when the proxy has read everything so far."""
        before = self.pongs
        self.h2.ping(b"raw sync")
        self.flush()
        self.until(lambda: self.pongs > before)

    def done(self, answer: Answer) -> Answer:
        """Wait for the end of an answer, or for its reset, and return it."""
        self.until(lambda: answer.is_ended or answer.reset is not None)
        return answer

    def message(self) -> str:
        """Take a message, and return its id."""
        answer = self.done(self.poll())
        assert answer.status == 200
        return str(answer.metadata["messageId"])

    def closed(self) -> "RawClient":
        """Wait until the proxy has closed the connection."""
        while not self.is_closed:
            self.read()
        return self

    def _on_event(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            self.answers[event.stream_id].headers = dict(event.headers)  # type: ignore[arg-type]
        elif isinstance(event, h2.events.DataReceived):
            answer = self.answers[event.stream_id]
            answer.body += event.data
            answer.frames.append(len(event.data))
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.answers[event.stream_id].is_ended = True
        elif isinstance(event, h2.events.StreamReset):
            self.answers[event.stream_id].reset = int(event.error_code or 0)
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = (int(event.error_code or 0), event.last_stream_id or 0)
        elif isinstance(event, h2.events.PingAckReceived):
            self.pongs += 1
        elif isinstance(event, h2.events.RemoteSettingsChanged):
            self.settings |= {int(code): each.new_value for code, each in event.changed_settings.items()}
