"""A step in the test's own process, on a transport of the test's choice: what becomes of its messages."""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Condition
from typing import Any

import pytest

from shipmate.container import step
from shipmate.container.messages.cipher import Cipher
from shipmate.container.startup import Installation
from shipmate.container.transport import Delivery, Transport
from shipmate.emulator import Platform, Received, SailorProxy, StepQueues
from shipmate.emulator.sailor_proxy import MessageRules
from shipmate.jsonvalue import to_json
from shipmate.logs.log import Redactor
from shipmate.settings import StepSettings
from tests.container import COMPONENT, SECONDS, eventually
from tests.memory_transport import MemoryTransport

PASSWORD, IV = "emulator-password", "emulator-vector!"
EVENTS = {
    "data": "data",
    "error": "errors",
    "snapshot": "snapshots",
    "updateSnapshot": "snapshots",
    "rebound": "rebounds",
    "httpReply": "replies",
}
WITHOUT_BROKER = {
    "EXEC_ID": "exec",
    "CONTAINER_ID": "container",
    "USER_ID": "user",
    "COMP_ID": "component",
    "AMQP_URI": "amqp://nowhere",
    "LISTEN_MESSAGES_ON": "input",
    "PUBLISH_MESSAGES_TO": "exchange",
    "DATA_ROUTING_KEY": "data",
    "ERROR_ROUTING_KEY": "error",
    "REBOUND_ROUTING_KEY": "rebound",
    "SNAPSHOT_ROUTING_KEY": "snapshot",
    "MESSAGE_CRYPTO_PASSWORD": PASSWORD,
    "MESSAGE_CRYPTO_IV": IV,
}


def commands(*steps: list[Any], **more: Any) -> dict[str, Any]:
    """Return a message with commands for the component."""
    return {"body": {"do": list(steps), **more}}


def environ_without_broker(platform: Platform, **settings: object) -> Mapping[str, str]:
    """Return what the platform sets, with the address of no broker."""
    values = {**WITHOUT_BROKER, **settings}
    prefixed = {name if "SHIPMATE" in name else f"ELASTICIO_{name}": str(value) for name, value in values.items()}
    return {**platform.environ(), **prefixed}


@dataclass
class Done:
    """What was published for some messages, and how they were settled."""

    data: list[Received] = field(default_factory=list)
    errors: list[Received] = field(default_factory=list)
    snapshots: list[Received] = field(default_factory=list)
    rebounds: list[Received] = field(default_factory=list)
    replies: list[Received] = field(default_factory=list)
    are_successes: list[bool] = field(default_factory=list)

    @property
    def is_success(self) -> bool:
        """Whether the one message was settled as done."""
        (is_success,) = self.are_successes
        return is_success

    @property
    def bodies(self) -> list[Any]:
        """The bodies of the data."""
        return [each.message.get("body") for each in self.data]


class Station(ABC):
    """One running step."""

    cipher = Cipher(PASSWORD, IV)
    reply_to: str
    """Where the station waits for replies."""

    def __init__(
        self, environ: Mapping[str, str], new_transport: Callable[..., Transport], *, folder: Path = COMPONENT
    ) -> None:
        installation = Installation(folder, environ, Redactor())
        self.step = step.Step(StepSettings.from_environ(environ), installation, new_transport)
        self.loaded = self.step.start()
        self.step.consume(self.loaded)

    def deliver(self, message: Any, *, headers: Mapping[str, Any] | None = None, protocol: int = 1) -> Done:
        """Deliver one message as the step before would send it, and return what came of it.

        Args:
            message: Any JSON; a message is an object.
            headers: Replace those that the platform gives; None as a value removes one.
            protocol: Of the encoding.
        """
        return self.deliver_raw(self.cipher.encode(to_json(message), protocol), given(headers or {}, protocol))

    def deliver_all(self, messages: Iterable[Any]) -> Done:
        """Deliver messages, perhaps side by side, and return what came of all of them."""
        return self._deliver([(self.cipher.encode(to_json(message), 1), given({}, 1)) for message in messages])

    def deliver_raw(self, body: bytes, headers: Mapping[str, Any] | None) -> Done:
        """Deliver bytes as they are."""
        return self._deliver([(body, headers)])

    @abstractmethod
    def _deliver(self, inputs: list[tuple[bytes, Mapping[str, Any] | None]]) -> Done: ...

    def stop(self) -> None:
        """Stop the step, and give back what it keeps until its process ends."""
        self.step.stop()
        self.loaded.services.loops.close()
        self.step._events.close()


