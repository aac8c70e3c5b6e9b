"""Publishes the events of one message, and stores large bodies and new keys.

Source: contract §5.3, §6, §8.
"""

import threading
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, Final

from shipmate import observation
from shipmate.container.messages.codec import Incoming, MessageCodec, epoch_ms, new_id, split_routing_key
from shipmate.container.messages.lightweight import BodyStore
from shipmate.container.messages.passthrough import carried, without
from shipmate.container.state import StepState
from shipmate.container.transport import Delivery, Publication, ReboundLimitReached, Transport
from shipmate.errors import EmitUnconfirmed
from shipmate.invocation.events import Event
from shipmate.invocation.failure import format_error
from shipmate.invocation.sink import PLATFORM, Rules, Sink
from shipmate.jsonvalue import encode
from shipmate.oauth2.storage.platform import PlatformTokenStore
from shipmate.settings import MessageSettings

_REPLY_PROTOCOL: Final = 1
_CUSTOM_PROTOCOL: Final = 2
# All headers of a message must fit into one frame, which has 131072 bytes at most brokers.
_LONGEST_REASON: Final = 10_000
_REBOUND_LIMIT: Final = "Rebound limit exceeded"


@dataclass(frozen=True, slots=True)
class StepResources:
    """The resources that the sinks of all messages share."""

    step_id: str
    settings: MessageSettings
    codec: MessageCodec = field(repr=False)
    bodies: BodyStore = field(repr=False)
    keys: PlatformTokenStore = field(repr=False)
    state: StepState = field(repr=False)
    is_passthrough: bool = False
    """True if emitted messages carry the messages of earlier steps."""
    rules: Rules = PLATFORM


