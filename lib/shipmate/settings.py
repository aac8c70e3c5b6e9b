"""What the environment says about the platform, read once and then frozen.

Source: contract §2, §5.4, §8.6, §9, §13.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shipmate.errors import BadSetting, MissingSetting

_PREFIX: Final = "ELASTICIO_"
_LEADING_INTEGER: Final = re.compile(r"\s*([+-]?)(?:0[xX]([0-9a-fA-F]+)|(?!0[xX])([0-9]{1,300}))")
_IV_BYTES: Final = 16
_NO_NUMBER: Final = sys.maxsize
"""Stands for no limit where any number is one."""
# Words as lodash sees them: ordinals, runs of digits, of capitals up to the last one before a small letter, of small
# letters.
_WORD: Final = re.compile(
    r"\d*(?:1st|2nd|3rd|(?![123])\dth)(?=\b|[A-Z_])|\d*(?:1ST|2ND|3RD|(?![123])\dTH)(?=\b|[a-z_])"
    r"|\d+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]+"
)

_ALWAYS_NEEDED: Final = (
    "FLOW_ID", "EXEC_ID", "STEP_ID", "CONTAINER_ID", "WORKSPACE_ID", "USER_ID", "COMP_ID", "FUNCTION",
    "API_URI", "API_USERNAME", "API_KEY",
)  # fmt: skip
_NEEDED_FOR_MESSAGES: Final = (
    "AMQP_URI", "LISTEN_MESSAGES_ON", "PUBLISH_MESSAGES_TO", "DATA_ROUTING_KEY", "ERROR_ROUTING_KEY",
    "REBOUND_ROUTING_KEY", "SNAPSHOT_ROUTING_KEY", "MESSAGE_CRYPTO_IV", "MESSAGE_CRYPTO_PASSWORD",
)  # fmt: skip
_LOGGED: Final = (
    "API_USERNAME", "COMP_ID", "COMP_NAME", "CONTAINER_ID", "CONTRACT_ID", "EXEC_ID", "EXEC_TYPE",
    "EXECUTION_RESULT_ID", "FLOW_ID", "FLOW_VERSION", "FUNCTION", "STEP_ID", "TASK_USER_EMAIL", "TENANT_ID",
    "USER_ID", "WORKSPACE_ID",
)  # fmt: skip


class Secret(str):
    """A text that does not show itself in tracebacks, logs and representations of what holds it."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show nothing."""
        return "'***'"


def text(environ: Mapping[str, str], name: str) -> str:
    """Return a variable that must be there.

    Raises:
        MissingSetting: It is unset or empty.
    """
    if value := environ.get(name):
        return value
    raise MissingSetting(f"{name} is missing")


def integer(environ: Mapping[str, str], name: str, default: int) -> int:
    """Return a variable as JavaScript's parseInt does: leading digits count, 0 is a value, other text the default.

    >>> [integer({"N": value}, "N", 3) for value in ("12abc", "0", "-4", "0x1F", "abc", "")]
    [12, 0, -4, 31, 3, 3]
    """
    match = _LEADING_INTEGER.match(environ.get(name) or "")
    if match is None:
        return default
    sign, hexadecimal, digits = match.groups()
    value = int(hexadecimal, 16) if hexadecimal else int(digits)
    return -value if sign == "-" else value


def boolean(environ: Mapping[str, str], name: str, default: bool) -> bool:
    """Return a variable as a truth value: empty and ``false`` are false, everything else is true.

    >>> [boolean({"B": value}, "B", False) for value in ("", "false", "0", "no", "FALSE", "true")]
    [False, False, True, True, True, True]
    """
    value = environ.get(name)
    return default if value is None else value not in ("", "false")


