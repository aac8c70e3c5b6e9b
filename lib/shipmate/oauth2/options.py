"""The options of an OAuth2 client: their types, checks, defaults in the descriptor, and ``{{NAME}}`` variables."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from dataclasses import field as member
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, get_args

from shipmate import urls
from shipmate.errors import ClientMisconfigured, InvalidOption, MissingSetting
from shipmate.http import headers as http_headers
from shipmate.jsonvalue import kind_of
from shipmate.oauth2.answer_body import members_at
from shipmate.settings import missing_settings
from shipmate.wording import did_you_mean_or_list

if TYPE_CHECKING:
    import requests

ClientAuth = Literal["post", "basic", "basic_raw", "none", "private_key_jwt"]
JwtAlgorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K", "EdDSA"
]
Grant = Literal["refresh_token", "client_credentials", "jwt_bearer", "password"]
RefreshPolicy = Literal["on_401", "before_expiry", "every_access"]


class SharedOptions(TypedDict, total=False):
    """The keyword arguments of `shipmate.OAuth2`, whose docstring says what they do."""

    client_id: str
    client_secret: str | None
    client_auth: ClientAuth
    jwt_algorithm: JwtAlgorithm
    jwt_header: Mapping[str, Any]
    scopes: str | list[str] | tuple[str, ...] | None
    grant: Grant
    username: str
    password: str
    send: list[str] | tuple[str, ...]
    extra: Mapping[str, Any]
    field: str
    refresh: RefreshPolicy
    expired: "Callable[[requests.Response], object] | None"
    dead: Callable[[int, dict[str, Any]], bool | None] | None
    header: str
    parse: Callable[[dict[str, Any]], Mapping[str, Any]] | None
    lock: Callable[[str | None], AbstractContextManager[object]] | None
    hosts: list[str] | tuple[str, ...] | None
    allow_http: bool
    max_bytes: int | None
    total_timeout_seconds: float | None


class OAuth2Options(SharedOptions, total=False):
    """The keyword arguments of ``context.oauth2``: ``{"refresh": "before_expiry"}``."""

    token_url: str


_log: Final = logging.getLogger("shipmate.oauth2")

VARIABLE: Final = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_DESCRIPTOR_NAMES: Final = {
    "token_uri": "token_url",
    "client_id": "client_id",
    "client_secret": "client_secret",
    "client_auth": "client_auth",
    "jwt_algorithm": "jwt_algorithm",
    "jwt_header": "jwt_header",
    "scopes": "scopes",
    "token_params": "extra",
    "token_pointer": "parse",
}
_FILLED: Final = ("token_url", "client_id", "client_secret", "jwt_header", "scopes", "extra")
_FILLED_FOR_PASSWORDS: Final = ("username", "password")
_PEM: Final = "-----BEGIN "
# Those of Unicode, and two that an editor does not show.
_BLANKS: Final = " \t\r\n\v\f\x1c\x1d\x1e\x1f\x85\xa0\u2028\u2029\u3000\ufeff\u200b"
_BEARER: Final = "Authorization: Bearer {access_token}"


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """The options of an author over the defaults of the descriptor, before ``{{NAME}}`` is replaced."""

    token_url: str | None = None
    client_id: str | None = None
    client_secret: str | None = member(default=None, repr=False)
    client_auth: ClientAuth = "post"
    jwt_algorithm: JwtAlgorithm = "RS256"
    jwt_header: Mapping[str, Any] = member(default_factory=dict)
    scopes: str | None = None
    grant: Grant = "refresh_token"
    username: str = "{{username}}"
    password: str = member(default="{{password}}", repr=False)
    send: tuple[str, ...] = ()
    extra: Mapping[str, Any] = member(default_factory=dict, repr=False)
    field: str = "oauth"
    refresh: RefreshPolicy = "on_401"
    expired: Callable[[Any], object] | None = None
    dead: Callable[[int, dict[str, Any]], bool | None] | None = None
    header: tuple[str, str] = ("Authorization", "Bearer {access_token}")
    parse: Callable[[dict[str, Any]], Mapping[str, Any]] | None = None
    lock: Callable[[str | None], Any] | None = None
    hosts: tuple[str, ...] | None = None
    allow_http: bool = False
    max_bytes: int | None = None
    total_timeout_seconds: float | None = None

    @classmethod
    def from_options(
        cls, options: Mapping[str, Any], defaults: Mapping[str, Any], default_field: str
    ) -> "ClientOptions":
        """Return the options of an author over the descriptor's ``credentials.oauth2``.

        Raises:
            InvalidOption: An option does not exist or has an invalid value.
        """
        described = {ours: defaults[theirs] for theirs, ours in _DESCRIPTOR_NAMES.items() if defaults.get(theirs)}
        params = described.get("extra", {})
        if not isinstance(params, Mapping):
            raise InvalidOption(f"token_params: expected an object of texts, found {kind_of(params)}")
        if pointer := described.pop("parse", None):
            described["parse"] = partial(members_at, str(pointer))
        merged = {"field": default_field, **described, **options}
        check_options(merged)
        merged["extra"] = {**params, **merged.get("extra", {})}
        if not isinstance(merged.get("scopes"), str | None):
            merged["scopes"] = " ".join(merged["scopes"])
        merged["send"] = tuple(merged.get("send", ()))
        merged["hosts"] = None if merged.get("hosts") is None else tuple(merged["hosts"])
        merged["header"] = _header(merged.get("header", _BEARER))
        return cls(**merged)

    @property
    def needs_refresh_token(self) -> bool:
        """Whether a new token needs a refresh token from a sign-in; the other grants get one by themselves."""
        return self.grant == "refresh_token"

    def check_field(self, other: "ClientOptions") -> None:
        """Check that the keys of two clients of one account are not in one credential field.

        Raises:
            InvalidOption: They are: one would overwrite the keys of the other, and send its token to its own API.
        """
        if self is other or self.field != other.field:
            return
        names = ("token_url", "client_id", "grant", *(() if self.needs_refresh_token else ("scopes", "extra")))
        if differing := [name for name in names if getattr(self, name) != getattr(other, name)]:
            raise InvalidOption(
                f"OAuth2: expected a credential field of its own for the keys of each client, found {self.field!r} for "
                f"two clients, whose {' and '.join(differing)} differ: give one of them field=..., and component.json "
                "this field"
            )

    def source(self, option: Literal["client_id", "client_secret"]) -> str:
        """Return the name of an option, with the variables that its value comes from: ``"client_id (from CRM_ID)"``."""
        names = VARIABLE.findall(getattr(self, option) or "")
        return f"{option} (from {', '.join(names)})" if names else option

    def fill(self, variables: "Variables") -> "Client":
        """Return the client for a token request, with every ``{{NAME}}`` replaced.

        Raises:
            ClientMisconfigured: The token URL is missing, not https or filled with a value that leads elsewhere, or
                the client id is missing.
            MissingSetting: Variables are not set; the message names all of them.
        """
        try:
            return self._filled(variables)
        except MissingSetting:
            variables.require(self.templates())
            raise

    def templates(self) -> dict[str, Any]:
        """Return the options that `fill` fills, by their names."""
        names = (*_FILLED, *(_FILLED_FOR_PASSWORDS if self.grant == "password" else ()))
        return {name: getattr(self, name) for name in names}

    def _filled(self, variables: "Variables") -> "Client":
        if not self.token_url:
            raise ClientMisconfigured(
                "expected the address of the token endpoint, found none: give token_url, "
                "or token_uri in credentials.oauth2 of component.json"
            )
        token_url = variables.fill_url(self.token_url, "token_url")
        check_token_url(token_url)
        client_id = self._credential("client_id", variables)
        if not client_id:
            raise ClientMisconfigured(
                f"expected a client_id, found {'only blanks' if self.client_id else 'none'}: "
                f"give {self.source('client_id')}, or client_id in credentials.oauth2 of component.json"
            )
        return Client(
            token_url=token_url,
            client_id=client_id,
            client_secret=_with_line_breaks(self._credential("client_secret", variables)),
            client_auth=self.client_auth,
            jwt_algorithm=self.jwt_algorithm,
            jwt_header=variables.fill(self.jwt_header, "jwt_header"),
            id_source=self.source("client_id"),
            secret_source=self.source("client_secret"),
            scopes=variables.fill(self.scopes, "scopes"),
            extra=variables.fill(self.extra, "extra"),
            username=variables.fill(self.username, "username") if self.grant == "password" else "",
            password=variables.fill(self.password, "password") if self.grant == "password" else "",
        )

    def _credential(self, option: Literal["client_id", "client_secret"], variables: "Variables") -> str:
        """Return the client's id or secret, without blanks around it: they come from copying, or from a file's end."""
        value = str(variables.fill(getattr(self, option) or "", option))
        stripped = value.strip(_BLANKS)
        if stripped != value and not stripped.startswith(_PEM):
            _log.warning("%s has blanks around it: they are not sent", self.source(option))
        return stripped


@dataclass(frozen=True, slots=True)
class Client:
    """A client as the token endpoint knows it."""

    token_url: str
    client_id: str
    client_secret: str = member(repr=False)
    client_auth: ClientAuth = "post"
    jwt_algorithm: JwtAlgorithm = "RS256"
    jwt_header: Mapping[str, Any] = member(default_factory=dict)
    id_source: str = member(default="client_id")
    """The option with the id and its variables, for messages: ``"client_id (from CRM_ID)"``."""
    secret_source: str = member(default="client_secret")
    """As ``id_source``, for the secret."""
    scopes: str | None = None
    extra: Mapping[str, Any] = member(default_factory=dict, repr=False)
    username: str = ""
    """The name of the user, for the grant ``password`` only."""
    password: str = member(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Variables:
    """The values for ``{{NAME}}``: the credential field ``NAME`` first, then the environment variable ``NAME``.

    Source: contract §11.2.
    """

    environ: Mapping[str, str] = member(repr=False)
    cfg: Mapping[str, Any] = member(repr=False)
    credential_fields: frozenset[str]

    def fill(self, value: Any, option: str) -> Any:
        """Return ``value`` with every ``{{NAME}}`` in its texts replaced, at any depth.

        Raises:
            MissingSetting: A variable is not set; the message names it.
        """
        if isinstance(value, str):
            return VARIABLE.sub(lambda match: self._lookup(match[1], option), value)
        if isinstance(value, Mapping):
            return {name: self.fill(item, option) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.fill(item, option) for item in value]
        return value

    def fill_url(self, url: str, option: str) -> str:
        """Return a URL with every ``{{NAME}}`` replaced; no value can change its scheme or host.

        Raises:
            ClientMisconfigured: A value would lead elsewhere; the message names it.
            MissingSetting: A variable is not set; the message names it.
        """
        try:
            return urls.fill(url, VARIABLE, lambda name: self._lookup(name, option))
        except urls.WrongUrl as error:
            raise ClientMisconfigured(f"{option}: {error}") from None

    def require(self, templates: Mapping[str, Any]) -> None:
        """Do nothing if the value of each ``{{NAME}}`` is known.

        Args:
            templates: The values of options, by the names of the options.

        Raises:
            MissingSetting: Some are not; the message names all of them.
        """
        remedies: dict[str, str] = {}
        for option, template in templates.items():
            for name in _names_in(template):
                if self._value(name) is None:
                    remedies.setdefault(name, self._remedy(name, option))
        if remedies:
            raise missing_settings(remedies)

    def _lookup(self, name: str, option: str) -> str:
        value = self._value(name)
        if value is None:
            raise missing_settings({name: self._remedy(name, option)})
        return value

    def _value(self, name: str) -> str | None:
        if name in self.credential_fields and isinstance(self.cfg.get(name), str | int):
            return str(self.cfg[name])
        return self.environ.get(name) or None

    def _remedy(self, name: str, option: str) -> str:
        field = "the credential field or " if name in self.credential_fields else ""
        return f"set {field}the environment variable for {option} of OAuth2"


def _names_in(value: Any) -> Iterator[str]:
    """Yield the ``NAME`` of each ``{{NAME}}`` in the texts of a value, at any depth."""
    if isinstance(value, str):
        yield from VARIABLE.findall(value)
    elif isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _names_in(item)


def option_names() -> frozenset[str]:
    """Return the names of all options."""
    return frozenset(_CHECKS)


def check_options(options: Mapping[str, Any]) -> None:
    """Raise an error for options that do not exist or have an invalid value.

    Raises:
        InvalidOption: The message names the option and the expected value or, for a misspelt option, the likely one.
    """
    for name, value in options.items():
        if name not in _CHECKS:
            raise InvalidOption(f"OAuth2 has no option {name!r}{did_you_mean_or_list(name, sorted(_CHECKS))}")
        expected, is_valid = _CHECKS[name]
        if not is_valid(value):
            found = repr(value) if name in _NAMED_VALUES and isinstance(value, str) else type(value).__name__
            raise InvalidOption(f"option {name} of OAuth2: expected {expected}, found {found}")


def check_token_url(token_url: str) -> None:
    """Raise an error for a token URL that would send secrets unencrypted.

    Raises:
        ClientMisconfigured: The URL is neither https nor on loopback.
    """
    if not urls.is_private(token_url):
        scheme, host, _ = urls.origin(token_url) or ("", "", 0)
        found = f"{scheme!r} for host {host!r}" if host else "no clear scheme and host"
        raise ClientMisconfigured(f"expected a token URL with https, found {found}")


def _with_line_breaks(secret: str) -> str:
    r"""Return a secret with real line breaks, if it is a PEM whose line breaks are written as ``\n``."""
    return secret.replace("\\r", "").replace("\\n", "\n") if secret.startswith(_PEM) else secret


def _header(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name.strip(), value.strip()


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_text_or_none(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_header(value: object) -> bool:
    if not isinstance(value, str) or "{access_token}" not in value or not http_headers.is_value(value):
        return False
    name, content = _header(value)
    return http_headers.is_name(name) and bool(content)


def _is_jwt_header(value: object) -> bool:
    return isinstance(value, Mapping) and "alg" not in value and isinstance(value.get("kid", ""), str)


def _is_names(value: object) -> bool:
    return isinstance(value, list | tuple) and all(_is_text(name) for name in value)


def _is_hosts(value: Any) -> bool:
    return _is_names(value) and all(urls.MEMBER.fullmatch(text) or urls.HostPattern.parse(text) for text in value)


def _one_of(literal: Any) -> tuple[str, Callable[[Any], bool]]:
    values = get_args(literal)
    return f"one of {', '.join(values)}", lambda value: value in values


_NAMED_VALUES: Final = frozenset({"client_auth", "jwt_algorithm", "grant", "refresh"})
_CHECKS: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "token_url": ("text", _is_text),
    "client_id": ("text", _is_text),
    "client_secret": ("text", _is_text_or_none),
    "client_auth": _one_of(ClientAuth),
    "jwt_algorithm": _one_of(JwtAlgorithm),
    "jwt_header": ("a dict without alg, with a text as kid", _is_jwt_header),
    "scopes": ("text or a list of texts", lambda value: _is_text_or_none(value) or _is_names(value)),
    "grant": _one_of(Grant),
    "username": ("text", _is_text),
    "password": ("text", _is_text),
    "send": ("a tuple of texts", _is_names),
    "extra": ("a dict", lambda value: isinstance(value, Mapping)),
    "field": ("text", _is_text),
    "refresh": _one_of(RefreshPolicy),
    "expired": ("a function of the response", lambda value: value is None or callable(value)),
    "dead": ("a function of the status and the answer", lambda value: value is None or callable(value)),
    "header": ("text as 'X-Token: {access_token}'", _is_header),
    "parse": ("a function of the answer", lambda value: value is None or callable(value)),
    "hosts": (
        "a list of hosts such as 'api.example.com', '*.example.com' or '{instance_url}'",
        lambda value: value is None or _is_hosts(value),
    ),
    "max_bytes": ("a whole number above 0", lambda value: value is None or (type(value) is int and value > 0)),
    "total_timeout_seconds": (
        "a number above 0",
        lambda value: value is None or (type(value) in (int, float) and value > 0),
    ),
    "allow_http": ("True or False", lambda value: isinstance(value, bool)),
    "lock": ("a function of the account", lambda value: value is None or callable(value)),
}
