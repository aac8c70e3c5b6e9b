"""Decides whether and when a request is sent again. Pure: time, randomness and waiting are the session's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from shipmate.errors import InvalidOption
from shipmate.http.headers import retry_after_seconds
from shipmate.session.status_ranges import StatusRanges
from shipmate.session.values import limited, text

Backoff = Literal["none", "arithmetic", "geometric"]
Repeat = Literal["safe", "all", "none"]

# Source: RFC 9110 §9.2.2.
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
_SERVER_ERROR: Final = 500
# Source: RFC 6585 §4.
_REFUSALS: Final = "429"
NEVER: Final = 0
"""The status of a request that no repetition helps: the API has a wrong certificate, or the request cannot be sent."""
_FIELDS: Final = frozenset({"retries", "retriesDelay", "callsPerSecond"})
_MOST_RETRIES: Final = 10
_MOST_DELAY_MS: Final = 60_000
_MOST_CALLS: Final = 1000


@dataclass(frozen=True, slots=True)
class Failure:
    """One attempt that did not succeed."""

    method: str
    status: int | None
    """The status of the answer, None without an answer, `NEVER` if there will be none."""
    retry_after: str | None = None
    """The header of this name."""
    was_sent: bool = True
    """False if the request has certainly not reached the API."""
    is_marked: bool = False
    """Whether the author says that the request may be done twice."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules for sending a request again: ``Policy(attempts=6, delay_seconds=2)``.

    Args:
        attempts: How often a request is sent at most; 1 never repeats.
        delay_seconds: The first pause.
        backoff: ``"geometric"`` doubles the pause each time, ``"arithmetic"`` adds the first one, ``"none"`` keeps it.
        longest_pause_seconds: The longest pause, also if ``Retry-After`` asks for more.
        jitter: By which share of itself a pause is longer at random, so that many containers do not come at once.
        statuses: The statuses after which a request is sent again: ``"408, 429, 500-599"``.
        refusals: The statuses by which the API says that it has not executed the request and may do so later: every
            method is sent again after them.
        repeat: ``"safe"`` repeats idempotent methods and requests that are marked with ``repeatable=True``; after
            ``refusals``, and if no connection was established, all. ``"all"`` repeats every method, ``"none"`` none.
        budget_seconds: The time for all attempts and pauses; no pause begins that would end later.
        retry_after: Whether the header ``Retry-After`` replaces the computed pause.
        calls_per_second: The most requests that start in a second, of all threads of this account; None for any.

    Raises:
        InvalidOption: A value is not possible.
    """

    attempts: int = 4
    delay_seconds: float = 0.5
    backoff: Backoff = "geometric"
    longest_pause_seconds: float = 60.0
    jitter: float = 0.2
    statuses: str | StatusRanges = "408, 425, 429, 500, 502-504, 506-599"
    refusals: str | StatusRanges = _REFUSALS
    repeat: Repeat = "safe"
    budget_seconds: float = 300.0
    retry_after: bool = True
    calls_per_second: float | None = None

    def __post_init__(self) -> None:
        """Check the values, and read the statuses."""
        _require("attempts", self.attempts, self.attempts >= 1, "1 or more")
        for name in ("delay_seconds", "longest_pause_seconds", "jitter", "budget_seconds"):
            _require(name, getattr(self, name), getattr(self, name) >= 0, "0 or more")
        _require("backoff", self.backoff, self.backoff in ("none", "arithmetic", "geometric"), "a kind of back-off")
        _require("repeat", self.repeat, self.repeat in ("safe", "all", "none"), "safe, all or none")
        calls = self.calls_per_second
        _require("calls_per_second", calls, calls is None or calls > 0, "a number above 0")
        statuses, refusals = self.statuses, self.refusals
        if isinstance(statuses, str):
            statuses = StatusRanges.parse(statuses, name="statuses")
        if isinstance(refusals, str):
            is_usual, refusals = refusals == _REFUSALS, StatusRanges.parse(refusals, name="refusals")
            statuses = statuses if is_usual else StatusRanges((*statuses.ranges, *refusals.ranges))
        object.__setattr__(self, "statuses", statuses)
        object.__setattr__(self, "refusals", refusals)

    def with_fields(self, fields: Mapping[str, Any], note: Callable[[str], object] | None = None) -> "Policy":
        """Return the policy with what a person has typed into the form of a credential or of a step.

        ``retries`` is the number of repetitions, ``retriesDelay`` the pause in milliseconds, which then stays the same,
        and ``callsPerSecond`` the rate. A field that is missing or empty changes nothing.

        Args:
            fields: The fields.
            note: Gets one line about a value that is not allowed, which is then limited; None raises it.

        Raises:
            InvalidField: A field has no number, or one that is not allowed, and ``note`` is None.
        """
        if _FIELDS.isdisjoint(fields):
            return self
        retries = limited(
            fields, "retries", default=self.attempts - 1, least=0, most=_MOST_RETRIES, note=note, is_whole=True
        )
        policy = replace(self, attempts=int(retries) + 1)
        if text(fields, "retriesDelay"):
            delay_ms = limited(
                fields, "retriesDelay", default=-1, least=0, most=_MOST_DELAY_MS, note=note, is_whole=True
            )
            if delay_ms >= 0:
                policy = replace(policy, delay_seconds=delay_ms / 1000, backoff="none")
        calls = limited(fields, "callsPerSecond", default=0, least=0, most=_MOST_CALLS, note=note)
        return replace(policy, calls_per_second=calls) if calls else policy

    def pause_seconds(
        self, failure: Failure, attempt: int, *, elapsed_seconds: float, chance: float, now: float
    ) -> float | None:
        """Return the pause before the next attempt, None if there is none.

        Args:
            failure: The attempt that failed.
            attempt: Its number, from 1 on.
            elapsed_seconds: The time since the first attempt began.
            chance: A random number from 0 to 1.
            now: Epoch seconds, for a date in ``Retry-After``.
        """
        if attempt >= self.attempts or not self.allows(failure):
            return None
        asked = retry_after_seconds(failure.retry_after, now) if self.retry_after else None
        pause = self._computed_seconds(attempt) * (1 + self.jitter * chance) if asked is None else asked
        pause = min(pause, self.longest_pause_seconds)
        return pause if elapsed_seconds + pause <= self.budget_seconds else None

    def allows(self, failure: Failure) -> bool:
        """Tell whether a request may be sent again after a failure, now or later."""
        if not self.may_pass(failure) or self.repeat == "none":
            return False
        return self.repeat == "all" or self.is_harmless(failure)

    def is_harmless(self, failure: Failure) -> bool:
        """Tell whether a repetition does nothing twice: the API has done nothing, or the method is idempotent."""
        if failure.status in self.refusals or not failure.was_sent:
            return True
        return failure.is_marked or failure.method in _IDEMPOTENT

    def is_unclear(self, failure: Failure) -> bool:
        """Tell whether the API may have executed the request: it has not answered, or with an error of its own."""
        status = failure.status
        if not failure.was_sent or status == NEVER or status in self.refusals:
            return False
        return status is None or status >= _SERVER_ERROR

    def may_pass(self, failure: Failure) -> bool:
        """Tell whether a failure may be over after a while."""
        return failure.status is None or failure.status in self.statuses

    def _computed_seconds(self, attempt: int) -> float:
        if self.backoff == "geometric":
            return self.delay_seconds * 2.0 ** min(attempt - 1, 30)
        return self.delay_seconds * (attempt if self.backoff == "arithmetic" else 1)


def _require(name: str, value: object, is_valid: bool, expected: str) -> None:
    if not is_valid:
        raise InvalidOption(f"option {name} of Policy: expected {expected}, found {value!r}")
