"""The settings in the environment, read once and then frozen.

Source: contract §2, §5.4, §8.6, §9, §13; proxy §2.
"""

import logging
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from shipmate.errors import BadSetting, MissingSetting

_log: Final = logging.getLogger("shipmate.step")
_PREFIX: Final = "ELASTICIO_"
_LEADING_NUMBER: Final = re.compile(r"\s*[+-]?(?:[0-9]{1,300}(?:\.[0-9]{0,300})?|\.[0-9]{1,300})")
_LEADING_INTEGER: Final = re.compile(r"\s*([+-]?)(?:0[xX]([0-9a-fA-F]+)|(?!0[xX])([0-9]{1,300}))")
_IV_BYTES: Final = 16
_NO_LIMIT: Final = sys.maxsize
_HTTP_PORTS: Final = {"http": 80, "https": 443}
_DAY_MS: Final = 86_400_000
# Words as lodash splits them: ordinals, runs of digits, runs of capitals up to the last one before a small letter, and
# runs of small letters.
_WORD: Final = re.compile(
    r"(?<!\d)\d*(?:1st|2nd|3rd|(?![123])\dth)(?=\b|[A-Z_])|(?<!\d)\d*(?:1ST|2ND|3RD|(?![123])\dTH)(?=\b|[a-z_])"
    r"|\d+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]+"
)

_ALWAYS_NEEDED: Final = (
    "FLOW_ID", "EXEC_ID", "STEP_ID", "CONTAINER_ID", "WORKSPACE_ID", "USER_ID", "COMP_ID", "FUNCTION",
    "API_URI", "API_USERNAME", "API_KEY",
)  # fmt: skip
TransportName = Literal["amqp", "proxy"]

_ADDRESSES: Final[Mapping[TransportName, str]] = {"amqp": "ELASTICIO_AMQP_URI", "proxy": "ELASTICIO_SAILOR_PROXY_URI"}
"""The variable with the address of each transport's server."""
_NEEDED_FOR_MESSAGES: Final[Mapping[TransportName, tuple[str, ...]]] = {
    "amqp": (
        "AMQP_URI", "LISTEN_MESSAGES_ON", "PUBLISH_MESSAGES_TO", "DATA_ROUTING_KEY", "ERROR_ROUTING_KEY",
        "REBOUND_ROUTING_KEY", "SNAPSHOT_ROUTING_KEY", "MESSAGE_CRYPTO_IV", "MESSAGE_CRYPTO_PASSWORD",
    ),
    "proxy": (
        "SAILOR_PROXY_JWT_SECRET", "SAILOR_PROXY_URI", "MESSAGE_CRYPTO_PASSWORD", "MESSAGE_CRYPTO_IV",
    ),
}  # fmt: skip
_LOGGED: Final = (
    "API_USERNAME", "COMP_ID", "COMP_NAME", "CONTAINER_ID", "CONTRACT_ID", "EXEC_ID", "EXEC_TYPE",
    "EXECUTION_RESULT_ID", "FLOW_ID", "FLOW_VERSION", "FUNCTION", "STEP_ID", "TASK_USER_EMAIL", "TENANT_ID",
    "USER_ID", "WORKSPACE_ID",
)  # fmt: skip


MAX_RESPONSE_BYTES: Final = 67_108_864
MAX_RESPONSE_SECONDS: Final = 600


class Secret(str):
    """A text whose ``repr`` hides it, so that tracebacks, logs and dataclasses do not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return a fixed text instead of the secret."""
        return "'***'"


def text(environ: Mapping[str, str], name: str) -> str:
    """Return the value of a mandatory variable.

    Raises:
        MissingSetting: It is unset or empty.
    """
    require(environ, name)
    return environ[name]


