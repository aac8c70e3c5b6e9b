"""Takes what the steps publish to the platform: errors, last results, snapshots, rebounds, dead letters, replies."""

import heapq
import itertools
import json
import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from shipmate.container.amqp import Broker
from shipmate.container.amqp.deliveries import AmqpDelivery
from shipmate.container.messages.cipher import Cipher, Undecodable
from shipmate.container.messages.codec import MessageCodec, new_id
from shipmate.container.messages.lightweight import BodyStore, forget_ids
from shipmate.container.transport import Publication
from shipmate.emulator import Platform
from shipmate.errors import EmitUnconfirmed, ObjectUnavailable
from shipmate.flow.identity import Run
from shipmate.flow.intake import Intake
from shipmate.flow.topology import DEAD, INPUT, REPLY, Station
from shipmate.jsonvalue import from_json, to_json
from shipmate.settings import BrokerSettings, RateSettings, Secret, StepSettings

_log: Final = logging.getLogger("shipmate.flow")
_PREFETCH: Final = 65_535
"""The most rebounds that can wait at once; further ones wait in the queue."""
_ENDLESS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Collected:
    """A message that a step has published for the platform."""

    station: Station
    headers: Mapping[str, Any]
    value: Any = field(repr=False)
    """The message of a result, the decrypted error as ``{"error": ..., "errorInput": ...}``, or the snapshot."""
    size_bytes: int


class Receiver(Protocol):
    """Gets what is collected, on the threads of the collector; each call must be short."""

    def on_result(self, collected: Collected) -> None:
        """Take a message of a last step."""

    def on_error(self, collected: Collected) -> None:
        """Take an error, whose input is missing if the step could not start or the message not be decoded."""

    def on_snapshot(self, collected: Collected) -> None:
        """Take a snapshot."""

    def on_rebound(self, collected: Collected, delay_seconds: float) -> None:
        """Take note of a message that comes back to its step after a delay."""

    def on_dead(self, collected: Collected) -> None:
        """Take note of an input that a step has rejected."""

    def on_reply(self, reply_to: str, headers: Mapping[str, Any], value: Any) -> None:
        """Take a reply for the caller of a webhook, or the error of a step in place of it."""


