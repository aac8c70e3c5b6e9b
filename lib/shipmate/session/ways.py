"""The ways in which an account proves itself, found in the credential fields of a component. Pure; no I/O.

A field's name says what it is for; templates of the author say it for other names.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from shipmate.errors import CredentialsInvalid, InvalidOption
from shipmate.http import headers as http_headers
from shipmate.http.proof import Proof
from shipmate.platform.secret import Secret
from shipmate.urls import MEMBER

Kind = Literal["oauth2", "basic", "api_key", "bearer", "none"]
KINDS: Final[tuple[Kind, ...]] = ("oauth2", "basic", "api_key", "bearer", "none")

USERS: Final = frozenset({"username", "user", "login", "email"})
_PASSWORDS: Final = frozenset({"password"})
_KEYS: Final = frozenset({"apikey", "accesskey"})
# Other fields have this name, too: the key of a project, for example.
_WEAK_KEYS: Final = frozenset({"key"})
_TOKENS: Final = frozenset({"token", "accesstoken", "apitoken", "bearertoken", "authtoken", "personalaccesstoken"})
_QUERY: Final = re.compile(r"([^\s={}&#?]+)=(.*)", re.DOTALL)
_NOTHING: Final = Proof("", "")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to prove the account, with its place in a request.

    >>> Way("api_key", header=("X-API-Key", "{apiKey}")).proof({"apiKey": "k"}.get)
    Proof(header='X-API-Key', value='k', parameter='')
    """

    kind: Kind
    header: tuple[str, str] | None = None
    """Name and template of a header."""
    parameter: tuple[str, str] | None = None
    """Name and template of a parameter of the query."""
    pair: str = ""
    """Template of user and password of basic authentication: ``"{username}:{password}"``."""

    @property
    def names(self) -> tuple[str, ...]:
        """The credential fields that it needs."""
        template = self.header or self.parameter or ("", self.pair)
        return tuple(dict.fromkeys(MEMBER.findall(template[1])))

    def proof(self, value_of: Any) -> Proof:
        """Return what a request sends.

        Args:
            value_of: Returns the value of a credential field by its name, None without one.

        Raises:
            CredentialsInvalid: A field is missing or empty, or its value cannot be sent.
        """
        if self.pair:
            return _basic(self.pair, value_of)
        if self.header is not None:
            name, template = self.header
            value = _fill(template, value_of)
            if not http_headers.is_value(value):
                raise CredentialsInvalid(
                    f"the credential field {self.names[0]}: expected a text that a header can carry, found another one"
                )
            return Proof(name, value)
        if self.parameter is not None:
            name, template = self.parameter
            return Proof("", _fill(template, value_of), name)
        return _NOTHING


NONE: Final = Way("none")
_OAUTH2: Final = Way("oauth2")


def ways_in(view_classes: Mapping[str, Any], *, has_oauth2: bool) -> tuple[Way, ...]:
    """Return the ways of the credential fields of a descriptor, none without a field that proves something.

    >>> [way.kind for way in ways_in({"apiKey": "PasswordFieldView", "url": "TextFieldView"}, has_oauth2=False)]
    ['api_key']

    Args:
        view_classes: The view class of each credential field.
        has_oauth2: Whether the descriptor has ``credentials.oauth2``.
    """
    plain = {re.sub(r"[_-]", "", name).lower(): name for name in view_classes}

    def first(names: frozenset[str], *, is_hidden: bool = False) -> str | None:
        found = (name for known, name in plain.items() if known in names)
        return next((name for name in found if not is_hidden or view_classes[name] == "PasswordFieldView"), None)

    ways = [_OAUTH2] if has_oauth2 or "OAuthFieldView" in view_classes.values() else []
    user, password, token = map(first, (USERS, _PASSWORDS, _TOKENS))
    key = first(_KEYS) or first(_WEAK_KEYS, is_hidden=True)
    if user and password:
        ways.append(Way("basic", pair=f"{{{user}}}:{{{password}}}"))
    if key:
        ways.append(Way("api_key", header=("X-API-Key", f"{{{key}}}")))
    if token:
        ways.append(Way("bearer", header=("Authorization", f"Bearer {{{token}}}")))
    return tuple(ways)


