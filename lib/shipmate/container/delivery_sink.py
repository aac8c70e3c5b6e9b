"""Takes what is emitted for one message to the broker, the object storage and the platform.

Source: contract §5.3, §6, §8.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from shipmate.container.amqp import Broker, Delivery, Publication
from shipmate.container.messages.codec import (
    Incoming,
    MessageCodec,
    epoch_ms,
    new_id,
    rebound_headers,
    routed,
)
from shipmate.container.messages.lightweight import BodyStore
from shipmate.container.messages.passthrough import carried, without
from shipmate.container.state import StepState
from shipmate.container.throttle import Throttle
from shipmate.errors import EmitError, EmitUnconfirmed
from shipmate.invocation.events import Event
from shipmate.invocation.failure import format_error
from shipmate.invocation.sink import PLATFORM, Sink
from shipmate.jsonvalue import encode
from shipmate.settings import StepSettings

_log: Final = logging.getLogger("shipmate.outbox")
_REPLY_PROTOCOL: Final = 1


class Keys(Protocol):
    """Where new keys are saved."""

    def save(self, keys: Mapping[str, Any], account: str | None) -> None:
        """Save keys of an account, None for the step's own."""


@dataclass(frozen=True, slots=True)
class StepResources:
    """What the outboxes of all messages share."""

    settings: StepSettings
    broker: Broker = field(repr=False)
    wire: MessageCodec = field(repr=False)
    bodies: BodyStore = field(repr=False)
    keys: Keys = field(repr=False)
    state: StepState = field(repr=False)
    data: Throttle
    error: Throttle
    snapshot: Throttle
    is_passthrough: bool = False