def require(environ: Mapping[str, str], *names: str, reason: str = "") -> None:
    """Check that mandatory variables are set.

    Args:
        environ: The variables.
        names: The names of those that must be set.
        reason: The end of the message, which says what needs them.

    Raises:
        MissingSetting: Some are unset or empty; the text names all of them.
    """
    if missing := [name for name in names if not environ.get(name)]:
        raise missing_settings({**dict.fromkeys(missing, ""), missing[-1]: reason})


def missing_settings(remedies: Mapping[str, str]) -> MissingSetting:
    """Return the error for variables that are not set: one error for all of them.

    Args:
        remedies: The names, each with what to do or what needs it, or with an empty text.

    >>> str(missing_settings({"API_KEY": "", "CLIENT_ID": "set it"}))
    'API_KEY is missing; CLIENT_ID is missing: set it'
    """
    return MissingSetting(
        "; ".join(f"{name} is missing{f': {remedy}' if remedy else ''}" for name, remedy in remedies.items())
    )


def integer(environ: Mapping[str, str], name: str, default: int) -> int:
    """Return a variable as JavaScript's parseInt reads it: leading digits count, other texts give the default.

    >>> [integer({"N": value}, "N", 3) for value in ("12abc", "0", "-4", "0x1F", "abc", "")]
    [12, 0, -4, 31, 3, 3]
    """
    match = _LEADING_INTEGER.match(environ.get(name) or "")
    if match is None:
        return default
    sign, hexadecimal, digits = match.groups()
    value = int(hexadecimal, 16) if hexadecimal else int(digits)
    return -value if sign == "-" else value


def number(environ: Mapping[str, str], name: str, default: float, lowest: float, highest: float) -> float:
    """Return a variable as a decimal number: leading digits count, other texts give the default, also out of bounds.

    >>> [number({"N": value}, "N", 2, 0, 9) for value in ("1.5", "0", ".5x", "-1", "10", "abc", "")]
    [1.5, 0.0, 0.5, 2, 2, 2, 2]
    """
    match = _LEADING_NUMBER.match(environ.get(name) or "")
    if match is None:
        return default
    value = float(match[0])
    return value if lowest <= value <= highest else default


def boolean(environ: Mapping[str, str], name: str, default: bool) -> bool:
    """Return a variable as a truth value: an empty text and ``false`` are false, all others are true.

    >>> [boolean({"B": value}, "B", False) for value in ("", "false", "0", "no", "FALSE", "true")]
    [False, False, True, True, True, True]
    """
    value = environ.get(name)
    return default if value is None else value not in ("", "false")


def bounded(environ: Mapping[str, str], name: str, default: int, lowest: int, highest: int) -> int:
    """Return a variable as a number, or the default if it is out of bounds."""
    value = integer(environ, name, default)
    return value if lowest <= value <= highest else default


