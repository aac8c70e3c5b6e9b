"""What the environment says about the platform, read once and then frozen.

Source: contract §2, §8.6, §9.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shipmate.errors import MissingSetting

_LEADING_INTEGER: Final = re.compile(r"\s*([+-]?\d+)")


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
    """Return a variable as a number: leading digits count, 0 is a value, anything else is the default.

    >>> [integer({"N": value}, "N", 3) for value in ("12abc", "0", "-4", "abc", "")]
    [12, 0, -4, 3, 3]
    """
    match = _LEADING_INTEGER.match(environ.get(name) or "")
    return int(match[1]) if match else default


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
            storage_retries=bounded(environ, "REQUEST_MAX_RETRY", 2, 0, 4),
            storage_timeout_ms=bounded(environ, "REQUEST_TIMEOUT", 10_000, 500, 20_000),
        )