class DeliverySink(Sink):
    """The sink for the events of one delivery."""

    __slots__ = (
        "_base", "_delivery", "_message", "_resources", "_settings", "_stored", "_transport", "errors", "incoming",
        "is_decoded", "is_left", "is_rebound", "observed", "rules",
    )  # fmt: skip

    def __init__(
        self,
        resources: StepResources,
        transport: Transport,
        delivery: Delivery,
        incoming: Incoming,
        observed: observation.Message = observation.UNOBSERVED,
    ) -> None:
        """Start with a delivery, its metadata and its observer; the message is not decoded yet."""
        self._resources = resources
        self.rules = resources.rules
        self._settings = resources.settings
        self._transport = transport
        self._delivery = delivery
        self.incoming = incoming
        self.observed = observed
        self._base = observed.headers(resources.codec.base_metadata(incoming, epoch_ms()))
        self._message: Mapping[str, Any] = {}
        self._stored: dict[str, str] = {}
        self.is_decoded = True
        """Whether the message could be decoded: only then errors contain it, and its sender gets a copy of them."""
        self.is_left = False
        """True if the process stops before all events are confirmed, or while the function waits for the refresh of
        another container; the message then stays unsettled."""
        self.is_rebound = False
        """True if the message was sent back, to be delivered again later."""
        self.errors = 0
        """Number of errors that `shipmate.invocation.emission.Call` does not count."""

    def carry(self, message: Mapping[str, Any]) -> None:
        """Use a message for the passthrough of emitted messages."""
        self._message = message

    def deliver(self, event: Event) -> None:
        """Take one event, and return when it is safe.

        Raises:
            InvalidMessage: The value is not JSON.
            EmitError: The event could not be published or saved.
        """
        self._refuse_if_left(event)
        self.observed.function_waits()
        try:
            _DELIVER[event.name](self, event)
        except EmitUnconfirmed as error:
            self._note(error)
            raise
        finally:
            self.observed.function_continues()

    def deliver_later(self, event: Event, then: Callable[[BaseException | None], None]) -> None:
        """Take one data event, and call ``then`` when it is safe, or with its error on a thread that may wait.

        Raises:
            InvalidMessage: The value is not JSON.
            EmitError: The event could not be published; ``then`` is not called.
        """
        self._refuse_if_left(event)
        run = copy_context().run  # for the log records of the error

        def confirmed(error: EmitUnconfirmed | None) -> None:
            if error is None:
                self.observed.emitted("data")
                then(None)
                return
            self._note(error)
            threading.Thread(target=run, args=(then, error), name="shipmate-failed", daemon=True).start()

        self._transport.publish_later(self._data(event.value), confirmed)

    def leave(self) -> None:
        """Leave the message unsettled, and publish nothing more of it."""
        self.is_left = True

    def _note(self, error: EmitUnconfirmed) -> None:
        if error.is_left_to_broker:  # never set back to False by another event that fails at the same time
            self.is_left = True

    def _refuse_if_left(self, event: Event) -> None:
        if self.is_left and event.name != "updateKeys":
            raise EmitUnconfirmed("the process is stopping: the message stays with the broker", is_left_to_broker=True)

    def _publish(self, publication: Publication) -> None:
        self._transport.publish(publication)
        self.observed.emitted(publication.event)

    def _emit_data(self, event: Event) -> None:
        self._publish(self._data(event.value))

    def _data(self, emitted: Mapping[str, Any]) -> Publication:
        """Assemble the message, store large bodies, and encode it. Source: contract §6.1."""
        settings, resources = self._settings, self._resources
        headers = emitted.get("headers")
        message_id = emitted.get("id") or new_id()
        message = {**emitted, "id": message_id, "headers": headers if isinstance(headers, Mapping) else {}}
        if resources.is_passthrough or settings.is_lightweight or emitted.get("passthrough"):
            message = self._assemble(message)
        # The last step, since the entry of the passthrough keeps the key.
        message["headers"], routing_key = split_routing_key(message["headers"])
        body = resources.codec.data_body(message)
        metadata = {**self._base, "messageId": message_id, "end": epoch_ms(), "protocolVersion": settings.protocol}
        return Publication("data", metadata, body, self._delivery, routing_key)

    def _assemble(self, message: dict[str, Any]) -> dict[str, Any]:
        """Add the passthrough, and move bodies to the object storage or back from there."""
        settings, resources = self._settings, self._resources
        is_active = resources.is_passthrough
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
            message = resources.bodies.store(message, entries, stored, settings.lightweight_threshold_bytes)
        else:
            resources.bodies.inline(entries)
        if is_active and not settings.no_self_passthrough:
            entries[resources.step_id] = without(message)
        return {**message, "passthrough": entries} if is_active or entries else message

    def _emit_error(self, event: Event) -> None:
        """Publish an error, with the input that it is about. Source: contract §6.2."""
        codec = self._resources.codec
        bare_error = codec.encrypted_json(event.value)
        original = self._delivery.body if self.is_decoded else None
        metadata = {**self._base, "messageId": new_id(), "end": epoch_ms()}
        body = codec.error_body(bare_error, original, self.incoming)
        limit = self._transport.error_limit_bytes
        if limit is not None and len(body) > limit:
            body = codec.short_error_body(event.value, limit)
        self._publish(
            Publication("error", metadata, body, self._delivery, bare_error=bare_error if self.is_decoded else None)
        )

    def _emit_rebound(self, event: Event) -> None:
        """Send the message back, to be delivered again later. Source: contract §6.3."""
        metadata = {
            **self._base,
            "messageId": new_id(),
            "end": epoch_ms(),
            "reboundReason": event.value[:_LONGEST_REASON],
        }
        try:
            self._publish(Publication("rebound", metadata, b"", self._delivery))
            self.is_rebound = True
            return
        except ReboundLimitReached:
            self.errors += 1
        formatted = format_error({"message": _REBOUND_LIMIT})
        observation.current.error("rebound_limit", formatted)
        self._emit_error(Event("error", formatted))

    def _emit_snapshot(self, event: Event) -> None:
        self._publish_snapshot(event)
        self._resources.state.replace_snapshot(event.value)

    def _emit_snapshot_part(self, event: Event) -> None:
        self._publish_snapshot(event)
        self._resources.state.update_snapshot(event.value)

    def _publish_snapshot(self, event: Event) -> None:
        """Publish a snapshot, or the part of it that changes, without encryption. Source: contract §6.4."""
        metadata = {**self._base, "messageId": new_id(), "snapshotEvent": event.name}
        self._publish(Publication(event.name, metadata, encode(event.value), self._delivery))

    def _emit_keys(self, event: Event) -> None:
        """Save keys at the platform and in this process. Source: contract §6.5, without its DEF-12."""
        resources = self._resources
        resources.keys.save(event.value, event.account)
        resources.state.save_keys(event.value, event.account)
        self.observed.emitted("updateKeys")

    def _emit_reply(self, event: Event) -> None:
        """Answer the caller who waits for a reply. Source: contract §6.6."""
        value = dict(event.value)
        headers = value.get("headers")
        value["headers"], routing_key = split_routing_key(headers) if isinstance(headers, Mapping) else ({}, None)
        body = self._resources.codec.encrypted_json(value)
        metadata = {**self._base, "messageId": new_id(), "protocolVersion": _REPLY_PROTOCOL}
        self._publish(Publication("httpReply", metadata, body, self._delivery, routing_key))

    def _emit_end(self, event: Event) -> None:
        """Do nothing: the message is settled when the function returns."""

    def _emit_custom(self, event: Event) -> None:
        """Publish a value under a type of the author's own, which the platform must know. Source: proxy §7.1."""
        value = event.value
        protocol = value.get("protocolVersion", _CUSTOM_PROTOCOL)
        body = self._resources.codec.encrypted(value.get("payload"), protocol)
        metadata = {**self._base, "messageId": new_id(), "protocolVersion": protocol}
        self._publish(Publication(value["type"], metadata, body, self._delivery))


_DELIVER: Final[Mapping[str, Callable[[DeliverySink, Event], None]]] = {
    "data": DeliverySink._emit_data,
    "error": DeliverySink._emit_error,
    "rebound": DeliverySink._emit_rebound,
    "snapshot": DeliverySink._emit_snapshot,
    "updateSnapshot": DeliverySink._emit_snapshot_part,
    "updateKeys": DeliverySink._emit_keys,
    "httpReply": DeliverySink._emit_reply,
    "customType": DeliverySink._emit_custom,
    "end": DeliverySink._emit_end,
}


def start_error(codec: MessageCodec, formatted: Mapping[str, Any]) -> Publication:
    """Return the error of a process that could not start. Source: contract §1.5."""
    body = codec.error_body(codec.encrypted_json(formatted), None, None)
    return Publication("error", codec.start_metadata(), body, None)
