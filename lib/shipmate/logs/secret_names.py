"""Says which values are secrets, by the names that they have and by the URLs that they are in."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

_LONGEST_NAME: Final = 256
"""Of a longer name only the end counts: names are remembered, and anyone may send one."""
_STRONG: Final = (
    "token", "secret", "password", "passwd", "passphrase", "passcode", "pwd", "apikey", "credential", "credentials",
    "assertion", "cookie", "cookies", "authorization", "jwt", "private", "bearer", "sessionkey", "accesskey",
)  # fmt: skip
_WEAK: Final = frozenset({"key", "auth", "pass", "signature", "verifier", "sig", "otp", "hmac"})
_HARMLESS: Final = frozenset(
    "type uri url endpoint id expires expiry in at name hint method count length policy limit format alg algorithm "
    "field kind header lifetime ttl required enabled user username login email host domain scope scopes region realm "
    "audience issuer retries delay period timeout second".split()
)
_SESSION_ID: Final = ["session", "id"]
_ROUTING_KEY: Final = ["routing", "key"]
"""The address of a message in AMQP, which the log has for each delivery."""
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
NAMING: Final = ("name", "key", "header", "field", "param")
"""The members that may name the value of another member."""
_VALUES: Final = ("value", "content", "text")
_PASSWORD: Final = re.compile(r"(?<=://)[^\s/:@?#]*+:([^\s/?#]*)@")


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    words = _words(name)
    if not words or words[-2:] == _ROUTING_KEY:
        return False
    if words[-1] in _HARMLESS:
        return words[-2:] == _SESSION_ID or words[-1] == "sessionid"
    return words[-1] in _WEAK or words[-1] == "sessionid" or any(word.endswith(_STRONG) for word in words)


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


def is_secret_name(name: str) -> bool:
    """Return whether a member or variable of this name holds a secret.

    >>> [is_secret_name(name) for name in ("refresh_token", "apiKey", "token_type", "secretId", "keyword")]
    [True, True, False, False, False]
    """
    return _is_secret(name[-_LONGEST_NAME:])


def is_harmless_name(name: str) -> bool:
    """Return whether a member of this name is public even within a secret: ``expires_at``, ``token_type``."""
    words = _words(name[-_LONGEST_NAME:])
    return bool(words) and words[-1] in _HARMLESS


def secret_item(pairs: Mapping[Any, Any]) -> str | None:
    """Return the member that holds a secret because another member names it; None if there is none.

    >>> secret_item({"name": "Authorization", "value": "Bearer abc"}), secret_item({"name": "ada", "value": "x"})
    ('value', None)
    """
    for value in _VALUES:
        if value in pairs and any(isinstance(name := pairs.get(each), str) and is_secret_name(name) for each in NAMING):
            return value
    return None


def are_pairs(items: Iterable[Any]) -> bool:
    """Return whether items are pairs of a name and a value, as of headers: ``[["Authorization", "Bearer abc"]]``."""
    return all(isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[0], str) for item in items)


def secrets_in(value: Any) -> Iterator[str]:
    """Yield the secrets in a value at any depth: those that a name marks, and the passwords in URLs.

    >>> sorted(secrets_in({"authed_user": {"access_token": "a"}, "uri": "amqp://guest:b@host", "scope": "c"}))
    ['a', 'b']
    """
    pending: list[tuple[Any, bool]] = [(value, False)]
    seen: set[int] = set()
    while pending:
        one, is_secret = pending.pop()
        if isinstance(one, str):
            if is_secret:
                yield one
            yield from passwords_in(one)
        elif isinstance(one, Mapping | list | tuple):
            if id(one) in seen and not is_secret:
                continue
            seen.add(id(one))
            pending += _members(one, is_secret)


def _members(value: Any, is_secret: bool) -> Iterator[tuple[Any, bool]]:
    """Yield the members of a value, each with whether it is a secret."""
    if isinstance(value, Mapping):
        marked = secret_item(value)
        for name, member in value.items():
            yield (
                member,
                name == marked or is_secret_name(str(name)) or (is_secret and not is_harmless_name(str(name))),
            )
    elif are_pairs(value):
        for name, member in value:
            yield member, is_secret or is_secret_name(name)
    else:
        for member in value:
            yield member, is_secret


def passwords_in(text: str) -> Iterator[str]:
    """Yield the passwords of the URLs in a text, as they are written and decoded.

    >>> list(passwords_in("amqp://guest:p%40ss@host/x"))
    ['p%40ss', 'p@ss']
    """
    if "://" in text and "@" in text:
        for password in _PASSWORD.findall(text):
            yield password
            if "%" in password:
                yield unquote(password)