Start = Callable[..., Station]
"""Starts a step: ``start("commands", PROTOCOL_VERSION=2)``."""


def given(headers: Mapping[str, Any], protocol: int) -> dict[str, Any]:
    """Return the headers that the platform gives a message."""
    usual = {
        "execId": "exec",
        "taskId": "flow",
        "workspaceId": "workspace",
        "userId": "user",
        "stepId": "previous",
        "threadId": str(uuid.uuid4()),
        "messageId": str(uuid.uuid4()),
        "protocolVersion": protocol,
        **headers,
    }
    return {name: value for name, value in usual.items() if value is not None}


class MemoryStation(Station):
    """A step on a transport in memory; everything happens on the test's thread."""

    reply_to = "replies"

    def __init__(self, platform: Platform, function: str = "commands", **settings: object) -> None:
        self.transport = MemoryTransport()
        self.transport.allows_rebounds = settings.get("REBOUND_LIMIT") != 0
        super().__init__(environ_without_broker(platform, FUNCTION=function, **settings), self._connected)

    def _connected(self, settings: StepSettings, *, on_lost: Callable[[BaseException], None]) -> Transport:
        self.transport.size_limit_bytes = settings.messages.size_limit_bytes
        return self.transport

    def _deliver(self, inputs: list[tuple[bytes, Mapping[str, Any] | None]]) -> Done:
        transport = self.transport
        published, settled = len(transport.published), len(transport.settled)
        for body, headers in inputs:
            transport.deliver(body, dict(headers or {}))
        assert transport.wait_until_idle(SECONDS)
        done = Done(are_successes=[is_success for _, is_success in transport.settled[settled:]])
        for each in transport.published[published:]:
            received = Received(each.body, each.metadata, None, each.routing_key or "", self.cipher)
            getattr(done, EVENTS[each.event]).append(received)
        return done


