"""Opens OAuth2 sessions: for the options of an author, and the account in ``cfg``."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from shipmate.errors import CredentialsInvalid, ShipmateError
from shipmate.oauth2.keys import fingerprint, secrets_of
from shipmate.oauth2.managed_secrets import ManagedRefresher
from shipmate.oauth2.options import Client, ClientOptions, OAuth2Options, SharedOptions, Variables, check_options
from shipmate.oauth2.refresher import Refresher
from shipmate.oauth2.services import CallPort, OAuth2Services

if TYPE_CHECKING:
    from shipmate.oauth2.session import OAuth2Session


_log = logging.getLogger("shipmate.oauth2")


class SessionOpener(Protocol):
    """The part of a context that opens sessions."""

    def oauth2(self, cfg: Mapping[str, Any], **options: Unpack[OAuth2Options]) -> "OAuth2Session":
        """Return a session with these options that keeps the tokens in ``cfg`` alive."""


class OAuth2:
    """Reusable options of `context.oauth2`: ``OAuth2("https://...", client_id="{{CLIENT_ID}}")``.

    An option that is left out comes from ``credentials.oauth2`` in ``component.json``. ``{{NAME}}`` in an option is
    replaced before each token request, by the credential field ``NAME`` or by the environment variable ``NAME``.

    Args:
        token_url: Address of the token endpoint; https, except on loopback.
        client_id: The client's id.
        client_secret: The client's secret; for ``private_key_jwt`` and ``jwt_bearer`` the private key as PEM.
        client_auth: ``"post"`` (default), ``"basic"``, ``"basic_raw"`` (not form-encoded), ``"none"`` or
            ``"private_key_jwt"``.
        jwt_algorithm: The algorithm of signed assertions: ``"RS256"`` (default), ``"PS256"``, ``"ES256"`` and others.
        jwt_header: Further members of the header of signed assertions: ``{"kid": "..."}``.
        scopes: The scopes, a list or text; sent only if ``send`` has ``"scope"``.
        grant: ``"refresh_token"`` (default), ``"client_credentials"``, ``"jwt_bearer"`` or ``"password"``.
        username: The name of the user for the grant ``password``, ``"{{username}}"`` by default.
        password: The password of the user, ``"{{password}}"`` by default.
        send: Members of the stored keys that a token request sends, as ``("scope",)``.
        extra: Further form fields; the ``claims`` in it go into the assertion of ``jwt_bearer`` instead.
        field: The credential field that holds the keys; the first OAuthFieldView of the descriptor by default.
        refresh: ``"on_401"`` (default), ``"before_expiry"`` or ``"every_access"``.
        expired: ``expired(response)`` returns true for an answer, other than 401, that means "token expired".
        dead: ``dead(status, answer)`` is asked about each answer of the token endpoint without a token; ``answer`` is
            the JSON object or form, a dict, or ``{}``. True means that the refresh token is dead, false that it may
            be sent again later, and None leaves the verdict to the runtime.
        header: The header with the token, ``"Authorization: Bearer {access_token}"`` by default.
        parse: ``parse(answer)`` returns an unusual answer of the token endpoint, a dict, in the usual form: with
            ``access_token`` or ``error`` at its top.
        lock: ``lock(account)`` returns a context manager that keeps other processes from a refresh.
        hosts: The hosts that may receive the token: ``["api.example.com", "*.example.com", "{instance_url}"]``;
            by default the host of each request's URL.
        allow_http: Whether the token may go over plain http to other machines; False by default.
        max_bytes: The most decoded bytes of an answer that is read whole; 64 MiB by default.
        total_timeout_seconds: The longest time for an answer that is read whole; 600 by default.

    Raises:
        InvalidOption: An option does not exist or has an invalid value.

    Source: RFC 6749 §2.3.1, §4.4, §6; RFC 7523 §2.1, §2.2.
    """

    def __init__(self, token_url: str | None = None, **options: Unpack[SharedOptions]) -> None:
        """Check the options; nothing is sent, and ``{{NAME}}`` is not replaced yet."""
        address: OAuth2Options = {} if token_url is None else {"token_url": token_url}
        self.options: OAuth2Options = {**address, **options}
        check_options(self.options)

    def session(self, context: SessionOpener, cfg: Mapping[str, Any]) -> "OAuth2Session":
        """Return a session with these options that keeps the tokens in ``cfg`` alive."""
        return context.oauth2(cfg, **self.options)

    def __repr__(self) -> str:
        """Name the options without their values: some are secrets."""
        return f"OAuth2({', '.join(sorted(self.options))})"


def open_session(
    overrides: Mapping[str, Any], cfg: Mapping[str, Any], *, call: CallPort, services: OAuth2Services
) -> "OAuth2Session":
    """Return a session for the account whose keys are in ``cfg``.

    Args:
        overrides: The author's options; ``credentials.oauth2`` in ``component.json`` has the others.
        cfg: The configuration of the call; ``_account`` names the account, ``secretId`` a managed secret.
        call: The call that the session belongs to.
        services: The services of the run mode.

    Raises:
        InvalidOption: An option does not exist or has an invalid value.
        CredentialsInvalid: ``cfg`` has both a ``secretId`` and keys of its own.
    """
    from shipmate.oauth2.session import OAuth2Session  # requests: 97 ms

    options = services.options(overrides)
    refresher = refresher_for(options, cfg, call=call, services=services)
    return OAuth2Session(options, cfg, refresher, call, services.clock, services.credential_store, services.limits)


def refresher_for(
    options: ClientOptions, cfg: Mapping[str, Any], *, call: CallPort, services: OAuth2Services
) -> Refresher | ManagedRefresher:
    """Return the refresher for the account whose keys are in ``cfg``, or for the secret that it names.

    Raises:
        InvalidOption: Another client of the account has its keys in the same credential field.
        CredentialsInvalid: ``cfg`` has both a ``secretId`` and keys of its own.
    """
    if secret_id := cfg.get("secretId"):
        return _managed(str(secret_id), options, cfg, call, services)
    if call.is_verification and not options.needs_refresh_token:
        return Refresher(options, cfg, services.credential_store.new_account(), call, services)
    account_id = cfg.get("_account")
    services.require_own_field(options, account_id, call)
    keys = cfg.get(options.field)
    keys = keys if isinstance(keys, Mapping) else {}
    store, key, is_exact = services.credential_store, _key(options, cfg, services), bool(account_id)
    account = store.last_presented(key, keys) if is_exact else None
    if account is None:
        services.redactor.add(*secrets_of(keys))
        account = store.account(key, keys, services.expiry_of(keys), is_exact=is_exact)
    return Refresher(options, cfg, account, call, services)


def _managed(
    secret_id: str, options: ClientOptions, cfg: Mapping[str, Any], call: CallPort, services: OAuth2Services
) -> ManagedRefresher:
    if cfg.get(options.field):
        raise CredentialsInvalid(
            f"cfg: expected either secretId or {options.field}, found both: a managed secret has no keys of its own"
        )
    if options.refresh != "on_401":
        _log.warning(
            "the platform refreshes this secret: the refresh option is ignored", extra={"refresh": options.refresh}
        )
    store = services.credential_store
    if call.is_verification:
        account = store.new_account()
    else:
        account = store.account(("secret", secret_id), {}, None, is_exact=True)
    return ManagedRefresher(secret_id, account, services)


def _key(options: ClientOptions, cfg: Mapping[str, Any], services: OAuth2Services) -> tuple[object, ...]:
    """Return what identifies an account: accounts share a token only if all that decides about it is equal."""
    account = cfg.get("_account")
    if account and options.needs_refresh_token:
        return ("account", account, options.field)
    try:
        client = options.fill(Variables(services.environ, cfg, services.credential_fields))
        identity: object = [getattr(client, name) for name in Client.__slots__]
    except ShipmateError:
        # A token request reports what is missing; until then the account works with the token that it has.
        identity = options.templates()
    fields = []
    if not options.needs_refresh_token:
        # Nothing but these tells the accounts of a client apart: the field that decides may be in the API's URL only.
        names = sorted(services.credential_fields - {options.field})
        fields = [(name, cfg[name]) for name in names if isinstance(cfg.get(name), str | int | float)]
    return ("client", account, fingerprint(repr((identity, fields))), options.grant, options.field)
