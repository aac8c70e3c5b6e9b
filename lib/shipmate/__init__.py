"""The Python runtime for elastic.io components: the names that component authors import."""

from typing import TYPE_CHECKING

from shipmate.errors import (
    AccountError,
    ApiError,
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
from shipmate.invocation.message import HttpReply, Message, Verdict, message

if TYPE_CHECKING:
    from shipmate.invocation.context import AsyncContext, Context
    from shipmate.oauth2.api import OAuth2
    from shipmate.oauth2.session import OAuth2Session
    from shipmate.platform.attachments import Attachment
    from shipmate.session.policy import Policy
    from shipmate.session.session import Session

__version__ = "0.1.0"

__all__ = [
    "AccountError",
    "ApiError",
    "AsyncContext",
    "Attachment",
    "AuthorError",
    "ClientMisconfigured",
    "Context",
    "CredentialsInvalid",
    "EmitError",
    "HttpReply",
    "InvalidMessage",
    "KeysNotSaved",
    "Message",
    "OAuth2",
    "OAuth2Session",
    "OperatorError",
    "Policy",
    "ReauthorizationRequired",
    "Session",
    "ShipmateError",
    "TokenEndpointUnavailable",
    "TransientError",
    "UnknownEvent",
    "Verdict",
    "message",
]


if not TYPE_CHECKING:  # a type checker would take every name for one that exists
    _LAZY = {
        "AsyncContext": "shipmate.invocation.context",  # logging: 18 ms
        "Attachment": "shipmate.platform.attachments",
        "Context": "shipmate.invocation.context",
        "OAuth2": "shipmate.oauth2.api",
        "OAuth2Session": "shipmate.oauth2.session",  # requests: 97 ms
        "Policy": "shipmate.session.policy",
        "Session": "shipmate.session.session",
    }

    def __getattr__(name):
        """Import a public name on its first use, since most commands need only a few."""
        if name not in _LAZY:
            raise AttributeError(f"module 'shipmate' has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(_LAZY[name]), name)
        return value


def __dir__() -> list[str]:
    """Return the names that can be imported, loaded or not."""
    return sorted({*globals(), *__all__})