@dataclass(frozen=True, slots=True)
class ResponseLimits:
    """The limits of an HTTP answer that is read whole."""

    max_bytes: int = MAX_RESPONSE_BYTES
    """The most decoded bytes of its body."""
    seconds: float = MAX_RESPONSE_SECONDS
    """The time from the request to the last byte."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "ResponseLimits":
        """Read the limits; both have defaults."""
        return cls(
            bounded(environ, "SHIPMATE_MAX_RESPONSE_BYTES", MAX_RESPONSE_BYTES, 1, 1_099_511_627_776),
            bounded(environ, "SHIPMATE_MAX_RESPONSE_SECONDS", MAX_RESPONSE_SECONDS, 1, 86_400),
        )


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Addresses and credentials of the platform's API and object storage, and how often to retry."""

    uri: str
    username: str
    key: Secret
    workspace_id: str = ""
    flow_id: str = ""
    step_id: str = ""
    attempts: int = 3
    delay_ms: int = 100
    storage_uri: str = ""
    storage_token: Secret = field(default_factory=Secret)
    storage_retries: int = 2
    storage_timeout_ms: int = 10_000
    limits: ResponseLimits = field(default_factory=ResponseLimits)
    """For the object storage."""
    has_proxy: bool = False
    """True if requests to ``http://`` addresses may go through a proxy."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "ApiSettings":
        """Read the variables of the API; variables that only some calls need may be missing.

        Raises:
            MissingSetting: The address, the user or the key of the API is missing.
        """
        settings = cls.incomplete(environ)
        settings.require()
        return settings

    @classmethod
    def incomplete(cls, environ: Mapping[str, str]) -> "ApiSettings":
        """Read the variables that are set; `require` finds out which ones a call lacks."""
        return cls(
            uri=environ.get("ELASTICIO_API_URI", "").rstrip("/"),
            username=environ.get("ELASTICIO_API_USERNAME", ""),
            key=Secret(environ.get("ELASTICIO_API_KEY", "")),
            workspace_id=environ.get("ELASTICIO_WORKSPACE_ID", ""),
            flow_id=environ.get("ELASTICIO_FLOW_ID", ""),
            step_id=environ.get("ELASTICIO_STEP_ID", ""),
            attempts=integer(environ, "ELASTICIO_API_REQUEST_RETRY_ATTEMPTS", 3),
            delay_ms=integer(environ, "ELASTICIO_API_REQUEST_RETRY_DELAY", 100),
            storage_uri=environ.get("ELASTICIO_OBJECT_STORAGE_URI", "").rstrip("/"),
            storage_token=Secret(environ.get("ELASTICIO_OBJECT_STORAGE_TOKEN", "")),
            storage_retries=bounded(environ, "REQUEST_MAX_RETRY", 2, 1, 4),
            storage_timeout_ms=bounded(environ, "REQUEST_TIMEOUT", 10_000, 500, 20_000),
            limits=ResponseLimits.from_environ(environ),
            has_proxy=any(name.lower() in ("http_proxy", "all_proxy") for name in environ),
        )

    def require(self, *, needs_workspace: bool = False) -> None:
        """Check that the variables for calls of the API are set.

        Args:
            needs_workspace: Whether the call is about the workspace.

        Raises:
            MissingSetting: Some are missing; the text names all of them.
        """
        values: dict[str, str] = {
            "ELASTICIO_API_URI": self.uri,
            "ELASTICIO_API_USERNAME": self.username,
            "ELASTICIO_API_KEY": self.key,
        }
        if needs_workspace:
            values["ELASTICIO_WORKSPACE_ID"] = self.workspace_id
        require(values, *values, reason="the secret is read from the platform" if needs_workspace else "")

    def require_storage(self) -> None:
        """Check that the variables for calls of the object storage are set.

        Raises:
            MissingSetting: Some are missing; the text names all of them.
        """
        values = {
            "ELASTICIO_OBJECT_STORAGE_URI": self.storage_uri,
            "ELASTICIO_OBJECT_STORAGE_TOKEN": self.storage_token,
        }
        require(values, *values, reason="the object storage is not configured")


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """The ids that every outgoing message carries."""

    flow_id: str
    exec_id: str
    step_id: str
    container_id: str
    workspace_id: str
    user_id: str
    comp_id: str
    function: str


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """The address of the broker, its queue, exchange and routing keys, and how to publish."""

    uri: Secret
    queue: str
    exchange: str
    data_key: str
    error_key: str
    rebound_key: str
    snapshot_key: str
    prefetch: int = 1
    is_persistent: bool = False
    confirms: bool = True
    publish_delay_ms: int = 100
    publish_attempts: int | None = None
    """None for no limit."""
    publish_max_delay_ms: int = 300_000
    reconnect_attempts: int = 3
    """The number of retries after a connection has failed."""
    reconnect_delay_ms: int = 100
    has_error_replies: bool = True
    """True if a caller that waits for a reply gets a copy of an error."""
    rebound_delay_ms: int = 15_000
    """The delay of the first rebound of a message; it doubles with each further one."""
    rebound_limit: int = 20

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "BrokerSettings":
        """Read the variables of AMQP.

        Raises:
            MissingSetting: Mandatory variables are unset or empty; the text names all of them.
        """
        names = _NEEDED_FOR_MESSAGES["amqp"][:7]
        require(environ, *(_PREFIX + name for name in names))
        attempts = integer(environ, _PREFIX + "AMQP_PUBLISH_RETRY_ATTEMPTS", _NO_LIMIT)
        return cls(
            uri=Secret(environ[_PREFIX + "AMQP_URI"]),
            queue=environ[_PREFIX + "LISTEN_MESSAGES_ON"],
            exchange=environ[_PREFIX + "PUBLISH_MESSAGES_TO"],
            data_key=environ[_PREFIX + "DATA_ROUTING_KEY"],
            error_key=environ[_PREFIX + "ERROR_ROUTING_KEY"],
            rebound_key=environ[_PREFIX + "REBOUND_ROUTING_KEY"],
            snapshot_key=environ[_PREFIX + "SNAPSHOT_ROUTING_KEY"],
            prefetch=bounded(environ, _PREFIX + "RABBITMQ_PREFETCH_SAILOR", 1, 1, 65_535),
            is_persistent=boolean(environ, _PREFIX + "AMQP_PERSISTENT_MESSAGES", False),
            confirms=boolean(environ, _PREFIX + "AMQP_PUBLISH_CONFIRM_ENABLED", True),
            publish_delay_ms=integer(environ, _PREFIX + "AMQP_PUBLISH_RETRY_DELAY", 100),
            publish_attempts=None if attempts == _NO_LIMIT else attempts,
            publish_max_delay_ms=integer(environ, _PREFIX + "AMQP_PUBLISH_MAX_RETRY_DELAY", 300_000),
            reconnect_attempts=integer(environ, _PREFIX + "AMQP_RECONNECT_ATTEMPTS", 3),
            reconnect_delay_ms=integer(environ, _PREFIX + "AMQP_RECONNECT_TIMEOUT", 100),
            has_error_replies=not boolean(environ, _PREFIX + "NO_ERROR_REPLIES", False),
            rebound_delay_ms=integer(environ, _PREFIX + "REBOUND_INITIAL_EXPIRATION", 15_000),
            rebound_limit=integer(environ, _PREFIX + "REBOUND_LIMIT", 20),
        )


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """The address of the sailor proxy, the key of the token for it, and how to connect and repeat. Source: proxy §2."""

    uri: str
    """Scheme, host and port, nothing else: ``http://proxy:5001``."""
    jwt_secret: Secret
    prefetch: int = 1
    """The number of messages in work at the same time."""
    reconnect_initial_delay_ms: int = 1_000
    reconnect_max_delay_ms: int = 30_000
    reconnect_multiplier: float = 2
    reconnect_jitter: float = 0.3
    """The largest part of a delay that is added or taken away; 0 for none."""
    reconnect_attempts: int | None = None
    """The number of retries after a connection is lost; None for no limit."""
    request_attempts: int | None = None
    """The number of retries of a POST request, in addition to the first attempt; None for no limit."""
    request_delay_ms: int = 100
    request_max_delay_ms: int = 300_000
    ping_interval_ms: int = 10_000
    username: str = ""
    """The user of the platform's API, for the token."""
    key: Secret = field(default_factory=Secret)
    """The key of this user."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "ProxySettings":
        """Read the variables of the sailor proxy; 0 and fractions are values, PDEF-17 notwithstanding.

        Raises:
            MissingSetting: The secret or the address is unset or empty; the text names all that are missing.
            BadSetting: The address is not one of an HTTP server.
        """
        require(environ, *(_PREFIX + name for name in _NEEDED_FOR_MESSAGES["proxy"][:2]))
        reconnects = bounded(environ, _PREFIX + "PROXY_RECONNECT_MAX_RETRIES", _NO_LIMIT, 0, _NO_LIMIT)
        retries = bounded(environ, _PREFIX + "PROXY_OBJECT_REQUEST_RETRY_ATTEMPTS", _NO_LIMIT, 0, _NO_LIMIT)
        return cls(
            uri=_proxy_uri(environ),
            jwt_secret=Secret(environ[_PREFIX + "SAILOR_PROXY_JWT_SECRET"]),
            prefetch=bounded(environ, _PREFIX + "PROXY_PREFETCH_SAILOR", 1, 1, 65_535),
            reconnect_initial_delay_ms=bounded(environ, _PREFIX + "PROXY_RECONNECT_INITIAL_DELAY", 1_000, 0, _DAY_MS),
            reconnect_max_delay_ms=bounded(environ, _PREFIX + "PROXY_RECONNECT_MAX_DELAY", 30_000, 0, _DAY_MS),
            reconnect_multiplier=number(environ, _PREFIX + "PROXY_RECONNECT_BACKOFF_MULTIPLIER", 2, 0, 100),
            reconnect_jitter=number(environ, _PREFIX + "PROXY_RECONNECT_JITTER_FACTOR", 0.3, 0, 1),
            reconnect_attempts=None if reconnects == _NO_LIMIT else reconnects,
            request_attempts=None if retries == _NO_LIMIT else retries,
            request_delay_ms=bounded(environ, _PREFIX + "PROXY_OBJECT_REQUEST_RETRY_DELAY", 100, 0, _DAY_MS),
            request_max_delay_ms=bounded(
                environ, _PREFIX + "PROXY_OBJECT_REQUEST_MAX_RETRY_DELAY", 300_000, 0, _DAY_MS
            ),
            ping_interval_ms=bounded(environ, _PREFIX + "PROXY_PING_INTERVAL_MS", 10_000, 1, _DAY_MS),
            username=environ.get(_PREFIX + "API_USERNAME", ""),
            key=Secret(environ.get(_PREFIX + "API_KEY", "")),
        )


@dataclass(frozen=True, slots=True)
class RateSettings:
    """The number of events of each kind that may start in one interval; 0 or less for no limit."""

    data: int = 10
    error: int = 2
    snapshot: int = 2
    interval_ms: int = 100


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """Encoding, size and passthrough of messages."""

    password: Secret
    iv: Secret
    protocol: int = 1
    """The encoding of data events."""
    size_limit_bytes: int = 10_485_760
    """The limit of an encoded body."""
    is_error_input: bool = False
    """True if the step receives the errors of other steps."""
    no_self_passthrough: bool = False
    is_lightweight: bool = False
    """True if large bodies are stored in the object storage."""
    lightweight_threshold_bytes: int = 1_048_576
    """The size of plain JSON above which bodies are large."""
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    """The headers that additional variables make, for every event. Source: contract §5.4, proxy §2.5."""


@dataclass(frozen=True, slots=True)
class OperationsSettings:
    """How a step is watched; by default it is not, unless an SDK for traces was started before the program."""

    port: int | None = None
    """The port of ``/live``, ``/ready`` and ``/metrics``, None for no port."""
    host: str = "127.0.0.1"
    """The address on which the port is opened."""
    needs_metrics: bool | None = None
    """True: no start without metrics; False: no metrics; None: metrics if the extra is installed."""
    needs_traces: bool | None = None
    """True: no start without traces; False: no traces; None: traces if an SDK runs already."""
    stuck_seconds: int | None = None
    """How long a function may run without emitting anything before ``/live`` fails, None for any time."""
    health_file: str | None = None
    has_access_log: bool = False
    """True if each message is logged."""

    @property
    def has_health(self) -> bool:
        """Whether the health of the step can be asked."""
        return self.port is not None or self.health_file is not None

    @property
    def is_asked_for(self) -> bool:
        """Whether the step is watched at all."""
        return self.has_health or self.has_access_log

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "OperationsSettings":
        """Read the variables; unlike the platform's, a wrong one is an error.

        Raises:
            BadSetting: A value is wrong, or metrics are asked for without a port.
        """
        port = _strict(environ, "SHIPMATE_HTTP_PORT", "a port from 1 to 65535", 1, 65_535)
        metrics = _truth(environ, "SHIPMATE_METRICS")
        if metrics and port is None:
            raise BadSetting("SHIPMATE_METRICS is true without a port for /metrics: set SHIPMATE_HTTP_PORT as well")
        return cls(
            port=port,
            host=environ.get("SHIPMATE_HTTP_HOST") or "127.0.0.1",
            needs_metrics=metrics,
            needs_traces=_truth(environ, "SHIPMATE_TRACES"),
            stuck_seconds=_strict(environ, "SHIPMATE_STUCK_SECONDS", "whole seconds from 1 to 604800", 1, 604_800),
            health_file=environ.get("SHIPMATE_HEALTH_FILE") or None,
            has_access_log=bool(_truth(environ, "SHIPMATE_ACCESS_LOG")),
        )


def _truth(environ: Mapping[str, str], name: str) -> bool | None:
    """Return a variable as a truth value, None if it is unset or empty.

    Raises:
        BadSetting: It is neither ``true`` nor ``false``.
    """
    value = environ.get(name)
    if value and value not in ("true", "false"):
        raise BadSetting(f"{name}: expected true or false, found {value!r}")
    return value == "true" if value else None


def _strict(environ: Mapping[str, str], name: str, expected: str, lowest: int, highest: int) -> int | None:
    """Return a variable as a number, None if it is unset or empty.

    Raises:
        BadSetting: It is no number within the bounds.
    """
    value = environ.get(name)
    if not value:
        return None
    number = int(value) if value.isascii() and value.isdecimal() and len(value) <= 9 else -1
    if not lowest <= number <= highest:
        raise BadSetting(f"{name}: expected {expected}, found {value!r}")
    return number


@dataclass(frozen=True, slots=True)
class StepSettings:
    """The settings of a container that processes messages.

    The variables of the API are checked here as well, although `ApiSettings` reads them.
    """

    flow: FlowSettings
    broker: BrokerSettings | None
    """None if the transport is not AMQP."""
    proxy: ProxySettings | None
    """None if the transport is not the sailor proxy."""
    messages: MessageSettings
    rates: RateSettings
    is_startup: bool = False
    """True if the startup hook must run."""
    operations: OperationsSettings = field(default_factory=OperationsSettings)
    stop_seconds: int = 10
    """How long failed publications are tried again after a signal to stop."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "StepSettings":
        """Read every variable that the platform sets for a step; those of the other transport are not read.

        Raises:
            MissingSetting: Variables are unset or empty; the text names them in the order of contract §2, proxy §2.
            BadSetting: The choice of the transport, the address of the proxy, or the length of the initialization
                vector is wrong.
        """
        transport = transport_of(environ)
        names = (*_ALWAYS_NEEDED, *_NEEDED_FOR_MESSAGES[transport])
        if missing := [each for name in names if not environ.get(each := _PREFIX + name)]:
            address = _ADDRESSES[transport]
            remedies = {address: _remedy(environ, transport)} if address in missing else {}
            raise missing_settings({**dict.fromkeys(missing, ""), **remedies})
        return cls(
            flow=_flow(environ),
            broker=BrokerSettings.from_environ(environ) if transport == "amqp" else None,
            proxy=ProxySettings.from_environ(environ) if transport == "proxy" else None,
            messages=_messages(environ, transport),
            rates=_rates(environ),
            is_startup=boolean(environ, _PREFIX + "STARTUP_REQUIRED", False),
            operations=OperationsSettings.from_environ(environ),
            stop_seconds=bounded(environ, "SHIPMATE_STOP_SECONDS", 10, 0, 86_400),
        )


