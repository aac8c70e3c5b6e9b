"""The state of one OAuth2 credential and its rules. Pure; no I/O.

Source: RFC 6749 §5.1, §6; RFC 6750 §3.1.
"""

import hashlib
import re
from collections import OrderedDict
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

_FIRST_TOKENS: Final = 64
_RECENT_TOKENS: Final = 1000
_LONGEST_SKEW_SECONDS: Final = 60.0
_LATEST_SECONDS: Final = 1e11
"""Larger numbers are not seconds since 1970, but milliseconds or still smaller units."""
_SKEW_SHARE_OF_LIFE: Final = 0.1
_FORBIDDEN: Final = 403
_AMBIGUOUS_STATUSES: Final = frozenset({400, 403, 404})
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_CHALLENGE_PARAMETER: Final = re.compile(
    r'(?<![\w-])([A-Za-z][\w-]*+)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)|([^\s,"]++))'
)


def merge(old: Keys, answer: Keys) -> dict[str, Any]:
    """Return the keys to store after a refresh: the old keys without time-bound members, and the token response.

    >>> merge({"access_token": "a", "refresh_token": "r", "expires_in": 9}, {"access_token": "b"})
    {'access_token': 'b', 'refresh_token': 'r'}
    """
    merged = {name: value for name, value in old.items() if name not in TIME_BOUND}
    merged.update(answer)
    if not _text(answer.get("refresh_token")) and old.get("refresh_token"):
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
    """Return the expiry in a token response that has just arrived, None if it has no valid one.

    Args:
        answer: The token response.
        asked_at: Monotonic seconds at the start of the request.
        wall_clock: Epoch seconds at the same moment.
    """
    life = _life_of(answer)
    if life is not None:
        return Expiry(asked_at + life, life)
    return stored_expiry(answer, now=asked_at, wall_clock=wall_clock)


def stored_expiry(keys: Keys, *, now: float, wall_clock: float) -> Expiry | None:
    """Return the expiry of stored keys from ``expires_at``; ``expires_in`` alone has no start.

    Args:
        keys: The stored keys.
        now: Monotonic seconds.
        wall_clock: Epoch seconds at the same moment.
    """
    expires_at = _moment(keys.get("expires_at"))
    if expires_at is None:
        return None
    return Expiry(now + expires_at - wall_clock, _life_of(keys))


def dated(answer: Keys, *, wall_clock: float) -> Keys:
    """Return a token response with ``expires_at`` (epoch seconds), so that its expiry is known after a restart.

    A response that has one, or that has no ``expires_in``, is returned as it is.

    >>> dated({"access_token": "a", "expires_in": "3600"}, wall_clock=1000.5)
    {'access_token': 'a', 'expires_in': '3600', 'expires_at': 4600}

    Args:
        answer: The token response.
        wall_clock: Epoch seconds at the start of the request.
    """
    life = _life_of(answer)
    if life is None or answer.get("expires_at") is not None:
        return answer
    return {**answer, "expires_at": int(wall_clock + life)}


def _life_of(keys: Keys) -> float | None:
    return _positive_number(keys.get("expires_in"))


def _moment(value: object) -> float | None:
    """Return epoch seconds from a number or a text: seconds, milliseconds or less, an ISO 8601 date, an HTTP date.

    >>> [_moment(value) for value in (1764547200, "1764547200000", "2025-12-01T00:00:00Z", "never")]
    [1764547200.0, 1764547200.0, 1764547200.0, None]
    """
    number = _positive_number(value)
    if number is not None:
        while number > _LATEST_SECONDS:
            number /= 1000
        return number
    return _date(value) if isinstance(value, str) else None


def _date(text: str) -> float | None:
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(text.strip())
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return seconds if seconds > 0 else None
    return None


