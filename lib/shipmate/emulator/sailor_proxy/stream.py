"""A request to the sailor proxy and its answer, with the failures that a test wants."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from shipmate.emulator.sailor_proxy.fault import Moment, ProxyFault
from shipmate.emulator.sailor_proxy.request import ProxyRequest
from shipmate.emulator.sailor_proxy.rules import WireRules


class Wire(Protocol):
    """The connection of a stream."""

    desk: "Desk"
    streams: "dict[int, Stream]"
    claim: Literal["none", "asked", "accepted"]
    has_worked: bool

    def send_headers(self, stream: "Stream", status: int, headers: Mapping[str, str | bytes], *, ends: bool) -> None:
        """Send the headers of an answer."""

    def pump(self, stream: "Stream") -> None:
        """Send as much of a body as the client's windows allow."""

    def reset(self, stream: "Stream", code: int) -> None:
        """Reset a stream."""

    def go_away(self, code: int, last_stream_id: int | None) -> None:
        """Say GOAWAY, and go on with the streams up to the last one."""

    def cut(self) -> None:
        """Close the connection after what is already said."""


class Desk(Protocol):
    """Decides what requests mean; the connection carries the answers."""

    rules: WireRules

    def opened(self, stream: "Stream") -> None:
        """Note a request whose headers have come."""

    def carry_out(self, stream: "Stream") -> None:
        """Carry out a complete request, and answer it now or later."""

    def answered(self, stream: "Stream") -> None:
        """Note the status of an answer, before it is sent."""

    def ended(self, stream: "Stream") -> None:
        """Note a stream that ended before its answer was sent as a whole."""

    def closed(self, connection: Wire) -> None:
        """Note a connection that is closed."""

    def broken(self, problem: str) -> None:
        """Note a breach of the contract by a client."""

    def fault(self, request: ProxyRequest, moment: Moment) -> ProxyFault | None:
        """Return the failure that a test wants for a request at this moment."""

    def is_scripted(self, request: ProxyRequest, *moments: Moment) -> bool:
        """Tell whether a test wants a failure for a request at one of these moments."""

    def hold(self, resume: Callable[[], None]) -> None:
        """Keep a call until the test releases it."""

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Make a call after some time."""


@dataclass(slots=True, eq=False)
class Stream:
    """A request and its answer."""

    connection: Wire = field(repr=False)
    request: ProxyRequest
    received: bytearray = field(default_factory=bytearray, repr=False)
    is_complete: bool = False
    """Whether the request has come as a whole."""
    is_held: bool = True
    """Whether a failure, or the arrival of the headers, still waits to be dealt with."""
    is_over: bool = False
    """Whether nothing can be answered any more."""
    shape: ProxyFault | None = None
    """Changes the answer."""
    unsent: bytearray = field(default_factory=bytearray, repr=False)
    is_last: bool = False
    """Whether nothing follows on what is unsent."""

    @property
    def stream_id(self) -> int:
        """The number of the stream."""
        return self.request.stream_id

    @property
    def client(self) -> str:
        """The client's id by its token."""
        return self.request.client or ""

    def at(self, moment: Moment, then: Callable[[], None]) -> None:
        """Go on with ``then``, or with the failure that a test wants at this moment."""
        if self.is_over:
            return
        fault = self.connection.desk.fault(self.request, moment)
        if fault is None:
            then()
            return
        self.connection.pump(self)
        if fault.hold:
            self.connection.desk.hold(lambda: self._fail(fault, then))
        else:
            self._fail(fault, then)

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str | bytes] | None = None) -> None:
        """Send the answer, in the shape that a test wants."""
        if self.is_over:
            return
        shape = self.shape or ProxyFault()
        self.request.status = status
        self.connection.desk.answered(self)
        body = body if shape.body is None else shape.body
        is_cut_short = self.connection.desk.is_scripted(self.request, "answer", "middle")
        is_all = not body and not shape.trailing and not is_cut_short
        self.connection.send_headers(self, status, {**(headers or {}), **shape.headers}, ends=is_all)
        self.at("answer", lambda: self._send(body, shape))

    def _send(self, body: bytes, shape: ProxyFault) -> None:
        half = len(body) // 2
        self._send_pieces(body[:half], shape, then=lambda: self._send_end(body[half:], shape))

    def _send_end(self, rest: bytes, shape: ProxyFault) -> None:
        self.at("middle", lambda: self._send_pieces(rest, shape, then=self._close))

    def _send_pieces(self, data: bytes, shape: ProxyFault, *, then: Callable[[], None]) -> None:
        if self.is_over:
            return
        size = shape.piece_bytes
        if size is None or not data:
            self.unsent += data
            then()
            self.connection.pump(self)
            return
        self.unsent += data[:size]
        self.connection.pump(self)
        rest = data[size:]
        self.connection.desk.later(shape.pause_seconds, lambda: self._send_pieces(rest, shape, then=then))

    def _close(self) -> None:
        self.is_last = True
        self.connection.pump(self)

    def go_on(self) -> None:
        """Deal with the request if it has come as a whole and nothing holds it."""
        self.is_held = False
        if self.is_complete and not self.is_over:
            self.connection.desk.carry_out(self)

    def _fail(self, fault: ProxyFault, then: Callable[[], None]) -> None:
        if self.is_over:
            return
        if fault.goaway is not None:
            self.connection.go_away(fault.goaway, fault.last_stream_id)
        if self.stream_id not in self.connection.streams:
            return  # a stream after the last one of the GOAWAY
        if fault.cut:
            self.connection.cut()
        elif fault.reset is not None:
            self.connection.reset(self, fault.reset)
        else:
            if fault.moment not in ("answer", "middle"):
                self.shape = fault
            if fault.status is None:
                then()
            else:
                self.answer(fault.status)
