"""The steps of a refresh, as generators that yield each step and receive its result.

They do no I/O: a refresher drives a flow and does its steps; tests drive one with results of their own.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from shipmate.errors import (
    ClientMisconfigured,
    KeysNotSaved,
    ReauthorizationRequired,
    ShipmateError,
    TokenEndpointUnavailable,
)
from shipmate.oauth2 import detail
from shipmate.oauth2.credential import Credential
from shipmate.oauth2.expiry import Expiry
from shipmate.oauth2.keys import Keys
from shipmate.oauth2.seen_tokens import SeenTokens
from shipmate.oauth2.token_response import (
    Busy,
    Failure,
    Granted,
    Misconfigured,
    Refused,
    Uncertain,
    Unusable,
)
from shipmate.platform.secret import Secret

_ASK_TRIES: Final = 3
_SAVE_TRIES: Final = 3
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_RETRY_AFTER_SECONDS: Final = 10.0
# The process that won the race for the refresh token may not have saved its keys yet: look for about four seconds.
_WINNER_PAUSES_SECONDS: Final = (0.2, 0.4, 0.8, 1.2, 1.4)


@dataclass(frozen=True, slots=True)
class ReadStored:
    """Read the stored keys; the result is a `StoredTokens`, or None if they cannot be read."""


@dataclass(frozen=True, slots=True)
class StoredTokens:
    """The keys as they are stored at this moment."""

    keys: Keys = field(repr=False)
    expiry: Expiry | None = None
    secret: Secret | None = field(default=None, repr=False)
    """The secret of the platform that the keys are from, None for keys of the component's own account."""


@dataclass(frozen=True, slots=True)
class AskProvider:
    """Send the token request; the result is a pair of `TokenResponse` and, for a granted token, its `Expiry`."""

    credential: Credential


@dataclass(frozen=True, slots=True)
class AskPlatform:
    """Let the platform refresh the secret; the result is a `StoredTokens`, or why there is none."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Make this the live credential of the process."""

    credential: Credential
    is_adoption: bool = field(default=False, compare=False)
    """True for keys that another process has saved."""


@dataclass(frozen=True, slots=True)
class Save:
    """Save the keys through ``updateKeys``; the result is None, or the error that prevented it."""

    credential: Credential


@dataclass(frozen=True, slots=True)
class Wait:
    """Pause before the next step."""

    seconds: float
    reason: str = ""
    """What is waited for, for the log."""
    needs_lock: bool = field(default=True, compare=False)
    """False if no token request follows, so that other processes need not wait as well."""


@dataclass(frozen=True, slots=True)
class Warn:
    """Log a warning for the operator."""

    text: str
    """The text, which is the same for all accounts, with placeholders."""
    values: tuple[object, ...]
    """What the placeholders stand for."""


FlowStep = ReadStored | AskProvider | AskPlatform | Keep | Save | Wait | Warn
Flow = Generator[FlowStep, Any, Credential]
Look = Generator[FlowStep, Any, Credential | None]


@dataclass(frozen=True, slots=True)
class RefreshRules:
    """The facts about an account and its provider that decide the steps of a flow."""

    account: str
    """The name of the account in messages: ``"account 5f2a"``."""
    provider: str
    """The name of the provider in messages: ``"login.example.com"``."""
    needs_refresh_token: bool = True
    can_start_over: bool = False
    """Whether a token can be requested without the refresh token that the provider has refused."""
    settings: str = "client_id, client_secret"
    """The options that name and prove the client, with their variables: ``"client_id (from CLIENT_ID)"``."""
    awaits_winner: bool = True
    """Whether another process may have spent the refresh token without having saved its keys yet."""
    adoption_suffices: bool = True
    """True if newer keys of another process replace a refresh."""
    unlocked_pause_seconds: float | None = None
    """A random pause before a refresh that no lock protects from other processes; None for one that a lock protects.

    Source: proxy §17, Q9.
    """

    @property
    def is_locked(self) -> bool:
        """False if another process may refresh at the same moment."""
        return self.unlocked_pause_seconds is None


def drive(steps: Flow | Look, do: Callable[[FlowStep], Any]) -> Credential | None:
    """Run a flow to its end, and return its result; an exception of a step ends it.

    Args:
        steps: The flow.
        do: Does one step and returns its result.
    """
    try:
        step = next(steps)
        while True:
            step = steps.send(do(step))
    except StopIteration as end:
        result: Credential | None = end.value
        return result
    finally:
        steps.close()