def _positive_number(value: object) -> float | None:
    """Return a positive finite number, also from text: providers send ``"3600"``, and ``0`` for "never"."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 < number < 1e20 else None


@dataclass(frozen=True, slots=True)
class Credential:
    """The tokens of one account as this process knows them; new tokens have the next generation."""

    keys: Keys = field(default_factory=dict, repr=False)
    generation: int = 0
    expiry: Expiry | None = None
    refusal: str | None = None
    """Why the provider refused the refresh token, which is then never sent again; None if it has not."""
    is_unsaved: bool = False
    """True if these keys are only in memory, because they could not be saved."""
    is_adopted: bool = False
    """True if another process has refreshed these keys at an unknown time; they may have expired."""
    is_uncertain: bool = False
    """True if the token response to a refresh of these keys was lost; the refresh token may be spent."""

    is_age_unknown: bool = False
    """Whether the token lives for a known time from an unknown moment on, so that it may have expired."""

    @property
    def access_token(self) -> str | None:
        """The access token, None if it is missing."""
        return _text(self.keys.get("access_token"))

    @property
    def refresh_token(self) -> str | None:
        """The refresh token, None if it is missing."""
        return _text(self.keys.get("refresh_token"))

    def signed_in(self, keys: Keys, expiry: Expiry | None) -> "Credential":
        """Return the credential with keys of another process or of a new sign-in."""
        is_age_unknown = expiry is None and _life_of(keys) is not None and bool(_text(keys.get("refresh_token")))
        return Credential(dict(keys), self.generation, expiry, is_age_unknown=is_age_unknown)

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
    """The hashes of the tokens that an account has had in this process: the first 64, and the last 1000 to be used.

    A container's ``cfg`` never changes, so its first token must not look like a new sign-in after any number of
    refreshes. A token counts as used whenever a ``cfg`` or the stored keys have it.
    """

    def __init__(self) -> None:
        """Start without tokens."""
        self._first: set[bytes] = set()
        self._recent: OrderedDict[bytes, None] = OrderedDict()

    def add(self, keys: Keys) -> None:
        """Remember the tokens of these keys."""
        for token in _tokens(keys):
            mark = fingerprint(token)
            if self._has(mark):
                continue
            if len(self._first) < _FIRST_TOKENS:
                self._first.add(mark)
                continue
            self._recent[mark] = None
            if len(self._recent) > _RECENT_TOKENS:
                self._recent.popitem(last=False)

    def knows(self, keys: Keys) -> bool:
        """Tell whether all tokens of these keys were seen; true for keys without tokens."""
        return all(self._has(fingerprint(token)) for token in _tokens(keys))

    def shares(self, keys: Keys) -> bool:
        """Tell whether any token of these keys was seen."""
        return any(self._has(fingerprint(token)) for token in _tokens(keys))

    def _has(self, mark: bytes) -> bool:
        if mark in self._first:
            return True
        try:
            # One step, because threads share the account: the token is never absent in between.
            self._recent.move_to_end(mark)
        except KeyError:
            return False
        return True


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


def is_sendable(token: object) -> bool:
    """Tell whether an access token fits into a header: visible ASCII letters, at least one, without blanks.

    Providers use more letters than the standard allows, such as ``!`` and ``|``.

    Source: RFC 6750 §2.1; RFC 6749 appendix A.12.
    """
    return isinstance(token, str) and _VISIBLE.fullmatch(token) is not None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def asks_for_refresh(
    status: int,
    www_authenticate: str | None,
    *,
    is_expired: Callable[[], bool] | None,
    is_past: bool,
    is_age_unknown: bool = False,
) -> bool:
    """Tell whether an API's answer means that the access token has expired.

    401 does. 400, 403 and 404 do if the known expiry is past, unless the author's predicate decides. With a token of
    unknown age only 403 does, because 400 and 404 are about the request as a rule. A valid token that lacks a scope is
    not refreshed: that would not help.

    Args:
        status: The HTTP status.
        www_authenticate: The header of this name. Source: RFC 6750 §3.1.
        is_expired: The author's predicate, bound to the response.
        is_past: Whether the known expiry of the token is past.
        is_age_unknown: Whether the token may have expired, because only its life is known.
    """
    if www_authenticate and _challenge_error(www_authenticate) == "insufficient_scope":
        return False
    if status == 401:
        return True
    if is_expired is not None:
        return bool(is_expired())
    return (status in _AMBIGUOUS_STATUSES and is_past) or (status == _FORBIDDEN and is_age_unknown)


def _challenge_error(www_authenticate: str) -> str | None:
    for name, quoted, plain in _CHALLENGE_PARAMETER.findall(www_authenticate):
        if name.lower() == "error":
            return str(quoted or plain).lower()
    return None
