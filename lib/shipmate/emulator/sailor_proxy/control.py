"""Steers a sailor proxy over HTTP, for programs in other processes."""

from typing import Any

from shipmate.emulator.http import Server
from shipmate.emulator.journal import Reply, Request
from shipmate.emulator.sailor_proxy.fault import ProxyFault
from shipmate.emulator.sailor_proxy.proxy import SailorProxy
from shipmate.emulator.step_traffic import TAKE_SECONDS, NotTaken, Received


class ProxyControl(Server):
    """Sends messages to the step of a proxy and returns its events, as JSON.

    ``POST /messages`` takes ``{"message": {...}, "headers": {...}, "protocol": 1, "count": 1}`` and returns the ids.
    ``GET /events/data?count=1&timeout_seconds=10`` waits for events, and forgets them. ``GET /state`` counts messages.
    ``POST /faults`` takes ``{"kind": "post", "fault": {"status": 503}, "times": 1}``. ``POST /cut``, ``/release``,
    ``/go_away`` and ``/restart`` take the arguments of the method of `SailorProxy`.

    Args:
        proxy: The proxy.
        port: A port; a free one unless given.
    """

    def __init__(self, proxy: SailorProxy, *, port: int = 0) -> None:
        super().__init__(name="proxy", port=port)
        self.proxy = proxy
        self.route("POST", "/messages", self._publish)
        self.route("GET", "/events/{kind}", self._take)
        self.route("GET", "/state", lambda request: Reply(200, self._state()))
        self.route("POST", "/faults", self._script)
        for name in ("cut", "release", "go_away", "restart"):
            self.route("POST", f"/{name}", _called(getattr(proxy, name)))

    def _publish(self, request: Request) -> Reply:
        given = _arguments(request)
        message, count = given.pop("message", {"body": {}}), int(given.pop("count", 1))
        return Reply(201, [_checked(self.proxy.publish, message, **given) for _ in range(count)])

    def _take(self, request: Request, kind: str) -> Reply:
        count = int(request.query.get("count", 1))
        timeout_seconds = float(request.query.get("timeout_seconds", TAKE_SECONDS))
        try:
            events = self.proxy.take(kind, count, timeout_seconds)
        except NotTaken as error:
            return Reply(404, {"error": str(error)})
        return Reply(200, [_event(each) for each in events])

    def _script(self, request: Request) -> Reply:
        given = _arguments(request)
        fault = _checked(ProxyFault, **given.get("fault", {}))
        self.proxy.script(str(given.get("kind", "*")), fault, times=int(given.get("times", 1)))
        return Reply(204)

    def _state(self) -> dict[str, Any]:
        proxy, finished = self.proxy, self.proxy.finished
        successes = sum(is_success for _, is_success in finished)
        return {
            "waiting": proxy.depth("input"),
            "in_work": len(proxy.in_work),
            "success": successes,
            "error": len(finished) - successes,
            "connections": proxy.connections,
            "problems": proxy.problems,
        }


def _event(received: Received) -> dict[str, Any]:
    """Return an event as JSON: decrypted, and without a message for a rebound."""
    if not received.body:
        return {"headers": dict(received.headers)}
    message = received.error if received.routing_key == "error" else received.message
    return {"headers": dict(received.headers), "message": message}


def _called(method: Any) -> Any:
    def answer(request: Request) -> Reply:
        _checked(method, **_arguments(request))
        return Reply(204)

    return answer


def _arguments(request: Request) -> dict[str, Any]:
    value = request.json() if request.body else {}
    if not isinstance(value, dict):
        raise ValueError("expected a JSON object")
    return value


def _checked(call: Any, *positional: Any, **named: Any) -> Any:
    """Call a function with the arguments of a request.

    Raises:
        ValueError: The function does not take these arguments; the answer is 400.
    """
    try:
        return call(*positional, **named)
    except TypeError as error:
        raise ValueError(str(error)) from None
