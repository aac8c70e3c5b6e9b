"""The state of one OAuth2 credential and its rules. Pure; no I/O.

Source: RFC 6749 §5.1, §6; RFC 6750 §3.1.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from shipmate.logs.redaction import secrets_in

Keys = Mapping[str, Any]
"""A token response as the platform stores it: ``{"access_token": "...", "refresh_token": "...", ...}``."""

# Members of a token response that hold for its own access token only: they are not kept for the next one.
TIME_BOUND: Final = frozenset(
    {"expires_in", "expires_at", "ext_expires_in", "issued_at", "id_token", "refresh_token_expires_in", "signature"}
)

_LONGEST_SKEW_SECONDS: Final = 60.0
_SKEW_SHARE_OF_LIFE: Final = 0.1
_AMBIGUOUS_STATUSES: Final = frozenset({400, 403, 404})
_CHALLENGE_PARAMETER: Final = re.compile(
    r'(?<![\w-])([A-Za-z][\w-]*+)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)|([^\s,"]++))'
)


def merge(old: Keys, answer: Keys) -> dict[str, Any]:
    """Return the keys to store after a refresh: the old keys, without time-bound members, updated by the answer.

    >>> merge({"access_token": "a", "refresh_token": "r", "expires_in": 9}, {"access_token": "b"})
    {'access_token': 'b', 'refresh_token': 'r'}
    """
    merged = {name: value for name, value in old.items() if name not in TIME_BOUND}
    merged.update(answer)
    if not answer.get("refresh_token") and old.get("refresh_token"):
        merged["refresh_token"] = old["refresh_token"]
    return merged


@dataclass(frozen=True, slots=True)
class Expiry:
    """The expiry of an access token: ``at`` in monotonic seconds, after a life of ``life_seconds`` if known."""

    at: float
    life_seconds: float | None = None

    def is_past(self, now: float) -> bool:
        """Tell whether the token has expired."""
        return now >= self.at

    def is_due(self, now: float) -> bool:
        """Tell whether the token has expired or soon will: within a minute, or a tenth of its life if shorter."""
        life = self.life_seconds
        skew = _LONGEST_SKEW_SECONDS if life is None else min(_LONGEST_SKEW_SECONDS, life * _SKEW_SHARE_OF_LIFE)
        return now >= self.at - skew


def answered_expiry(answer: Keys, *, asked_at: float, wall_clock: float) -> Expiry | None:
    """Return the expiry in a token response that has just arrived, None without a valid one.

    Args:
        answer: The token response.
        asked_at: Monotonic seconds at the start of the request.
        wall_clock: Epoch seconds at the same moment.
    """
    life = _positive_number(answer.get("expires_in"))
    if life is not None:
        return Expiry(asked_at + life, life)
    return stored_expiry(answer, now=asked_at, wall_clock=wall_clock)


def stored_expiry(keys: Keys, *, now: float, wall_clock: float) -> Expiry | None:
    """Return the expiry of stored keys from ``expires_at`` (epoch seconds); ``expires_in`` alone has no start.

    Args:
        keys: The stored keys.
        now: Monotonic seconds.
        wall_clock: Epoch seconds at the same moment.
    """
    expires_at = _positive_number(keys.get("expires_at"))
    if expires_at is None:
        return None
    return Expiry(now + expires_at - wall_clock, _positive_number(keys.get("expires_in")))


def _positive_number(value: object) -> float | None:
    """Return a positive finite number, also from text: providers send ``"3600"``, and ``0`` for "never"."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 < number < 1e15 else None