def way_from(option: Literal["header", "query", "basic"], template: object) -> Way:
    """Return the way that a template of the author describes.

    >>> way_from("query", "api_key={key}").proof({"key": "k"}.get)
    Proof(header='', value='k', parameter='api_key')

    Raises:
        InvalidOption: The template has another form, or names no field.
    """
    text = template if isinstance(template, str) else ""
    if MEMBER.search(text):
        if option == "header":
            name, _, value = (each.strip() for each in text.partition(":"))
            if http_headers.is_name(name) and value and http_headers.is_value(value):
                is_bearer = (name.lower(), value[:7].lower()) == ("authorization", "bearer ")
                return Way("bearer" if is_bearer else "api_key", header=(name, value))
        elif option == "query":
            if match := _QUERY.fullmatch(text):
                return Way("api_key", parameter=(match[1], match[2]))
        elif ":" in text:
            return Way("basic", pair=text)
    example = {"header": "'X-API-Key: {apiKey}'", "query": "'api_key={apiKey}'", "basic": "'{username}:{password}'"}
    raise InvalidOption(f"option {option} of context.session: expected text such as {example[option]}, found another")


def proof_of(secret: Secret, ways: tuple[Way, ...]) -> Proof:
    """Return what a request sends for a secret of the platform that is not of type oauth2.

    Args:
        secret: The secret; its own type decides.
        ways: The ways of the component; a parameter of the query is the place of an API key.

    Raises:
        CredentialsInvalid: The secret lacks a member, or its value cannot be sent.
    """
    members = secret.credentials

    def value_of(name: str) -> Any:
        return members.get(name)

    try:
        if secret.kind == "basic":
            return _basic("{username}:{password}", value_of)
        if secret.kind == "api_key":
            own = next((way.parameter for way in ways if way.parameter is not None), None)
            if own is not None:
                return Proof("", MEMBER.sub(lambda _: _text("headerValue", value_of), own[1]), own[0])
            name = _text("headerName", value_of).strip()
            if not http_headers.is_name(name):
                raise CredentialsInvalid("headerName: expected the name of a header, found another text")
            return Way("api_key", header=(name, "{headerValue}")).proof(value_of)
    except CredentialsInvalid as error:
        raise CredentialsInvalid(f"{secret.name}: {error}") from None
    return _NOTHING


def chosen(ways: tuple[Way, ...], fields: Mapping[str, Any], oauth2_field: str | None) -> Way:
    """Return the way that an account has filled in; of several, exactly one must be.

    Args:
        ways: The ways of the component.
        fields: The values of the credential fields.
        oauth2_field: The field with the keys of OAuth2, None if a token is got without any.

    Raises:
        CredentialsInvalid: No way is filled in, or several are.
    """
    if len(ways) == 1:
        return ways[0]
    if not ways:
        return NONE
    filled = [way for way in ways if way.kind != "none" and _is_filled(way, fields, oauth2_field)]
    if len(filled) == 1:
        return filled[0]
    if not filled and NONE in ways:
        return NONE
    expected = ", or ".join(" and ".join(way.names) or oauth2_field or way.kind for way in ways if way.kind != "none")
    found = "several of them" if filled else "none complete"
    raise CredentialsInvalid(f"the credentials: expected exactly one of {expected}; found {found}")


def _is_filled(way: Way, fields: Mapping[str, Any], oauth2_field: str | None) -> bool:
    if way.kind == "oauth2":
        return oauth2_field is None or bool(fields.get(oauth2_field))
    return all(str(fields.get(name) or "").strip() for name in way.names)


def _basic(template: str, value_of: Any) -> Proof:
    """Return the header of basic authentication. Source: RFC 7617 §2."""
    user, _, password = template.partition(":")
    name = _fill(user, value_of)
    if ":" in name:
        raise CredentialsInvalid("the user name: expected a text without a colon, found one with a colon")
    pair = f"{name}:{_fill(password, value_of, is_stripped=False)}"
    return Proof("Authorization", f"Basic {base64.b64encode(pair.encode()).decode('ascii')}")


def _fill(template: str, value_of: Any, *, is_stripped: bool = True) -> str:
    # Blanks around a value come from copying; only a password may end with one.
    return MEMBER.sub(lambda match: _text(match[1], value_of, is_stripped=is_stripped), template)


def _text(name: str, value_of: Any, *, is_stripped: bool = True) -> str:
    value = value_of(name)
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text.strip():
        raise CredentialsInvalid(f"the credential field {name}: expected a text, found nothing")
    return text.strip() if is_stripped else text
