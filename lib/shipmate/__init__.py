"""The Python runtime for elastic.io components: what component authors import."""

from typing import TYPE_CHECKING, Any

from shipmate.errors import (
    AccountError,
    AuthorError,
    ClientMisconfigured,
    CredentialsInvalid,
    EmitError,
    InvalidMessage,
    KeysNotSaved,
    OperatorError,
    ReauthorizationRequired,
    ShipmateError,
    TokenEndpointUnavailable,
    TransientError,
    UnknownEvent,
)
from shipmate.invocation.message import message

if TYPE_CHECKING:
    from shipmate.oauth2.api import OAuth2

__version__ = "0.1.0"

__all__ = [
    "AccountError",
    "AuthorError",
    "ClientMisconfigured",
    "CredentialsInvalid",
    "EmitError",
    "InvalidMessage",
    "KeysNotSaved",
    "OAuth2",
    "OperatorError",
    "ReauthorizationRequired",
    "ShipmateError",
    "TokenEndpointUnavailable",
    "TransientError",
    "UnknownEvent",
    "message",
]


def __getattr__(name: str) -> Any:
    """Import what most commands do not need when it is first asked for."""
    if name == "OAuth2":
        from shipmate.oauth2.api import OAuth2

        globals()["OAuth2"] = OAuth2
        return OAuth2
    raise AttributeError(f"module 'shipmate' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Name what is there to import, loaded or not."""
    return sorted({*globals(), *__all__})
