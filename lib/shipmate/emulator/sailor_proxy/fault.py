"""Failures that a test asks the sailor proxy for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Moment = Literal["headers", "body", "request", "done", "answer", "middle"]
MOMENTS: Final[tuple[Moment, ...]] = ("headers", "body", "request", "done", "answer", "middle")


@dataclass(frozen=True, slots=True)
class ProxyFault:
    """A failure, or an unusual answer, for one request.

    Without ``status``, ``reset``, ``cut`` and ``goaway`` the request goes its normal way from that moment on.

    Args:
        at: The moment. "headers": the request's headers have come. "body": the first piece of its body has come.
            "request": it has come as a whole, and nothing is done. "done": it is carried out (an event is accepted, a
            message is chosen for a poll), and nothing is answered. "answer": the answer's headers are sent. "middle":
            half of the answer's body is sent. Unless given: "done" if only the answer changes, else "request".
        status: The status of the answer.
        headers: Further headers of the answer.
        body: The body of the answer, in place of the normal one.
        piece_bytes: Sends the body in DATA frames of this size, with a pause before each.
        pause_seconds: The pause.
        trailing: Ends the answer with an empty DATA frame.
        reset: Resets the stream with this code.
        cut: Closes the connection.
        goaway: Sends GOAWAY with this code. Streams after ``last_stream_id`` are ignored; the others are answered.
        last_stream_id: The newest stream unless given.
        hold: Waits for `SailorProxy.release` first.
    """

    at: Moment | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    piece_bytes: int | None = None
    pause_seconds: float = 0.01
    trailing: bool = False
    reset: int | None = None
    cut: bool = False
    goaway: int | None = None
    last_stream_id: int | None = None
    hold: bool = False

    def __post_init__(self) -> None:
        if self.at is not None and self.at not in MOMENTS:
            raise ValueError(f"expected one of {', '.join(MOMENTS)}, found {self.at!r}")

    @property
    def moment(self) -> Moment:
        """The moment, as given or by the other arguments."""
        if self.at is not None:
            return self.at
        is_failure = self.status is not None or self.reset is not None or self.cut or self.goaway is not None
        return "request" if is_failure or self.hold else "done"


class Script:
    """The faults that wait for a request."""

    def __init__(self) -> None:
        self._faults: list[tuple[str, ProxyFault]] = []

    def add(self, kind: str, fault: ProxyFault) -> None:
        """Keep a fault for the next request of a kind."""
        self._faults.append((kind, fault))

    def take(self, kinds: Collection[str], moment: Moment | None = None) -> ProxyFault | None:
        """Return the next fault for a request of these kinds at this moment, or at any, None if there is none."""
        for index, (kind, fault) in enumerate(self._faults):
            if kind in kinds and moment in (None, fault.moment):
                del self._faults[index]
                return fault
        return None

    def has(self, kinds: Collection[str], moments: Collection[Moment]) -> bool:
        """Tell whether a fault waits for a request of these kinds at one of these moments."""
        return any(kind in kinds and fault.moment in moments for kind, fault in self._faults)

    def clear(self) -> None:
        """Forget the faults that no request has met."""
        self._faults.clear()
