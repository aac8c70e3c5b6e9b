"""The sailor proxy on a local port, for tests and demonstrations."""

import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from shipmate.emulator.ports import HOST, free_port
from shipmate.emulator.sailor_proxy.connection import Connection
from shipmate.emulator.sailor_proxy.desk import ProxyDesk
from shipmate.emulator.sailor_proxy.fault import ProxyFault
from shipmate.emulator.sailor_proxy.io_loop import IoLoop
from shipmate.emulator.sailor_proxy.messages import ProxyMessage
from shipmate.emulator.sailor_proxy.request import ProxyRequest
from shipmate.emulator.sailor_proxy.rules import MessageRules, WireRules
from shipmate.emulator.sailor_proxy.timers import Timers
from shipmate.emulator.step_traffic import IV, PASSWORD, TAKE_SECONDS, Received, StepTraffic

SECRET: Final = "emulator-proxy-secret"  # noqa: S105 - of tokens that the emulator alone accepts


class SailorProxy(StepTraffic):
    """The platform's side of one step over HTTP/2, for any number of containers; a context manager.

        with SailorProxy() as proxy, Platform() as platform:
            proxy.publish({"body": {}})
            ...                                # run a container with {**platform.environ(), **proxy.environ("f")}
            (data,) = proxy.take("data")
            assert not proxy.problems

    It counts and delays rebounds, copies errors to the caller who waits for a reply, assigns missing ids, and keeps the
    messages of a lost client for a claim. Each breach of the contract by a client is a line in `problems`.

    Source: proxy §3 to §10, §17.
    """

    transport = "proxy"

    def __init__(
        self,
        *,
        port: int = 0,
        secret: str = SECRET,
        password: str = PASSWORD,
        iv: str = IV,
        poll_seconds: float | None = None,
        messages: MessageRules | None = None,
        wire: WireRules | None = None,
    ) -> None:
        """Choose the port; `start` or ``with`` begins to listen.

        Args:
            port: A port; a free one unless given.
            secret: The key of the tokens.
            password: Encrypts the messages, with ``iv``.
            iv: A text of 16 bytes.
            poll_seconds: The time after which a poll without a message is answered with 204; None waits for ever.
            messages: The rules for claims and rebounds.
            wire: Windows, streams, frames and pings.
        """
        super().__init__(password=password, iv=iv)
        self.port = port or free_port()
        self.uri = f"http://{HOST}:{self.port}"
        self._changed = threading.Condition(threading.RLock())
        self._timers = Timers(time.monotonic)
        self._desk = ProxyDesk(self.cipher, secret, self._timers)
        self._desk.poll_seconds = poll_seconds
        self._desk.messages.rules = self.messages = messages or MessageRules()
        self._desk.rules = self.wire = wire or WireRules()
        self._loop: IoLoop | None = None
        self._accepted = 0

    def __enter__(self) -> Self:
        """Begin to listen."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop listening, and forget everything."""
        self.close()
        self.delete()

    # Listening

    def start(self) -> Self:
        """Listen; a stopped proxy gets its port again, and has its messages still."""
        if self._loop is None:
            self._loop = IoLoop((HOST, self.port), self._changed, self._timers, self._accept)
        return self

    def stop(self) -> None:
        """Refuse connections, and cut those that are open; may be called again."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()

    def restart(self, *, forgets: bool = False) -> None:
        """Stop and start on the same port.

        Args:
            forgets: Whether the messages are lost, and with them all claims.
        """
        self.stop()
        if forgets:
            with self._changed:
                self._desk.messages.forget()
        self.start()

    # Messages and events

    def publish_raw(self, body: bytes, headers: Mapping[str, Any] | bytes | None) -> None:
        """Publish bytes as they are; headers that are bytes become the header ``message-metadata`` as they are."""
        with self._changed:
            self._desk.messages.add(ProxyMessage(body, headers))
        self._wake()

    def bind(self, routing_key: str) -> str:
        """Return the kind for `take` of what is published with a routing key: the key itself."""
        return routing_key

    def take(self, kind: str, count: int = 1, timeout_seconds: float = TAKE_SECONDS) -> list[Received]:
        """Wait for events of a kind, and return them in order; as `StepTraffic.take`."""
        taken: list[Received] = []
        outputs = self._desk.outputs
        with self._changed:
            while len(taken) < count and self._changed.wait_for(lambda: bool(outputs[kind]), timeout_seconds):
                taken.append(outputs[kind].popleft())
        return self._checked(kind, count, taken)

    def drain(self, kind: str) -> list[Received]:
        """Return and forget all events of a kind that have arrived."""
        with self._changed:
            found = list(self._desk.outputs[kind])
            self._desk.outputs[kind].clear()
        return found

    def depth(self, kind: str) -> int:
        """Return the number of events of a kind that have arrived; of ``input``: of messages that wait for the step."""
        with self._changed:
            return len(self._desk.messages.waiting if kind == "input" else self._desk.outputs[kind])

    def wait(self, seconds: float) -> None:
        """Wait for a change for some time."""
        with self._changed:
            self._changed.wait(seconds)

    def purge(self) -> None:
        """Forget all messages that wait for the step, and all events."""
        with self._changed:
            self._desk.messages.waiting.clear()
            self._desk.outputs.clear()

    def delete(self) -> None:
        """Forget all messages and events."""
        with self._changed:
            self._desk.messages.forget()
            self._desk.outputs.clear()

    def close(self) -> None:
        """Stop listening."""
        self.stop()

    # Observations

    @property
    def problems(self) -> list[str]:
        """The breaches of the contract by clients; without tokens and bodies."""
        with self._changed:
            return list(self._desk.problems)

    @property
    def requests(self) -> list[ProxyRequest]:
        """The requests so far, in order; at most the last 20000."""
        with self._changed:
            return list(self._desk.requests)

    @property
    def in_work(self) -> list[str | None]:
        """The ids of the messages that clients have in work, or that are kept for them."""
        with self._changed:
            return [each.message_id for each in self._desk.messages.in_work]

    @property
    def finished(self) -> list[tuple[str | None, bool]]:
        """The id of each finished message, in order, and whether it was a success; again after each rebound."""
        with self._changed:
            return list(self._desk.messages.finished)

    @property
    def duplicates(self) -> list[str]:
        """The ids of events that were accepted more than once."""
        with self._changed:
            return [message_id for message_id, count in self._desk.event_ids.items() if count > 1]

    @property
    def clients(self) -> dict[str, Mapping[str, Any]]:
        """The claims of the tokens by ``clientId``."""
        with self._changed:
            return {name: each.claims for name, each in self._desk.clients.items()}

    @property
    def connections(self) -> int:
        """The number of open connections."""
        with self._changed:
            return len(self._open())

    @property
    def accepted(self) -> int:
        """The number of connections so far."""
        with self._changed:
            return self._accepted

    @property
    def pongs(self) -> int:
        """The number of answers to `ping` on the open connections."""
        with self._changed:
            return sum(each.pongs for each in self._open())

    @property
    def is_idle(self) -> bool:
        """Whether no message waits, is in work, or comes back later."""
        messages = self._desk.messages
        with self._changed:
            return not (messages.waiting or messages.in_work or messages.delayed)

    def wait_until(self, condition: Callable[[], bool], timeout_seconds: float = TAKE_SECONDS) -> None:
        """Wait until a condition about this proxy is true.

        Raises:
            TimeoutError: It is not true in time.
        """
        with self._changed:
            if not self._changed.wait_for(condition, timeout_seconds):
                raise TimeoutError(f"the condition is not true after {timeout_seconds:g} s; problems: {self.problems}")

    def wait_for(self, kind: str, count: int = 1, timeout_seconds: float = TAKE_SECONDS) -> Sequence[ProxyRequest]:
        """Wait until so many requests of a kind have arrived, and return them.

        Args:
            kind: poll, post, finish or claim, or the type of an event: ``data``, ``error``, ...
            count: The number of requests since the start.
            timeout_seconds: The longest wait.

        Raises:
            TimeoutError: Fewer arrived in time.
        """

        def arrived() -> list[ProxyRequest]:
            return [each for each in self._desk.requests if kind in (each.kind, each.type)]

        with self._changed:
            self.wait_until(lambda: len(arrived()) >= count, timeout_seconds)
            return arrived()

    def outcome(self, message_id: str | None, timeout_seconds: float = TAKE_SECONDS) -> bool:
        """Wait until a message is finished, and return whether it was a success.

        Raises:
            TimeoutError: It is not finished in time.
        """
        messages = self._desk.messages
        with self._changed:
            self.wait_until(lambda: message_id in messages.finished_ids, timeout_seconds)
            return dict(messages.finished)[message_id]

    # Failures

    def script(self, kind: str, *faults: ProxyFault, times: int = 1) -> None:
        """Let the next requests of a kind fail.

        Args:
            kind: poll, post, finish or claim; the type of an event; ``*`` for any; ``connect``: the next
                connections are accepted and closed.
            *faults: One for each request.
            times: How often all of them are repeated.
        """
        with self._changed:
            for fault in faults * times:
                self._desk.script.add(kind, fault)

    def clear_script(self) -> None:
        """Forget the failures that no request has met."""
        with self._changed:
            self._desk.script.clear()

    @property
    def held(self) -> int:
        """The number of requests that wait for `release`."""
        with self._changed:
            return len(self._desk.held)

    def release(self) -> None:
        """Let all held requests go on."""
        with self._changed:
            held, self._desk.held = self._desk.held, []
            for each in held:
                each()
        self._wake()

    def cut(self) -> None:
        """Close all connections."""
        self._each(lambda connection: connection.close())

    def go_away(self, code: int = 0, last_stream_id: int | None = None) -> None:
        """Say GOAWAY on all connections; streams up to the last one, the newest unless given, are answered still."""
        self._each(lambda connection: connection.go_away(code, last_stream_id))

    def ping(self) -> None:
        """Send a PING on all connections; `pongs` counts the answers."""
        self._each(lambda connection: connection.ping())

    def change_settings(self, *, window_bytes: int | None = None, max_streams: int | None = None) -> None:
        """Send SETTINGS on all connections, and on those that are opened later."""
        if window_bytes is not None:
            self.wire.window_bytes = window_bytes
        if max_streams is not None:
            self.wire.max_streams = max_streams
        self._each(lambda connection: connection.change_settings(self.wire.settings()))

    def hand_out_again(self, message_id: str) -> None:
        """Deliver a message that is in work to the next poll as well, as a proxy does that has forgotten it."""
        with self._changed:
            self._desk.messages.hand_out_again(message_id)
        self._wake()

    def reset_polls(self, code: int) -> None:
        """Reset all waiting polls."""
        with self._changed:
            for connection in self._open():
                for stream in [each for each in connection.streams.values() if each.request.kind == "poll"]:
                    connection.reset(stream, code)
        self._wake()

    def _accept(self, sock: socket.socket, on_change: Callable[[Connection], None]) -> Connection | None:
        self._accepted += 1
        fault = self._desk.script.take({"connect"})
        return None if fault else Connection(sock, self._accepted, self._desk, on_change)

    def _address(self) -> Mapping[str, object]:
        return {"SAILOR_PROXY_URI": self.uri, "SAILOR_PROXY_JWT_SECRET": self._desk.secret}

    def _open(self) -> list[Connection]:
        return list(self._loop.connections) if self._loop is not None else []

    def _each(self, act: Callable[[Connection], object]) -> None:
        with self._changed:
            for connection in self._open():
                act(connection)
        self._wake()

    def _wake(self) -> None:
        """Wake what waits for a change, and let the thread look at the timers."""
        with self._changed:
            self._changed.notify_all()
            if self._loop is not None:
                self._loop.wake()
