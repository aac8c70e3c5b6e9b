"""The services that OAuth2 sessions need from the call and from the run mode."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary

from shipmate.errors import ShipmateError
from shipmate.logs.log import Redactor
from shipmate.oauth2.accounts import Account, CredentialStore
from shipmate.oauth2.credential import Credential
from shipmate.oauth2.expiry import Expiry, stored_expiry
from shipmate.oauth2.keys import Keys, secrets_of
from shipmate.oauth2.options import ClientOptions
from shipmate.oauth2.storage.token_store import TokenStore
from shipmate.settings import ResponseLimits

_MOST_KNOWN_OPTIONS: Final = 64


class CallPort(Protocol):
    """The part of a call that its sessions use."""

    @property
    def is_verification(self) -> bool:
        """Whether the call verifies credentials: no token from an earlier call may prove them."""

    def emit_keys(self, value: dict[str, Any], account: str | None) -> None:
        """Deliver ``updateKeys``; raise `EmitError` if that fails, without an ``error`` event."""

    def report(self, error: ShipmateError) -> None:
        """Publish an ``error`` event, so that the message counts as failed."""


class SecretsClient(Protocol):
    """The part of the platform's API that reads and refreshes managed secrets."""

    def secret(self, secret_id: str) -> Mapping[str, Any]:
        """Return the secret's attributes: ``{"type": "oauth2", "credentials": {...}}``."""

    def refresh_secret(self, secret_id: str) -> Mapping[str, Any]:
        """Make the platform refresh the token; return the attributes."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The clocks of the sessions; tests have their own."""

    monotonic: Callable[[], float] = time.monotonic
    epoch: Callable[[], float] = time.time
    sleep: Callable[[float], object] = time.sleep


@dataclass(frozen=True, slots=True)
class OAuth2Services:
    """The services that a run mode provides to all sessions of the process."""

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
    limits: ResponseLimits = field(default_factory=ResponseLimits)
    """The limits of answers that no session and no request overrides."""
    clock: Clock = Clock()
    awaits_winner: bool = True
    """Whether processes that the token store's lock does not keep out may refresh the same accounts."""

    clients: dict[tuple[object, str], ClientOptions] = field(default_factory=dict, repr=False, compare=False)
    """The client of each credential field, by account."""
    clients_of_calls: WeakKeyDictionary[CallPort, dict[tuple[object, str], ClientOptions]] = field(
        default_factory=WeakKeyDictionary, repr=False, compare=False
    )
    """The same for calls without an account."""
    known_options: dict[tuple[object, ...], ClientOptions] = field(default_factory=dict, repr=False, compare=False)

    def options(self, overrides: Mapping[str, Any]) -> ClientOptions:
        """Return the options of an author over those of the descriptor.

        Raises:
            InvalidOption: An option does not exist or has an invalid value.
        """
        try:
            key = tuple(overrides.items())
            if (known := self.known_options.get(key)) is not None:
                return known
        except TypeError:  # a list or a dict, which may change
            return ClientOptions.from_options(overrides, self.defaults, self.default_field)
        options = ClientOptions.from_options(overrides, self.defaults, self.default_field)
        if len(self.known_options) < _MOST_KNOWN_OPTIONS:  # a function may create other ones for each message
            self.known_options[key] = options
        return options

    def require_own_field(self, options: ClientOptions, account: object, call: CallPort) -> None:
        """Check that no other client has its keys in the same credential field of an account; without one, of a call.

        Raises:
            InvalidOption: One has.
        """
        clients = self.clients if account else self.clients_of_calls.setdefault(call, {})
        if (known := clients.setdefault((account, options.field), options)) is not options:
            known.check_field(options)

    def expiry_of(self, keys: Keys) -> Expiry | None:
        """Return the expiry of stored keys, None if they do not say it."""
        return stored_expiry(keys, now=self.clock.monotonic(), wall_clock=self.clock.epoch())

    def keep(self, account: Account, credential: Credential) -> None:
        """Make this the live credential of an account, and hide its tokens in logs and errors."""
        self.redactor.add(*secrets_of(credential.keys))
        account.keep(credential)
