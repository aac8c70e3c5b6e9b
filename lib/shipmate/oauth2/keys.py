"""The keys of an account: a token response as the platform stores it. Pure; no I/O.

Source: RFC 6749 §5.1, §6.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from shipmate.logs.redaction import secrets_in

Keys = Mapping[str, Any]
"""A token response as the platform stores it: ``{"access_token": "...", "refresh_token": "...", ...}``."""

# Members of a token response that hold for its own access token only: they are not kept for the next one.
TIME_BOUND: Final = frozenset(
    {"expires_in", "expires_at", "ext_expires_in", "issued_at", "id_token", "refresh_token_expires_in", "signature"}
)

_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")


def merge(old: Keys, answer: Keys) -> dict[str, Any]:
    """Return the keys to store after a refresh: the old keys without time-bound members, and the token response.

    >>> merge({"access_token": "a", "refresh_token": "r", "expires_in": 9}, {"access_token": "b"})
    {'access_token': 'b', 'refresh_token': 'r'}
    """
    merged = {name: value for name, value in old.items() if name not in TIME_BOUND}
    merged.update(answer)
    if not token_in(answer, "refresh_token") and old.get("refresh_token"):
        merged["refresh_token"] = old["refresh_token"]
    return merged


def token_in(keys: Keys, name: str) -> str | None:
    """Return the token with this name, None if it is missing, empty or not text."""
    value = keys.get(name)
    return value if isinstance(value, str) and value else None


def tokens_in(keys: Keys) -> Iterator[str]:
    """Yield the access token and the refresh token of these keys, as far as they have them."""
    for name in ("access_token", "refresh_token"):
        if token := token_in(keys, name):
            yield token


def has_tokens(keys: Keys) -> bool:
    """Tell whether these keys have a token."""
    return any(True for _ in tokens_in(keys))


def secrets_of(keys: Keys) -> list[str]:
    """Return the secret values of the keys, at any depth.

    >>> secrets_of({"access_token": "a", "token_type": "Bearer", "scope": "x", "authed_user": {"access_token": "b"}})
    ['b', 'a']
    """
    return list(secrets_in(keys))


def fingerprint(text: str) -> bytes:
    """Return a hash that identifies a token, 16 bytes."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def is_sendable(token: object) -> bool:
    """Tell whether an access token fits into a header: visible ASCII letters, at least one, without blanks.

    Providers use more letters than the standard allows, such as ``!`` and ``|``.

    Source: RFC 6750 §2.1; RFC 6749 appendix A.12.
    """
    return isinstance(token, str) and _VISIBLE.fullmatch(token) is not None
