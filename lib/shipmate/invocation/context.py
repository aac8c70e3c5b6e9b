"""What an author's function sees of the runtime."""

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from shipmate.logs.log import MessageLogger, message_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable

LOGGER: Final = "component"
"""The parent of every ``context.logger``. Source: contract §13."""


class Context:
    """The first argument of an author's functions: emits events, logs, opens sessions.

    It holds functions that reach the installation's services, and none of their settings or secrets.
    """

    __slots__ = ("_api", "_attachments", "_emit", "_flow_variables", "_log_fields", "_logger", "_open_session")

    def __init__(
        self,
        emit: "Callable[[str, Any], Awaitable[None] | None]",
        *,
        log_fields: Mapping[str, str | None],
        open_session: Callable[[Any, Mapping[str, Any]], Any],
        api: Callable[[], Any],
        attachments: Callable[[], Any],
        flow_variables: Mapping[str, str],
    ) -> None:
        """Offer what the run mode provides; nothing is opened before it is asked for.

        Args:
            emit: Hands an event over.
            log_fields: ``thread_id``, ``message_id`` and ``parent_message_id`` for the log.
            open_session: Opens an OAuth2 session for options or a provider, and ``cfg``.
            api: Returns the client of the platform's API.
            attachments: Returns the object stores.
            flow_variables: The flow's variables.
        """
        self._emit = emit
        self._log_fields = log_fields
        self._open_session = open_session
        self._api = api
        self._attachments = attachments
        self._flow_variables = flow_variables
        self._logger: MessageLogger | None = None

    def emit(self, event: str, value: Any = None) -> Any:
        """Emit an event; return when it is safe, or, in an ``async`` function, something to await.

        Args:
            event: ``data``, ``error``, ``rebound``, ``snapshot``, ``updateSnapshot``, ``updateKeys``, ``httpReply``
                or ``end``.
            value: What is emitted; it is copied before this returns.

        Raises:
            UnknownEvent: There is no such event, or not in this kind of call.
            InvalidMessage: The value is not what this event needs.
            MessageEnded: The message is at its end.
            EmitError: The event could not be handed over.
        """
        return self._emit(event, value)

    @property
    def logger(self) -> logging.Logger:
        """A standard logger, also with ``trace``, whose records carry the ids of the message."""
        if self._logger is None:
            self._logger = message_logger(LOGGER, **self._log_fields)
        return self._logger

    def oauth2(self, cfg: Mapping[str, Any], **options: Any) -> Any:
        """Return an HTTP session, like one of requests, that keeps the token in ``cfg`` alive.

        Args:
            cfg: The configuration that the function was given.
            options: What differs from ``credentials.oauth2`` in ``component.json``.
        """
        return self._open_session(options, cfg)

    @property
    def flow_variables(self) -> Mapping[str, str]:
        """The variables of the flow, read-only."""
        return MappingProxyType(dict(self._flow_variables))

    @property
    def api(self) -> Any:
        """The client of the platform's API."""
        return self._api()

    @property
    def attachments(self) -> Any:
        """Files that messages refer to: ``upload(name, content)`` and ``open(url)``."""
        return self._attachments()

    def __repr__(self) -> str:
        """Tell what it is and nothing of what it holds."""
        return "<shipmate context>"
