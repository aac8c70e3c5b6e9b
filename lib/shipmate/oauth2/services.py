"""Names the services that OAuth2 sessions need from the process and from the call."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from shipmate.errors import ShipmateError
from shipmate.logs.log import Redactor
from shipmate.oauth2.accounts import Account, CredentialStore
from shipmate.oauth2.credential import Credential, secrets_of
from shipmate.oauth2.storage.token_store import TokenStore


class CallPort(Protocol):
    """What a session needs of the call that it belongs to."""

    def emit_keys(self, value: dict[str, Any], account: str | None) -> None:
        """Hand ``updateKeys`` over once; raise `EmitError` when that fails, without an error event."""

    def report(self, error: ShipmateError) -> None:
        """Publish the error as one of this message, which it makes a failed one."""


class SecretsClient(Protocol):
    """What a session needs of the platform's API for secrets that the platform refreshes."""

    def secret(self, secret_id: str) -> Mapping[str, Any]:
        """Return the secret's attributes: ``{"type": "oauth2", "credentials": {...}}``."""

    def refresh_secret(self, secret_id: str) -> Mapping[str, Any]:
        """Have the platform refresh the token; return the attributes."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the sessions see it; tests bring their own."""

    monotonic: Callable[[], float] = time.monotonic
    epoch: Callable[[], float] = time.time
    sleep: Callable[[float], object] = time.sleep


@dataclass(frozen=True, slots=True)
class OAuth2Services:
    """What a run mode provides to all sessions of the process."""

    credential_store: CredentialStore
    token_store: TokenStore
    defaults: Mapping[str, Any]
    """``credentials.oauth2`` of the descriptor."""
    credential_fields: frozenset[str]
    default_field: str
    """The credential field that holds the keys."""
    environ: Mapping[str, str] = field(repr=False)
    redactor: Redactor = field(repr=False)
    secrets: Callable[[], SecretsClient] = field(repr=False)
    clock: Clock = Clock()

    def keep(self, account: Account, credential: Credential) -> None:
        """Make this the live credential of an account, and hide its tokens in logs and errors."""
        self.redactor.add(*secrets_of(credential.keys))
        account.keep(credential)
