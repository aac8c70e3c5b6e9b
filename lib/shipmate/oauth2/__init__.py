"""Requests to OAuth2 APIs with tokens that stay alive.

``provider`` says what the options are, ``grants`` makes a token request, ``endpoint`` sends it and ``answer``
understands what comes back; ``flow`` decides the steps of a refresh without I/O and ``renewer`` does them;
``store`` holds the live credentials of the process; ``session`` sends the author's requests through ``transport``.
"""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shipmate.errors import CredentialsInvalid, ShipmateError
from shipmate.oauth2.accounts import CredentialStore
from shipmate.oauth2.credential import fingerprint, secrets_of, stored_expiry
from shipmate.oauth2.options import OAuth2, Provider, Variables, check_options
from shipmate.oauth2.refresher import (
    CallPort,
    Clock,
    ManagedRenewer,
    OAuth2Services,
    Renewer,
    SecretsClient,
)

if TYPE_CHECKING:
    from shipmate.oauth2.session import OAuth2Session

_log = logging.getLogger("shipmate.oauth2")

__all__ = ["CallPort", "Clock", "CredentialStore", "OAuth2", "OAuth2Services", "SecretsClient", "open_session"]


def open_session(
    options: Mapping[str, Any] | OAuth2, cfg: Mapping[str, Any], *, call: CallPort, services: OAuth2Services
) -> "OAuth2Session":
    """Return a session for the account whose keys are in ``cfg``.

    Args:
        options: The author's options, or a provider that holds them.
        cfg: The configuration of the call; ``_account`` names the account, ``secretId`` a managed secret.
        call: The call that the session belongs to.
        services: What the run mode provides.

    Raises:
        InvalidOption: An option does not exist or has a value that it cannot have.
        CredentialsInvalid: ``cfg`` has both a ``secretId`` and keys of its own.
    """
    from shipmate.oauth2.session import OAuth2Session  # requests: 97 ms

    given = options.options if isinstance(options, OAuth2) else options
    check_options(given)
    provider = Provider.from_options(given, services.defaults, services.default_field)
    if secret_id := cfg.get("secretId"):
        renewer = _managed(str(secret_id), provider, cfg, services)
        return OAuth2Session(provider, cfg, renewer, call, services.clock, services.store.adapter)
    keys = cfg.get(provider.field)
    keys = keys if isinstance(keys, Mapping) else {}
    services.redactor.add(*secrets_of(keys))
    clock = services.clock
    account = services.store.account(
        _key(provider, cfg, services),
        keys,
        stored_expiry(keys, now=clock.monotonic(), wall_clock=clock.epoch()),
        is_exact=bool(cfg.get("_account")),
    )
    own = Renewer(provider, cfg, account, call, services)
    return OAuth2Session(provider, cfg, own, call, clock, services.store.adapter)


def _managed(secret_id: str, provider: Provider, cfg: Mapping[str, Any], services: OAuth2Services) -> ManagedRenewer:
    if cfg.get(provider.field):
        raise CredentialsInvalid(
            f"cfg: expected either secretId or {provider.field}, found both: a managed secret has no keys of its own"
        )
    if provider.refresh != "on_401":
        _log.warning(
            "the platform refreshes this secret: the refresh option is ignored", extra={"refresh": provider.refresh}
        )
    account = services.store.account(("secret", secret_id), {}, None, is_exact=True)
    return ManagedRenewer(secret_id, account, services)


def _key(provider: Provider, cfg: Mapping[str, Any], services: OAuth2Services) -> tuple[object, ...]:
    if account := cfg.get("_account"):
        return ("account", account, provider.field)
    try:
        client = provider.fill(Variables(services.environ, cfg, services.credential_fields))
        identity = (client.token_url, client.client_id, client.client_secret)
    except ShipmateError:
        # What is missing is told when a token is asked for; until then the account works with what it has.
        identity = (provider.token_url or "", provider.client_id or "", "")
    return ("client", *map(fingerprint, identity), provider.grant, provider.field)