class DeliverySink(Sink):
    """The sink for one delivery."""

    rules = PLATFORM

    def __init__(self, post: StepResources, delivery: Delivery, incoming: Incoming) -> None:
        """Begin with a delivery; its message is not decoded yet."""
        self._post = post
        self._delivery = delivery
        self.incoming = incoming
        self._base = post.wire.base_headers(incoming, epoch_ms())
        self._message: Mapping[str, Any] = {}
        self._stored: dict[str, str] = {}
        self._own = post.settings.flow.step_id
        self.is_decoded = True
        """Whether the input can go with an error."""
        self.is_left_to_broker = False
        """Whether the process stops before everything was confirmed: the input must stay unsettled."""
        self.errors = 0
        """Errors that the call does not know of."""

    def carry(self, message: Mapping[str, Any]) -> None:
        """Note what the emitted messages carry along."""
        self._message = message

    def deliver(self, event: Event) -> None:
        """Take one event, and return when it is safe.

        Raises:
            InvalidMessage: The value is not JSON.
            EmitError: The event could not be handed over.
        """
        self._refuse_if_left(event)
        try:
            _DELIVER[event.name](self, event)
        except EmitUnconfirmed as error:
            self._note(error)
            raise

    def deliver_later(self, event: Event, then: Callable[[BaseException | None], None]) -> None:
        """Take one data event, and call ``then`` when it is safe; an error is told on a thread that may wait."""
        self._refuse_if_left(event)
        publication = self._data(event.value)
        self._post.data.wait()
        run = copy_context().run  # what is logged of an error says which message it is about

        def confirmed(error: EmitUnconfirmed | None) -> None:
            if error is None:
                then(None)
                return
            self._note(error)
            threading.Thread(target=run, args=(then, error), name="shipmate-failed", daemon=True).start()

        self._post.broker.publish_later(publication, confirmed)

    def _note(self, error: EmitUnconfirmed) -> None:
        if error.is_left_to_broker:  # never taken back: others may fail otherwise at the same time
            self.is_left_to_broker = True

    def _refuse_if_left(self, event: Event) -> None:
        if self.is_left_to_broker and event.name != "updateKeys":
            raise EmitUnconfirmed("the process is stopping: the message stays with the broker", is_left_to_broker=True)

    def _emit_data(self, event: Event) -> None:
        publication = self._data(event.value)
        self._post.data.wait()
        self._post.broker.publish(publication)

    def _data(self, emitted: Mapping[str, Any]) -> Publication:
        """Assemble, store large bodies, encode and check the size. Source: contract §6.1."""
        settings = self._settings
        given = emitted.get("headers")
        message_id = emitted.get("id") or new_id()
        message = {**emitted, "id": message_id, "headers": given if isinstance(given, Mapping) else {}}
        if self._post.is_passthrough or settings.is_lightweight or emitted.get("passthrough"):
            message = self._assemble(message)
        message["headers"], key = routed(message["headers"])  # the last step: what is carried along keeps the key
        body = self._post.wire.data_body(message)
        self._check_size(body)
        made = {**self._base, "messageId": message_id, "end": epoch_ms(), "protocolVersion": settings.protocol}
        return Publication(key or self._broker.data_key, body, made)

    def _assemble(self, message: dict[str, Any]) -> dict[str, Any]:
        """Add what is carried along, and move bodies to the object storage or back from there."""
        settings = self._settings
        is_active = self._post.is_passthrough
        entries: dict[str, Any] = {}
        stored: dict[str, str] = {}
        if is_active:
            sender = self.incoming.step_id
            entries = carried(self._message, sender, without_self=settings.no_self_passthrough)
            stored = self._stored
            message = without(message)
        elif isinstance(own := message.get("passthrough"), Mapping):
            entries = dict(own)
        if settings.is_lightweight:
            message = self._post.bodies.store(message, entries, stored, settings.lightweight_threshold_bytes)
        else:
            self._post.bodies.inline(entries)
        if is_active and not settings.no_self_passthrough:
            entries[self._own] = without(message)
        return {**message, "passthrough": entries} if is_active or entries else message

    def _emit_error(self, event: Event) -> None:
        """Publish an error, and a copy for whoever waits for an answer. Source: contract §6.2."""
        post = self._post
        sealed = post.wire.sealed(event.value)
        original = self._delivery.body if self.is_decoded else None
        headers = {**self._base, "messageId": new_id(), "end": epoch_ms()}
        body = post.wire.error_body(sealed, original, self.incoming)
        self._copy_error(sealed, headers)  # whoever waits for it does not wait for the throttle
        post.error.wait()
        post.broker.publish(Publication(self._broker.error_key, body, headers))

    def _copy_error(self, sealed: bytes, headers: Mapping[str, Any]) -> None:
        post, reply_to = self._post, self.incoming.reply_to
        if not reply_to or self._settings.no_error_replies:
            return
        more = {"messageId": new_id(), "x-eio-error-response": True}
        try:
            post.broker.publish(Publication(reply_to, sealed, {**headers, **more}, is_reply=True))
        except EmitUnconfirmed as error:  # who waited for it has gone, and the error itself follows
            if error.is_left_to_broker:
                raise
            _log.warning("the copy of an error was not taken: %s", error)

    def _emit_rebound(self, event: Event) -> None:
        """Send the message back as it came, to be delivered again later. Source: contract §6.3."""
        settings = self._settings
        iteration = self.incoming.rebounds + 1
        if iteration > settings.rebound_limit:
            self.errors += 1
            formatted = format_error({"message": "Rebound limit exceeded"})
            self._emit_error(Event("error", formatted))
            return
        headers = rebound_headers(self._delivery.headers, iteration, event.value, epoch_ms())
        expiration_ms = 2 ** (iteration - 1) * settings.rebound_delay_ms
        self._post.broker.publish(
            Publication(self._broker.rebound_key, self._delivery.body, headers, self._delivery, expiration_ms)
        )

    def _emit_snapshot(self, event: Event) -> None:
        self._post.snapshot.wait()
        self._publish_snapshot(event)
        self._post.state.replace_snapshot(event.value)

    def _emit_snapshot_part(self, event: Event) -> None:
        self._publish_snapshot(event)
        self._post.state.update_snapshot(event.value)

    def _publish_snapshot(self, event: Event) -> None:
        """Publish a snapshot, in clear, or the part of it that changes. Source: contract §6.4."""
        headers = {**self._base, "messageId": new_id(), "snapshotEvent": event.name}
        self._post.broker.publish(Publication(self._broker.snapshot_key, encode(event.value), headers))

    def _emit_keys(self, event: Event) -> None:
        """Save keys at the platform and in this process. Source: contract §6.5, without its DEF-12."""
        self._post.keys.save(event.value, event.account)
        if event.account is None or event.account == self._post.state.config().get("_account"):
            self._post.state.replace_keys(event.value)

    def _emit_reply(self, event: Event) -> None:
        """Answer whoever waits. Source: contract §6.6."""
        reply_to = self.incoming.reply_to
        if not reply_to:
            raise EmitError("Component emitted 'httpReply' event but 'reply_to' was not found in AMQP headers")
        value = dict(event.value)
        given = value.get("headers")
        value["headers"], _ = routed(given) if isinstance(given, Mapping) else ({}, None)
        body = self._post.wire.sealed(value)
        self._check_size(body)
        headers = {**self._base, "messageId": new_id(), "protocolVersion": _REPLY_PROTOCOL}
        self._post.broker.publish(Publication(reply_to, body, headers, is_reply=True))

    def _emit_end(self, event: Event) -> None:
        """Do nothing: the message is settled when the function is done as well."""

    def _check_size(self, body: bytes) -> None:
        limit = self._settings.size_limit_bytes
        if len(body) > limit:
            raise EmitError(f"Outgoing message size {len(body)} exceeds limit of {limit}.")

    @property
    def _settings(self) -> Any:
        return self._post.settings.messages

    @property
    def _broker(self) -> Any:
        return self._post.settings.broker


_DELIVER: Final[Mapping[str, Callable[[DeliverySink, Event], None]]] = {
    "data": DeliverySink._emit_data,
    "error": DeliverySink._emit_error,
    "rebound": DeliverySink._emit_rebound,
    "snapshot": DeliverySink._emit_snapshot,
    "updateSnapshot": DeliverySink._emit_snapshot_part,
    "updateKeys": DeliverySink._emit_keys,
    "httpReply": DeliverySink._emit_reply,
    "end": DeliverySink._emit_end,
}


def start_error(wire: MessageCodec, routing_key: str, formatted: Mapping[str, Any]) -> Publication:
    """Return the error of a process that could not begin to consume. Source: contract §1.5."""
    return Publication(routing_key, wire.error_body(wire.sealed(formatted), None, None), wire.start_headers())