class AmqpStation(Station):
    """A step at a real RabbitMQ."""

    def __init__(self, platform: Platform, queues: StepQueues, function: str = "commands", **settings: object) -> None:
        self.queues = queues
        self._settled: list[bool] = []
        self._changed = Condition()
        self._failures = 0
        self._reply_to: str | None = None
        environ = {**platform.environ(), **queues.environ(function, **settings)}
        super().__init__(environ, partial(step.new_transport, on_settled=self._on_settled))

    @property
    def reply_to(self) -> str:  # type: ignore[override]
        """A routing key that is bound when it is first asked for."""
        self._reply_to = self._reply_to or self.queues.bind(f"{self.queues.name}-reply")
        return self._reply_to

    def _on_settled(self, delivery: Delivery, is_success: bool) -> None:
        with self._changed:
            self._settled.append(is_success)
            self._changed.notify_all()

    def wait_until_settled(self, count: int) -> None:
        """Wait until so many deliveries are settled, since the start of the step."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._settled) >= count, SECONDS)

    def _deliver(self, inputs: list[tuple[bytes, Mapping[str, Any] | None]]) -> Done:
        queues, before = self.queues, len(self._settled)
        for body, headers in inputs:
            queues.publish_raw(body, headers)
        self.wait_until_settled(before + len(inputs))
        done = Done(are_successes=self._settled[before:])
        for kind in ("data", "error", "snapshot", "rebound"):
            setattr(done, EVENTS[kind], queues.drain(kind))
        done.replies = queues.drain(self._reply_to) if self._reply_to else []
        self._failures += done.are_successes.count(False)
        eventually(lambda: queues.depth("dead") == self._failures, queues)
        return done

    def stop(self) -> None:
        """Stop the step; nothing that it has settled is delivered again."""
        super().stop()
        self.step.transport._loop.close()  # type: ignore[attr-defined]  # a process that ends need not
        assert self.queues.depth("input") == 0


class ProxyStation(Station):
    """A step at an emulated sailor proxy; a breach of the contract fails the test."""

    reply_to = "replies"

    def __init__(self, platform: Platform, proxy: SailorProxy, function: str = "commands", **settings: object) -> None:
        self.proxy = proxy
        own = dict(settings)
        # What the platform decides at a proxy, and the container over AMQP.
        own["PROXY_PREFETCH_SAILOR"] = own.pop("RABBITMQ_PREFETCH_SAILOR", 1)
        proxy.messages.rebound_limit = int(str(own.pop("REBOUND_LIMIT", 20)))
        proxy.messages.rebound_delay_ms = int(str(own.pop("REBOUND_INITIAL_EXPIRATION", 15_000)))
        super().__init__({**platform.environ(), **proxy.environ(function, **own)}, step.new_transport)

    def wait_until_settled(self, count: int) -> None:
        """Wait until so many deliveries are settled, since the start of the proxy."""
        self.proxy.wait_until(lambda: len(self.proxy.finished) >= count, SECONDS)

    def _deliver(self, inputs: list[tuple[bytes, Mapping[str, Any] | None]]) -> Done:
        proxy, before = self.proxy, len(self.proxy.finished)
        for body, headers in inputs:
            proxy.publish_raw(body, headers or {})  # without the header at all there is nothing to process
        self.wait_until_settled(before + len(inputs))
        done = Done(are_successes=[is_success for _, is_success in proxy.finished[before:]])
        for kind in ("data", "error", "snapshot", "rebound"):
            setattr(done, EVENTS[kind], proxy.drain(kind))
        # An error for the caller who waits is a copy that the proxy makes.
        done.replies = [each for each in proxy.drain(self.reply_to) if "x-eio-error-response" not in each.headers]
        return done

    def stop(self) -> None:
        """Stop the step; nothing that it has settled is delivered again."""
        super().stop()
        assert self.proxy.depth("input") == 0


StartInMemory = Callable[..., MemoryStation]
StartAmqp = Callable[..., AmqpStation]
StartAtProxy = Callable[..., ProxyStation]


@pytest.fixture
def start_in_memory(platform: Platform) -> Iterator[StartInMemory]:
    """Starts steps on a transport in memory; they are stopped at the end."""
    with ExitStack() as stack:

        def start(function: str = "commands", **settings: object) -> MemoryStation:
            station = MemoryStation(platform, function, **settings)
            stack.callback(station.stop)
            return station

        yield start


@pytest.fixture
def start_amqp(platform: Platform, queues: StepQueues) -> Iterator[StartAmqp]:
    """Starts steps at RabbitMQ; they are stopped at the end."""
    with ExitStack() as stack:

        def start(function: str = "commands", **settings: object) -> AmqpStation:
            station = AmqpStation(platform, queues, function, **settings)
            stack.callback(station.stop)
            return station

        yield start


@pytest.fixture
def proxy() -> Iterator[SailorProxy]:
    """A sailor proxy; the test fails if a client breaks the contract."""
    with SailorProxy(messages=MessageRules()) as started:
        yield started
        assert started.problems == []


@pytest.fixture
def start_at_proxy(platform: Platform, proxy: SailorProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartAtProxy]:
    """Starts steps at a sailor proxy; they are stopped at the end."""
    # A proxy may be slow with its last messages. This one has sent all of them when it answers a PING.
    monkeypatch.setattr("shipmate.container.proxy.slots._LEAST_WAIT_SECONDS", 0.0)
    with ExitStack() as stack:

        def start(function: str = "commands", **settings: object) -> ProxyStation:
            station = ProxyStation(platform, proxy, function, **settings)
            stack.callback(station.stop)
            return station

        yield start