def bounded(environ: Mapping[str, str], name: str, default: int, lowest: int, highest: int) -> int:
    """Return a variable as a number, the default when it is out of bounds."""
    value = integer(environ, name, default)
    return value if lowest <= value <= highest else default


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """How the platform's API and its object storage are reached."""

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
    has_proxy: bool = False
    """Whether requests to ``http://`` addresses may go through a proxy."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "ApiSettings":
        """Read the variables of the API; those that only some calls need may be missing.

        Raises:
            MissingSetting: The address or the credentials are missing.
        """
        return cls(
            uri=text(environ, "ELASTICIO_API_URI").rstrip("/"),
            username=text(environ, "ELASTICIO_API_USERNAME"),
            key=Secret(text(environ, "ELASTICIO_API_KEY")),
            workspace_id=environ.get("ELASTICIO_WORKSPACE_ID", ""),
            flow_id=environ.get("ELASTICIO_FLOW_ID", ""),
            step_id=environ.get("ELASTICIO_STEP_ID", ""),
            attempts=integer(environ, "ELASTICIO_API_REQUEST_RETRY_ATTEMPTS", 3),
            delay_ms=integer(environ, "ELASTICIO_API_REQUEST_RETRY_DELAY", 100),
            storage_uri=environ.get("ELASTICIO_OBJECT_STORAGE_URI", "").rstrip("/"),
            storage_token=Secret(environ.get("ELASTICIO_OBJECT_STORAGE_TOKEN", "")),
            storage_retries=bounded(environ, "REQUEST_MAX_RETRY", 2, 1, 4),
            storage_timeout_ms=bounded(environ, "REQUEST_TIMEOUT", 10_000, 500, 20_000),
            has_proxy=any(name.lower() in ("http_proxy", "all_proxy") for name in environ),
        )


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """Whose messages these are: the ids that every outgoing message carries."""

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
    """How the broker is reached and what is consumed and published there."""

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
    """None is without a limit."""
    publish_max_delay_ms: int = 300_000
    reconnect_attempts: int = 3
    """How often a connection that failed is tried again."""
    reconnect_delay_ms: int = 100


@dataclass(frozen=True, slots=True)
class RateSettings:
    """How many events of a kind may start in each interval."""

    data: int = 10
    error: int = 2
    snapshot: int = 2
    interval_ms: int = 100


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """How messages are encoded, and what goes with them."""

    password: Secret
    iv: Secret
    protocol: int = 1
    """The encoding of outgoing data."""
    size_limit_bytes: int = 10_485_760
    """Of an encoded body."""
    is_error_input: bool = False
    """Whether this step handles the errors of others."""
    no_self_passthrough: bool = False
    no_error_replies: bool = False
    is_lightweight: bool = False
    """Whether large bodies go to the object storage."""
    lightweight_threshold_bytes: int = 1_048_576
    """Of the plain JSON."""
    rebound_delay_ms: int = 15_000
    rebound_limit: int = 20
    extra_headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepSettings:
    """What the environment says to a container that processes messages, or runs the shutdown hook.

    That the variables of the API are there is checked here; its client reads them.
    """

    component_path: str
    flow: FlowSettings
    broker: BrokerSettings | None
    """None in shutdown mode, which needs no broker."""
    messages: MessageSettings | None
    rates: RateSettings
    is_startup: bool = False
    """Whether the startup hook is to be run."""
    is_shutdown: bool = False
    """Whether the shutdown hook is all there is to do."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "StepSettings":
        """Read every variable that the platform sets for a step.

        Raises:
            MissingSetting: A variable is unset or empty; the first one in the order of contract §2.
            BadSetting: The initialization vector does not have 16 bytes.
        """
        is_shutdown = boolean(environ, _PREFIX + "HOOK_SHUTDOWN", False)
        for name in _ALWAYS_NEEDED if is_shutdown else (*_ALWAYS_NEEDED, *_NEEDED_FOR_MESSAGES):
            text(environ, _PREFIX + name)
        return cls(
            component_path=environ.get(_PREFIX + "COMPONENT_PATH", ""),
            flow=_flow(environ),
            broker=None if is_shutdown else _broker(environ),
            messages=None if is_shutdown else _messages(environ),
            rates=_rates(environ),
            is_startup=boolean(environ, _PREFIX + "STARTUP_REQUIRED", False),
            is_shutdown=is_shutdown,
        )


def log_fields(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what every line of the log carries: the variables that are set, and the flow's id as ``tag``."""
    fields = {_PREFIX + name: environ[_PREFIX + name] for name in _LOGGED if _PREFIX + name in environ}
    flow_id = environ.get(_PREFIX + "FLOW_ID")
    return fields if flow_id is None else {**fields, "tag": flow_id}


def camel_case(name: str) -> str:
    """Return the name of a header for that of a variable.

    >>> [camel_case(name) for name in ("FIRST_ONE", "A1_B2", "FOO_1BAR", "V2_API", "foo-bar", "XMLHttp")]
    ['firstOne', 'a1B2', 'foo1Bar', 'v2Api', 'fooBar', 'xmlHttp']
    """
    words = [word[0].lower() for word in _WORD.finditer(name)]
    return "".join([*words[:1], *(word.capitalize() for word in words[1:])])


def _flow(environ: Mapping[str, str]) -> FlowSettings:
    names = ("FLOW_ID", "EXEC_ID", "STEP_ID", "CONTAINER_ID", "WORKSPACE_ID", "USER_ID", "COMP_ID", "FUNCTION")
    return FlowSettings(*(environ[_PREFIX + name] for name in names))


def _broker(environ: Mapping[str, str]) -> BrokerSettings:
    attempts = integer(environ, _PREFIX + "AMQP_PUBLISH_RETRY_ATTEMPTS", _NO_NUMBER)
    return BrokerSettings(
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
        publish_attempts=None if attempts == _NO_NUMBER else attempts,
        publish_max_delay_ms=integer(environ, _PREFIX + "AMQP_PUBLISH_MAX_RETRY_DELAY", 300_000),
        reconnect_attempts=integer(environ, _PREFIX + "AMQP_RECONNECT_ATTEMPTS", 3),
        reconnect_delay_ms=integer(environ, _PREFIX + "AMQP_RECONNECT_TIMEOUT", 100),
    )


def _messages(environ: Mapping[str, str]) -> MessageSettings:
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
        no_error_replies=boolean(environ, _PREFIX + "NO_ERROR_REPLIES", False),
        is_lightweight=boolean(environ, _PREFIX + "EMIT_LIGHTWEIGHT_MESSAGE", False),
        lightweight_threshold_bytes=integer(environ, _PREFIX + "OBJECT_STORAGE_SIZE_THRESHOLD", 1_048_576),
        rebound_delay_ms=integer(environ, _PREFIX + "REBOUND_INITIAL_EXPIRATION", 15_000),
        rebound_limit=integer(environ, _PREFIX + "REBOUND_LIMIT", 20),
        extra_headers=_extra_headers(environ),
    )


def _rates(environ: Mapping[str, str]) -> RateSettings:
    return RateSettings(
        data=integer(environ, _PREFIX + "DATA_RATE_LIMIT", 10),
        error=integer(environ, _PREFIX + "ERROR_RATE_LIMIT", 2),
        snapshot=integer(environ, _PREFIX + "SNAPSHOT_RATE_LIMIT", 2),
        interval_ms=integer(environ, _PREFIX + "RATE_INTERVAL", 100),
    )


def _extra_headers(environ: Mapping[str, str]) -> dict[str, str]:
    names = [name.strip() for name in environ.get(_PREFIX + "ADDITIONAL_VARS_FOR_HEADERS", "").split(",")]
    return {camel_case(name.removeprefix(_PREFIX)): environ[name] for name in names if name and name in environ}
