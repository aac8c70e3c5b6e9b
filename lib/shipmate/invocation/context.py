"""The first argument of an author's function."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, Unpack, overload

from shipmate.logs.log import MessageLogger, message_logger

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from shipmate.invocation.message import HttpReply, Message
    from shipmate.oauth2.options import OAuth2Options
    from shipmate.oauth2.session import OAuth2Session
    from shipmate.platform.attachments import Attachments
    from shipmate.platform.client import PlatformClient
    from shipmate.session.plan import SessionOptions
    from shipmate.session.session import Session

LOGGER: Final = "component"
"""The parent of every ``context.logger``. Source: contract §13."""

_Emitted_co = TypeVar("_Emitted_co", covariant=True)


class _Context(Generic[_Emitted_co]):
    """Emits events, logs, opens sessions; ``emit`` returns what the kind of context says.

    A context holds functions that reach the installation's services, and none of their settings or secrets.
    """

    __slots__ = (
        "_api", "_attachments", "_emit", "_flow_variables", "_log_fields", "_logger", "_open_oauth2", "_open_session",
    )  # fmt: skip

    def __init__(
        self,
        emit: Callable[[str, Any], Awaitable[None] | None],
        *,
        log_fields: Mapping[str, str | None],
        open_oauth2: "Callable[[OAuth2Options, Mapping[str, Any]], OAuth2Session]",
        open_session: "Callable[[SessionOptions, Mapping[str, Any]], Session]",
        api: "Callable[[], PlatformClient]",
        attachments: "Callable[[], Attachments]",
        flow_variables: Mapping[str, str],
    ) -> None:
        """Store the services of the run mode; a service starts when the function first uses it.

        Args:
            emit: Hands an event to the call.
            log_fields: ``thread_id``, ``message_id`` and ``parent_message_id`` for the log.
            open_oauth2: Opens an OAuth2 session for options and ``cfg``.
            open_session: Opens a session for options and an account of any kind.
            api: Returns the client of the platform's API.
            attachments: Returns the attachment storage.
            flow_variables: The variables of the flow.
        """
        self._emit = emit
        self._log_fields = log_fields
        self._open_oauth2 = open_oauth2
        self._open_session = open_session
        self._api = api
        self._attachments = attachments
        self._flow_variables = flow_variables
        self._logger: MessageLogger | None = None

    @overload
    def emit(self, event: Literal["data"], value: "Message") -> _Emitted_co: ...
    @overload
    def emit(self, event: Literal["error"], value: BaseException | str | Mapping[str, Any]) -> _Emitted_co: ...
    @overload
    def emit(self, event: Literal["rebound"], value: BaseException | str) -> _Emitted_co: ...
    @overload
    def emit(
        self, event: Literal["snapshot", "updateSnapshot", "updateKeys"], value: Mapping[str, Any]
    ) -> _Emitted_co: ...
    @overload
    def emit(self, event: Literal["httpReply"], value: "HttpReply") -> _Emitted_co: ...
    @overload
    def emit(self, event: Literal["end"]) -> _Emitted_co: ...
    def emit(self, event: str, value: Any = None) -> Any:
        """Emit an event; return when it is safe, or, in an ``async`` function, return an awaitable.

        Args:
            event: ``data``, ``error``, ``rebound``, ``snapshot``, ``updateSnapshot``, ``updateKeys``, ``httpReply``
                or ``end``.
            value: The message, error, reason, snapshot, keys or reply; it is copied before this method returns.

        Raises:
            UnknownEvent: The event does not exist, or is not available in this kind of call.
            InvalidMessage: The value does not fit the event.
            MessageEnded: The call is over, or has emitted ``end``.
            EmitError: The event could not be delivered.
        """
        return self._emit(event, value)

    @property
    def logger(self) -> MessageLogger:
        """A standard logger, with ``trace`` in addition, whose records carry the ids of the message."""
        if self._logger is None:
            self._logger = message_logger(LOGGER, **self._log_fields)
        return self._logger

    def oauth2(self, cfg: Mapping[str, Any], **options: "Unpack[OAuth2Options]") -> "OAuth2Session":
        """Return an HTTP session, like one of requests, that keeps the token in ``cfg`` alive.

        Args:
            cfg: The configuration that the function received.
            options: Overrides of ``credentials.oauth2`` in ``component.json``; `shipmate.OAuth2` lists them.

        Raises:
            InvalidOption: An option does not exist or has an invalid value.
            CredentialsInvalid: ``cfg`` has both a ``secretId`` and keys of its own.
        """
        return self._open_oauth2(options, cfg)

    def session(self, cfg: Mapping[str, Any], **options: "Unpack[SessionOptions]") -> "Session":
        """Return an HTTP session, like one of requests, for the account in ``cfg`` of whatever kind it is.

        The fields of ``component.json`` or the type of the platform's secret say how the account proves itself: OAuth2,
        user and password, a key in a header or the query, a bearer token, or not at all. Requests that fail for a
        moment are sent again.

        Args:
            cfg: The configuration that the function received.
            options: ``auth``: the kind, or several of which exactly one is filled in. ``header``, ``query``, ``basic``:
                the place of a key, as ``"X-Key: {apiKey}"``, ``"key={apiKey}"``, ``"{user}:{password}"``. ``policy``:
                a `shipmate.Policy`. Further ones are those of `shipmate.OAuth2`.

        Raises:
            InvalidOption: An option does not exist or has an invalid value, or the place of a key is unknown.
            CredentialsInvalid: A credential field is missing, or more than one way is filled in.
        """
        return self._open_session(options, cfg)

    @property
    def flow_variables(self) -> Mapping[str, str]:
        """The variables of the flow, read-only."""
        return MappingProxyType(dict(self._flow_variables))

    @property
    def api(self) -> "PlatformClient":
        """The client of the platform's API: ``context.api.get("/v2/workspaces").json()``.

        Raises:
            MissingSetting: The process has no address or credentials of the API.
        """
        return self._api()

    @property
    def attachments(self) -> "Attachments":
        """The attachment storage: ``upload(name, content)`` stores a file, ``open(url)`` reads one."""
        return self._attachments()

    def __repr__(self) -> str:
        """Name the type and none of its contents."""
        return "<shipmate context>"


class Context(_Context[None]):
    """The first argument of a plain function or a generator: ``context.emit("data", message({"id": 7}))``.

    A helper that both kinds of functions call takes a ``Context | AsyncContext``.
    """

    __slots__ = ()


if TYPE_CHECKING:

    class AsyncContext(_Context[Coroutine[Any, Any, None]]):
        """The first argument of an ``async`` function: ``await context.emit("data", message({"id": 7}))``."""

else:
    # A type for checkers only: they find an emit that is not awaited, since its coroutine is unused.
    AsyncContext = Context
