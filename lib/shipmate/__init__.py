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
from shipmate.faces import lazy_face
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
    __getattr__, __dir__ = lazy_face(
        __name__,
        __all__,
        {
            "AsyncContext": "shipmate.invocation.context",  # logging: 18 ms
            "Attachment": "shipmate.platform.attachments",
            "Context": "shipmate.invocation.context",
            "OAuth2": "shipmate.oauth2.api",
            "OAuth2Session": "shipmate.oauth2.session",  # requests: 97 ms
            "Policy": "shipmate.session.policy",
            "Session": "shipmate.session.session",
        },
    )