def refresh(credential: Credential, seen: SeenTokens, rules: RefreshRules) -> Flow:
    """Get a new access token and save it, or adopt the keys of a process that was faster.

    Raises:
        ReauthorizationRequired: The refresh token is refused, or there is none.
        ClientMisconfigured: The provider refuses the client.
        TokenEndpointUnavailable: The endpoint gave no usable answer; a later try may succeed.
        KeysNotSaved: The new keys are in memory only.
    """
    adopted = yield from adopt(seen)
    if adopted is None and rules.unlocked_pause_seconds and rules.adoption_suffices:
        yield Wait(rules.unlocked_pause_seconds)
        adopted = yield from adopt(seen)
    if adopted is not None:
        credential = adopted
        if rules.adoption_suffices and adopted.access_token:
            return adopted
    if credential.refusal is not None:
        # Another thread was refused while this one waited for the API.
        raise ReauthorizationRequired(credential.refusal)
    if rules.needs_refresh_token and credential.refresh_token is None:
        if not credential.access_token:
            raise ReauthorizationRequired(f"{rules.account} has no keys for {rules.provider}: sign in to get some")
        raise ReauthorizationRequired(
            f"{rules.account} has no refresh token for {rules.provider}: sign in again to get one"
        )
    refreshed = yield from _ask(credential, seen, rules)
    if not refreshed.is_unsaved:
        return refreshed
    saved = yield from save(refreshed, rules)
    if not rules.is_locked and (adopted := (yield from adopt(seen))) is not None:
        yield Warn("another process has refreshed %s at the same moment: its keys are used", (rules.account,))
        return adopted
    return saved


def save(credential: Credential, rules: RefreshRules) -> Flow:
    """Save refreshed keys before any request is sent with them.

    Raises:
        KeysNotSaved: No try succeeded; the keys are in memory, marked as unsaved.
    """
    error: Exception | None = None
    for attempt in range(_SAVE_TRIES):
        if attempt:
            yield Wait(_FIRST_PAUSE_SECONDS * attempt)
        error = yield Save(credential)
        if error is None:
            saved = credential.saved()
            yield Keep(saved)
            return saved
    reason = str(error) if isinstance(error, ShipmateError | OSError) else type(error).__name__
    raise KeysNotSaved(f"the refreshed keys of {rules.account} could not be saved: {reason}") from error


def recover(credential: Credential, seen: SeenTokens, rules: RefreshRules) -> Flow:
    """Look for a new sign-in after a refusal, without a token request.

    Raises:
        ReauthorizationRequired: No new sign-in is stored.
    """
    adopted = yield from adopt(seen)
    if adopted is None:
        raise ReauthorizationRequired(credential.refusal or f"{rules.account} must sign in again")
    return adopted


def refresh_managed(credential: Credential, seen: SeenTokens, rules: RefreshRules) -> Flow:
    """Get newer credentials of a managed secret: read it, and let the platform refresh it only if it is unchanged.

    Raises:
        ReauthorizationRequired: The platform cannot use or refresh the secret, or it is of a type without a refresh.
        TokenEndpointUnavailable: The platform gave no usable answer.

    Source: contract §12.
    """
    stored: StoredTokens = yield ReadStored()
    yield from _refuse_broken(stored, credential, rules)
    has_refresh = stored.secret is None or stored.secret.kind == "oauth2"
    if not (seen.knows(stored.keys) if has_refresh else stored.secret == credential.secret):
        return (yield from _take(stored))
    if not has_refresh:
        raise ReauthorizationRequired(
            f"the API refuses {rules.account}, and {rules.provider} has no newer one: correct it there"
        )
    answer: StoredTokens | Refused | Unusable = yield AskPlatform()
    if isinstance(answer, StoredTokens):
        yield from _refuse_broken(answer, credential, rules)
        refreshed = replace(Credential().signed_in(answer.keys, answer.expiry, answer.secret), is_age_unknown=False)
        yield Keep(refreshed)
        return refreshed
    if isinstance(answer, Refused):
        yield Keep(replace(credential.refused(str(_failure(answer, credential, rules))), secret=stored.secret))
    raise _failure(answer, credential, rules)


def recover_managed(credential: Credential, rules: RefreshRules) -> Flow:
    """Look for a new sign-in after a refusal: take the secret if it has changed.

    Raises:
        ReauthorizationRequired: The secret is the same, or the platform still reports an error of it.
    """
    stored: StoredTokens = yield ReadStored()
    yield from _refuse_broken(stored, credential, rules)
    if stored.secret == credential.secret:
        raise ReauthorizationRequired(credential.refusal or f"{rules.account} must sign in again")
    return (yield from _take(stored))


def _refuse_broken(stored: StoredTokens, credential: Credential, rules: RefreshRules) -> Generator[FlowStep, Any, None]:
    """Raise an error for a secret that the platform cannot use, and remember it."""
    if stored.secret is not None and stored.secret.error is not None:
        refusal = f"{rules.provider} reports an error of {rules.account} ({stored.secret.error}): sign in again there"
        yield Keep(replace(credential.refused(refusal), secret=stored.secret))
        raise ReauthorizationRequired(refusal)