@dataclass(frozen=True, slots=True)
class ShutdownSettings:
    """The settings of a container that runs the shutdown hook: it needs neither a transport nor messages."""

    flow: FlowSettings

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "ShutdownSettings":
        """Read every variable that the platform sets for the shutdown hook.

        Raises:
            MissingSetting: Variables are unset or empty; the text names them in the order of contract §2.
        """
        require(environ, *(_PREFIX + name for name in _ALWAYS_NEEDED))
        return cls(_flow(environ))


def transport_of(environ: Mapping[str, str]) -> TransportName:
    """Return the transport of a container.

    ``SHIPMATE_TRANSPORT`` decides, then the address of the broker, then that of the proxy. Without any of them, a
    container with the secret for the proxy lacks the address of the proxy. Source: proxy §17, Q1.

    Raises:
        BadSetting: ``SHIPMATE_TRANSPORT`` is neither ``amqp`` nor ``proxy``.

    >>> transport_of({"ELASTICIO_SAILOR_PROXY_URI": "http://proxy:5001"})
    'proxy'
    """
    match environ.get("SHIPMATE_TRANSPORT") or None:
        case "amqp" | "proxy" as transport:
            return transport
        case None:
            signs = ("ELASTICIO_SAILOR_PROXY_URI", "ELASTICIO_SAILOR_PROXY_JWT_SECRET")
            is_proxy = not environ.get("ELASTICIO_AMQP_URI") and any(environ.get(name) for name in signs)
            return "proxy" if is_proxy else "amqp"
        case other:
            raise BadSetting(f"SHIPMATE_TRANSPORT: expected amqp or proxy, found {other!r}")