class Collector:
    """One consumer for everything that the platform receives, and the publisher of what it sends."""

    def __init__(self, run: Run, amqp_uri: str, receiver: Receiver) -> None:
        """Prepare; nothing is opened yet."""
        self._run = run
        self._receiver = receiver
        self._cipher = Cipher(run.password, run.iv)
        step = StepSettings.from_environ(run.environ(run.topology.first, amqp_uri))
        codec = MessageCodec(step.flow, step.messages)
        self._bodies = BodyStore(lambda: _Objects(run.platform), codec)
        topology = run.topology
        settings = BrokerSettings(
            uri=Secret(amqp_uri),
            queue=topology.collected,
            exchange=topology.exchange,
            data_key="",
            error_key="",
            rebound_key="",
            snapshot_key="",
            prefetch=_PREFETCH,
            is_persistent=run.is_persistent,
            reconnect_attempts=_ENDLESS,
            reconnect_delay_ms=200,
        )
        self._intake = Intake(settings, self._take, on_failed=self._lost)
        self._broker = Broker(settings, RateSettings(data=0), on_lost=self._lost)
        """Publishes; it consumes nothing."""
        self._lock = threading.Condition()
        self._rebounds: list[tuple[float, int, Station, AmqpDelivery]] = []
        """A heap by the time at which a message goes back."""
        self._returning = 0
        """The messages that are on their way back: neither in the heap nor surely in their queue."""
        self._order = itertools.count()
        self._is_over = False
        self._thread = threading.Thread(target=self._return_rebounds, name="shipmate-rebounds", daemon=True)
        self.published: dict[str, int] = {}
        """The number of messages that the platform has put into queues, by routing key."""
        self.settled = 0
        self.failed: BaseException | None = None

    @property
    def waiting_rebounds(self) -> int:
        """The number of messages that wait to go back to their step."""
        with self._lock:
            return len(self._rebounds) + self._returning

    def start(self) -> None:
        """Connect and consume.

        Raises:
            BrokerLost: The broker is not there.
        """
        self._broker.connect()
        self._broker.wait_until_open()
        self._intake.start()
        self._thread.start()

    def stop(self) -> None:
        """Take no more messages, and close; rebounds that wait are dropped with their queue."""
        with self._lock:
            self._is_over = True
            self._lock.notify()
        self._intake.stop()
        self._broker.stop_retrying()
        self._broker.close()

    def send(self, station: Station, message: Mapping[str, Any], headers: Mapping[str, Any]) -> int:
        """Put a message into the queue of a step, and return its size in bytes when the broker has confirmed it.

        Args:
            station: The step.
            message: The message in plain JSON; for a step that takes errors it is the error, as it was collected.
            headers: The AMQP headers of the message; the ids of the run are added.

        Raises:
            EmitUnconfirmed: The broker has not confirmed it.
        """
        if station.takes_errors:
            body = to_json({name: self._sealed(each) for name, each in message.items()})
        else:
            body = self._sealed(message).encode()
            headers = {**headers, "protocolVersion": 1}
        self.send_raw(station, body, headers)
        return len(body)

    def send_raw(self, station: Station, body: bytes, headers: Mapping[str, Any]) -> None:
        """Put an encoded message into the queue of a step; as `send`."""
        metadata = self._run.headers({"messageId": new_id(), **headers})
        self._publish(station, metadata, body)

    def _publish(self, station: Station, metadata: Mapping[str, Any], body: bytes) -> None:
        """Publish to a step; counted before it can be delivered."""
        key = station.key(INPUT)
        self._count(key, 1)
        try:
            self._broker.publish(Publication("data", metadata, body, None, key))
        except BaseException:
            self._count(key, -1)
            raise

    def _count(self, key: str, number: int) -> None:
        with self._lock:
            self.published[key] = self.published.get(key, 0) + number

    def _lost(self, error: BaseException) -> None:
        self.failed = error

    def _take(self, delivery: AmqpDelivery) -> None:
        key = delivery.routing_key
        event, _, rest = key.partition(".")
        try:
            if event == REPLY:
                self._reply(key, delivery)
            elif self._dispatch(event, self._run.topology.of_number(int(rest)), delivery):
                return
        except Exception as error:  # the edge of a delivery: the next one must not suffer
            _log.error("a message for the platform could not be understood", exc_info=error)
        self._settle(delivery)

    def _settle(self, delivery: AmqpDelivery) -> None:
        self._intake.settle(delivery)
        with self._lock:
            self.settled += 1

    def _dispatch(self, event: str, station: Station, delivery: AmqpDelivery) -> bool:
        """Give a message to the receiver; return whether it is settled later."""
        receiver, headers = self._receiver, delivery.metadata
        if event == "rebound":
            delay = _delay_seconds(delivery.properties)
            receiver.on_rebound(Collected(station, headers, None, len(delivery.body)), delay)
            with self._lock:
                heapq.heappush(self._rebounds, (time.monotonic() + delay, next(self._order), station, delivery))
                self._lock.notify()
            return True
        collected = Collected(station, headers, self._value(event, station, delivery), len(delivery.body))
        if event == "data":
            receiver.on_result(collected)
        elif event == "error":
            receiver.on_error(collected)
        elif event == "snapshot":
            receiver.on_snapshot(collected)
        elif event == DEAD:
            receiver.on_dead(collected)
        return False

    def _value(self, event: str, station: Station, delivery: AmqpDelivery) -> Any:
        if event == "data":
            return self._whole(self._decoded(delivery.body, _protocol(delivery.metadata)))
        if event == "snapshot":
            return json.loads(delivery.body)
        if event == "error":
            collected = self._opened(json.loads(delivery.body))
            if station.takes_errors and isinstance(given := collected.get("errorInput"), dict):
                collected["errorInput"] = self._opened(given)
            self._whole(collected.get("errorInput"))
            return collected
        return None

    def _whole(self, message: Any) -> Any:
        """Put bodies from the object storage, which ends with the run, into a message; files of replies stay there."""
        if isinstance(message, dict):
            with suppress(ObjectUnavailable):
                self._bodies.resolve(message)
                forget_ids(message)
        return message

    def _opened(self, envelope: Mapping[str, Any]) -> dict[str, Any]:
        """Return the decrypted members of an error."""
        return {
            name: self._decoded(envelope[name].encode(), 1)
            for name in ("error", "errorInput")
            if isinstance(envelope.get(name), str)
        }

    def _sealed(self, value: Any) -> str:
        return self._cipher.encode(to_json(value), 1).decode("ascii")

    def _decoded(self, body: bytes, protocol: float) -> Any:
        try:
            return from_json(self._cipher.decode(body, protocol))
        except (Undecodable, ValueError):
            return None

    def _reply(self, key: str, delivery: AmqpDelivery) -> None:
        value = self._whole(self._decoded(delivery.body, _protocol(delivery.metadata)))
        self._receiver.on_reply(key, delivery.metadata, value)

    def _return_rebounds(self) -> None:
        """Put each message back into its queue when its delay is over."""
        while True:
            with self._lock:
                while not self._is_over and (not self._rebounds or self._rebounds[0][0] > time.monotonic()):
                    due = self._rebounds[0][0] - time.monotonic() if self._rebounds else None
                    self._lock.wait(due)
                if self._is_over:
                    return
                _, _, station, delivery = heapq.heappop(self._rebounds)
                self._returning += 1
            self._send_back(station, delivery)

    def _send_back(self, station: Station, delivery: AmqpDelivery) -> None:
        try:
            self._publish(station, delivery.metadata, delivery.body)
        except EmitUnconfirmed as error:
            _log.error("a rebound could not be put back into its queue", exc_info=error)
        self._settle(delivery)
        with self._lock:
            self._returning -= 1


@dataclass(frozen=True, slots=True)
class _Content:
    content: bytes


class _Objects:
    """The object storage of the run, without HTTP."""

    def __init__(self, platform: Platform) -> None:
        self._objects = platform.maester.objects

    def create(self, content: bytes) -> str:
        raise NotImplementedError  # nothing is stored here

    def read(self, object_id: str) -> _Content:
        stored = self._objects.get(object_id)
        if stored is None:
            raise ObjectUnavailable(f"no object {object_id}")
        return _Content(stored.data)


def _delay_seconds(properties: Any) -> float:
    try:
        return max(0.0, int(properties.expiration) / 1000)
    except (TypeError, ValueError):
        return 0.0


def _protocol(headers: Mapping[str, Any]) -> float:
    try:
        return float(headers.get("protocolVersion") or 1)
    except (TypeError, ValueError):
        return 1.0