def _take(stored: StoredTokens) -> Flow:
    """Make the stored credentials the live ones."""
    adopted = Credential().signed_in(stored.keys, stored.expiry, stored.secret).adopted()
    yield Keep(adopted, is_adoption=True)
    return adopted


def adopt(seen: SeenTokens) -> Look:
    """Adopt the stored keys if this process has not seen them."""
    stored: StoredTokens | None = yield ReadStored()
    if stored is None or seen.knows(stored.keys):
        return None
    return (yield from _take(stored))


def _ask(credential: Credential, seen: SeenTokens, rules: RefreshRules) -> Flow:
    busy = 0
    while True:
        answer, expiry = yield AskProvider(credential)
        if isinstance(answer, Granted):
            refreshed = credential.refreshed(answer.answer, expiry)
            yield Keep(refreshed)
            return refreshed
        if isinstance(answer, Busy) and not is_long_pause(answer) and busy < _ASK_TRIES - 1:
            busy += 1
            yield Wait(_pause(busy, answer), f"the token endpoint of {rules.provider} is busy ({answer.reason})")
            continue
        if isinstance(answer, Uncertain):
            is_repeated, credential = credential.is_uncertain, credential.uncertain()
            yield Keep(credential)
            adopted = yield from adopt(seen)
            if adopted is not None:
                return adopted
            # Many providers accept a spent token for a short time, for clients that lost the answer.
            if not is_repeated:
                yield Wait(_FIRST_PAUSE_SECONDS)
                continue
        if isinstance(answer, Refused) and rules.can_start_over and credential.refresh_token is not None:
            credential = credential.without_refresh_token()
            continue
        if isinstance(answer, Refused) and rules.needs_refresh_token:
            adopted = yield from _await_winner(seen, answer, rules)
            if adopted is not None:
                if not rules.is_locked:
                    yield Warn(
                        "another process has refreshed %s at the same moment: its keys are used; if %s takes that for "
                        "theft, it revokes them, and the account must sign in again",
                        (rules.account, rules.provider),
                    )
                return adopted
            yield Keep(credential.refused(str(_failure(answer, credential, rules))))
        raise _failure(answer, credential, rules)


def _await_winner(
    seen: SeenTokens, answer: Refused, rules: RefreshRules
) -> Generator[FlowStep, Any, Credential | None]:
    """Wait for the keys of the process that spent the refresh token."""
    if (yield ReadStored()) is None:
        return None
    reason = (
        f"{rules.provider} refuses the refresh token of {rules.account} ({answer.code}): looking for "
        f"{sum(_WINNER_PAUSES_SECONDS):g} s for keys that another process may have saved"
    )
    for seconds in _WINNER_PAUSES_SECONDS if rules.awaits_winner else ():
        adopted = yield from adopt(seen)
        if adopted is not None:
            return adopted
        yield Wait(seconds, reason, needs_lock=False)
        reason = ""
    return (yield from adopt(seen))


def is_long_pause(answer: Busy) -> bool:
    """Tell whether the endpoint asks for a longer pause than a message waits."""
    return (answer.retry_after_seconds or 0.0) > _LONGEST_RETRY_AFTER_SECONDS


def _pause(attempt: int, answer: Busy) -> float:
    # The own pause is the least: some providers ask for 0 seconds.
    return max(_FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1), answer.retry_after_seconds or 0.0)


def _failure(answer: Failure, credential: Credential, rules: RefreshRules) -> ShipmateError:
    said = detail.said(answer)
    if isinstance(answer, Refused):
        if not rules.needs_refresh_token:
            return ReauthorizationRequired(f"{rules.provider} refuses a token for {rules.account} ({said})")
        if credential.is_uncertain:
            return ReauthorizationRequired(
                f"{rules.provider} refuses the refresh token of {rules.account} ({said}) after a refresh "
                "whose answer was lost: its outcome is unknown. Sign in again."
            )
        race = ""
        if not rules.is_locked:
            race = " Another container may have used it at the same moment: no lock prevents that on a sailor proxy."
        return ReauthorizationRequired(
            f"{rules.provider} refuses the refresh token of {rules.account} ({said}). Sign in again.{race}"
        )
    if isinstance(answer, Misconfigured):
        return ClientMisconfigured(
            f"{rules.provider} refuses the OAuth2 client ({said}): check {rules.settings}, client_auth, grant and scope"
        )
    pause = ""
    if isinstance(answer, Busy) and is_long_pause(answer):
        pause = f"; it asks for a pause of {answer.retry_after_seconds:.0f} s"
    return TokenEndpointUnavailable(f"the token endpoint of {rules.provider} gave no token: {said}{pause}")
