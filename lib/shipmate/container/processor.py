"""Processes messages: decodes a delivery, calls the component's function, and settles the delivery.

Source: contract §3.3, §3.4.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shipmate import observation
from shipmate.component import Function
from shipmate.container.delivery_sink import DeliverySink, StepResources
from shipmate.container.messages.cipher import Undecodable
from shipmate.container.messages.codec import Incoming
from shipmate.container.messages.lightweight import forget_ids
from shipmate.container.transport import Delivery, Transport
from shipmate.errors import code_of
from shipmate.invocation.events import Event
from shipmate.invocation.executor import Ids, Outcome, process_later
from shipmate.invocation.failure import error_text, format_error
from shipmate.invocation.services import LazyOAuth2, Services
from shipmate.jsonvalue import encode, from_json
from shipmate.logs.log import delivery_fields

_log: Final = logging.getLogger("shipmate.step")
_UNDECODABLE: Final = "undecodable"
"""The code of messages that cannot be decoded."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A component that is ready to process messages."""

    function: Function
    process: Callable[..., Any] = field(repr=False)
    """The ``process`` function of the module."""
    resources: StepResources
    services: Services = field(repr=False)
    sessions: LazyOAuth2 = field(repr=False)
    """The OAuth2 sessions in ``services``; a process that stops waits for their refreshes."""


class Processor:
    """Processes the deliveries of one step, on many threads."""

    def __init__(self, loaded: Loaded, transport: Transport) -> None:
        """Process with a loaded component; ``transport`` takes the events and settles the deliveries."""
        self._function = loaded.function
        self._process = loaded.process
        self._resources = loaded.resources
        self._services = loaded.services
        self._state = loaded.resources.state
        self._transport = transport

    def work(self, delivery: Delivery) -> None:
        """Process one delivery, and settle it now or later."""
        incoming = Incoming.from_metadata(delivery.metadata)
        observing = observation.current.message(delivery.metadata, incoming.thread_id, len(delivery.body))
        with delivery_fields(_log_fields(delivery, incoming)), observing as observed:
            sink = DeliverySink(self._resources, self._transport, delivery, incoming, observed)
            _log.debug("processing a message")
            try:
                self._process_message(delivery, sink)
            except Undecodable as error:
                _log.error("a message could not be decoded: %s", error.reason)
                sink.is_decoded = False
                # Without a traceback, which would show the sender how far the decoding came.
                self._refuse(delivery, sink, {"name": type(error).__name__, "message": str(error)})
            except Exception as error:  # the edge of a delivery: its message is settled, whatever fails
                _log.error("a message could not be processed", exc_info=error)
                self._refuse(delivery, sink, error)

    def _process_message(self, delivery: Delivery, sink: DeliverySink) -> None:
        incoming, resources = sink.incoming, self._resources
        if delivery.unreadable is not None:
            raise Undecodable(delivery.unreadable)
        message = resources.codec.read(delivery.body, delivery.metadata, incoming)
        has_ids = self._function.auto_resolve and resources.bodies.resolve(message)
        if resources.is_passthrough:
            sink.carry(message)
            message = from_json(encode(message))
        if has_ids:
            forget_ids(message)

        def ended(outcome: Outcome) -> None:
            self._end(delivery, sink, is_success=not (outcome.errors or sink.errors))

        process_later(
            self._process,
            message,
            self._state.config(),
            self._state.snapshot(),
            sink=sink,
            services=self._services,
            ids=Ids(incoming.thread_id, incoming.message_id, incoming.parent_message_id),
            on_end=ended,
            observed=sink.observed,
        )

    def _refuse(self, delivery: Delivery, sink: DeliverySink, error: Exception | Mapping[str, Any]) -> None:
        """Publish the error of a message that was not processed, and settle the message as failed."""
        redactor = self._services.redactor
        try:
            formatted = redactor.redact_json(format_error(error))
            observation.current.error(code_of(error) if isinstance(error, Exception) else _UNDECODABLE, formatted)
            sink.deliver(Event("error", formatted))
        except Exception as cause:  # the message has failed already, and is settled all the same
            _log.error("the error of a message could not be published: %s", redactor.redact(error_text(cause)))
        self._end(delivery, sink, is_success=False)

    def _end(self, delivery: Delivery, sink: DeliverySink, *, is_success: bool) -> None:
        if sink.is_left:
            sink.observed.settled("left")
            self._transport.leave(delivery)
            return
        sink.observed.settled("error" if not is_success else "rebound" if sink.is_rebound else "success")
        self._transport.settle(delivery, is_success=is_success)


def _log_fields(delivery: Delivery, incoming: Incoming) -> dict[str, Any]:
    """Return the fields of the runtime's log records about a delivery. Source: contract §13."""
    return {
        "threadId": incoming.thread_id,
        "messageId": incoming.message_id or "unknown",
        "parentMessageId": incoming.parent_message_id or "unknown",
        **delivery.log_fields(),
    }