@dataclass(frozen=True, slots=True)
class Credential:
    """The tokens of one account as this process knows them; new tokens have the next generation."""

    keys: Keys = field(default_factory=dict, repr=False)
    generation: int = 0
    expiry: Expiry | None = None
    refusal: str | None = None
    """Why the provider refused the refresh token, which is then never sent again; None if it has not."""
    is_unsaved: bool = False
    """Whether these keys are only in memory, because they could not be saved."""
    is_adopted: bool = False
    """Whether another process has refreshed these keys: it is unknown when, so they may have expired."""
    is_uncertain: bool = False
    """Whether the answer to a refresh of these keys was lost: the refresh token may be spent."""

    @property
    def access_token(self) -> str | None:
        """The access token, None when there is none."""
        return _text(self.keys.get("access_token"))

    @property
    def refresh_token(self) -> str | None:
        """The refresh token, None when there is none."""
        return _text(self.keys.get("refresh_token"))

    def signed_in(self, keys: Keys, expiry: Expiry | None) -> "Credential":
        """Return the credential with keys of another process or of a new sign-in."""
        return Credential(dict(keys), self.generation, expiry)

    def adopted(self) -> "Credential":
        """Return the credential, marked as refreshed by another process."""
        return replace(self, is_adopted=True)

    def refreshed(self, answer: Keys, expiry: Expiry | None) -> "Credential":
        """Return the credential after a refresh, not yet saved.

        If the provider returned the same access token, the expiry counts as unknown: it would be due at once, forever.
        """
        if _text(answer.get("access_token")) == self.access_token:
            expiry = None
        return Credential(merge(self.keys, answer), self.generation, expiry, is_unsaved=True)

    def saved(self) -> "Credential":
        """Return the credential after its keys were saved."""
        return replace(self, is_unsaved=False)

    def refused(self, reason: str) -> "Credential":
        """Return the credential after the provider refused its refresh token."""
        return replace(self, refusal=reason)

    def following(self, previous: "Credential") -> "Credential":
        """Return the credential with the generation after ``previous``, or with the same one if the keys are identical.

        Equal keys are not identical: a provider may answer a refresh with the same token, and that was a refresh, too.
        """
        return replace(self, generation=previous.generation + (self.keys is not previous.keys))

    def uncertain(self) -> "Credential":
        """Return the credential after a refresh whose answer was lost."""
        return replace(self, is_uncertain=True)


class SeenTokens:
    """The hashes of all tokens that an account has had in this process.

    A container's ``cfg`` never changes, so its first token must not look like a new sign-in after any number of
    refreshes.
    """

    def __init__(self) -> None:
        """Start without tokens."""
        self._seen: set[bytes] = set()

    def add(self, keys: Keys) -> None:
        """Remember the tokens of these keys."""
        self._seen.update(fingerprint(token) for token in _tokens(keys))

    def knows(self, keys: Keys) -> bool:
        """Tell whether all tokens of these keys were seen; true for keys without tokens."""
        return all(fingerprint(token) in self._seen for token in _tokens(keys))

    def shares(self, keys: Keys) -> bool:
        """Tell whether any token of these keys was seen."""
        return any(fingerprint(token) in self._seen for token in _tokens(keys))


def fingerprint(text: str) -> bytes:
    """Return a hash that identifies a token, 16 bytes."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def secrets_of(keys: Keys) -> list[str]:
    """Return the secret values of the keys, at any depth.

    >>> secrets_of({"access_token": "a", "token_type": "Bearer", "scope": "x", "authed_user": {"access_token": "b"}})
    ['b', 'a']
    """
    return list(secrets_in(keys))


def has_tokens(keys: Keys) -> bool:
    """Tell whether these keys have a token."""
    return any(True for _ in _tokens(keys))


def _tokens(keys: Keys) -> Iterator[str]:
    for name in ("access_token", "refresh_token"):
        if token := _text(keys.get(name)):
            yield token


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def asks_for_refresh(
    status: int, www_authenticate: str | None, *, is_expired: Callable[[], bool] | None, is_past: bool
) -> bool:
    """Tell whether an API's answer means that the access token has expired.

    401 does. 400, 403 and 404 do if the known expiry is past, unless the author's predicate decides. A valid token that
    lacks a scope is not refreshed: that would not help.

    Args:
        status: The HTTP status.
        www_authenticate: The header of this name. Source: RFC 6750 §3.1.
        is_expired: The author's predicate, bound to the response.
        is_past: Whether the known expiry of the token is past.
    """
    if www_authenticate and _challenge_error(www_authenticate) == "insufficient_scope":
        return False
    if status == 401:
        return True
    if is_expired is not None:
        return bool(is_expired())
    return status in _AMBIGUOUS_STATUSES and is_past


def _challenge_error(www_authenticate: str) -> str | None:
    for name, quoted, plain in _CHALLENGE_PARAMETER.findall(www_authenticate):
        if name.lower() == "error":
            return str(quoted or plain).lower()
    return None