def is_shutdown(environ: Mapping[str, str]) -> bool:
    """Tell whether the container is to run the shutdown hook instead of processing messages."""
    return boolean(environ, _PREFIX + "HOOK_SHUTDOWN", False)


def log_fields(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of every log record: the platform's variables that are set, and the flow's id as ``tag``."""
    fields = {_PREFIX + name: environ[_PREFIX + name] for name in _LOGGED if _PREFIX + name in environ}
    flow_id = environ.get(_PREFIX + "FLOW_ID")
    return fields if flow_id is None else {**fields, "tag": flow_id}


def camel_case(name: str) -> str:
    """Return the name of the AMQP header for a variable. Source: contract §5.4.

    >>> [camel_case(name) for name in ("FIRST_ONE", "A1_B2", "FOO_1BAR", "V2_API", "foo-bar", "XMLHttp")]
    ['firstOne', 'a1B2', 'foo1Bar', 'v2Api', 'fooBar', 'xmlHttp']
    """
    words = _words(name)
    return "".join([*words[:1], *(word.capitalize() for word in words[1:])])


def snake_case(name: str) -> str:
    """Return the name of the proxy's metadata field for a variable. Source: proxy §2.5.

    >>> [snake_case(name) for name in ("FIRST_ONE", "A1_B2", "V2_API", "foo-bar", "XMLHttp", "MY__VAR")]
    ['first_one', 'a_1_b_2', 'v_2_api', 'foo_bar', 'xml_http', 'my_var']
    """
    return "_".join(_words(name))


def _words(name: str) -> list[str]:
    return [word[0].lower() for word in _WORD.finditer(name)]


def _flow(environ: Mapping[str, str]) -> FlowSettings:
    names = ("FLOW_ID", "EXEC_ID", "STEP_ID", "CONTAINER_ID", "WORKSPACE_ID", "USER_ID", "COMP_ID", "FUNCTION")
    return FlowSettings(*(environ[_PREFIX + name] for name in names))


def _remedy(environ: Mapping[str, str], transport: TransportName) -> str:
    """Return what to do about the missing address of a transport's server."""
    if environ.get("SHIPMATE_TRANSPORT"):
        return f"SHIPMATE_TRANSPORT is {transport}"
    other = _ADDRESSES["proxy" if transport == "amqp" else "amqp"]
    return f"set it, or {other} for the other transport"


def _proxy_uri(environ: Mapping[str, str]) -> str:
    """Return the scheme, the host and the port of the sailor proxy; the platform's own client ignores a path as well.

    Raises:
        BadSetting: The text is not such an address; it is not quoted, since it may have a password.
    """
    name = _ADDRESSES["proxy"]
    expected = f"{name}: expected http://host:port"
    text = environ[name]
    if re.search(r"[\s\\\x00-\x1f\x7f]", text):
        raise BadSetting(f"{expected}, found white space, a backslash or a control character")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadSetting(f"{expected}, found a host or a port that does not exist; ports are 1 to 65535") from None
    if parts.scheme in ("amqp", "amqps"):
        raise BadSetting(f"{expected}, found {parts.scheme}://; a broker's address belongs in {_ADDRESSES['amqp']}")
    if parts.scheme not in _HTTP_PORTS or not host:
        raise BadSetting(f"{expected}, found {'no host' if parts.scheme in _HTTP_PORTS else 'another scheme or none'}")
    if "@" in parts.netloc:
        raise BadSetting(f"{expected}, found a user or a password; the container signs in with a token")
    if port == 0:
        raise BadSetting(f"{expected}, found port 0; ports are 1 to 65535")
    if parts.path.strip("/") or parts.query or parts.fragment:
        _log.warning("%s: only scheme, host and port count; the rest is ignored", name)
    literal = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{literal}:{_HTTP_PORTS[parts.scheme] if port is None else port}"


def _messages(environ: Mapping[str, str], transport: TransportName) -> MessageSettings:
    iv = environ[_PREFIX + "MESSAGE_CRYPTO_IV"]
    if (length := len(iv.encode("utf-8", "surrogateescape"))) != _IV_BYTES:
        raise BadSetting(f"{_PREFIX}MESSAGE_CRYPTO_IV: expected a text of {_IV_BYTES} bytes, found {length}")
    return MessageSettings(
        password=Secret(environ[_PREFIX + "MESSAGE_CRYPTO_PASSWORD"]),
        iv=Secret(iv),
        protocol=integer(environ, _PREFIX + "PROTOCOL_VERSION", 1),
        size_limit_bytes=integer(environ, _PREFIX + "OUTGOING_MESSAGE_SIZE_LIMIT", 10_485_760),
        is_error_input=environ.get(_PREFIX + "INPUT_FORMAT", "").lower() == "error",
        no_self_passthrough=boolean(environ, _PREFIX + "NO_SELF_PASSTRHOUGH", False),
        is_lightweight=boolean(environ, _PREFIX + "EMIT_LIGHTWEIGHT_MESSAGE", False),
        lightweight_threshold_bytes=integer(environ, _PREFIX + "OBJECT_STORAGE_SIZE_THRESHOLD", 1_048_576),
        extra_headers=_extra_headers(environ, camel_case if transport == "amqp" else snake_case),
    )


def _rates(environ: Mapping[str, str]) -> RateSettings:
    return RateSettings(
        data=integer(environ, _PREFIX + "DATA_RATE_LIMIT", 10),
        error=integer(environ, _PREFIX + "ERROR_RATE_LIMIT", 2),
        snapshot=integer(environ, _PREFIX + "SNAPSHOT_RATE_LIMIT", 2),
        interval_ms=integer(environ, _PREFIX + "RATE_INTERVAL", 100),
    )


def _extra_headers(environ: Mapping[str, str], header: Callable[[str], str]) -> dict[str, str]:
    names = [name.strip() for name in environ.get(_PREFIX + "ADDITIONAL_VARS_FOR_HEADERS", "").split(",")]
    return {header(name.removeprefix(_PREFIX)): environ[name] for name in names if name and name in environ}
