"""The checks of the component suite about tokens: one is refreshed, and a newer one is taken over."""

from collections.abc import Mapping
from typing import Any, Final

from shipmate.component import Function
from shipmate.emulator import OAuth2Refusal
from shipmate.testing.calls import (
    asked_otherwise,
    first_error,
    has_defect,
    inputs_of,
    place_of,
    require_good,
    run,
    with_good_keys,
)
from shipmate.testing.emissions import Emissions
from shipmate.testing.trial import Trial
from shipmate.testing.verdict import Failed, NotChecked

_USE_OAUTH2: Final = "send requests with context.oauth2(cfg), which refreshes, emits updateKeys and sends again"


def expired_token_is_refreshed(trial: Trial, function: Function) -> None:
    """A token that has expired is refreshed, the new keys are emitted, and the message is processed all the same."""
    cfg = _oauth2_cfg(trial, function)
    trial.provider.expire_access_tokens()
    before = _accepted(trial)
    emissions = run(trial, function, cfg)
    _require_renewal(trial, emissions, "its token had expired", before)


def rotated_token_is_taken_over(trial: Trial, function: Function) -> None:
    """Keys that another container has refreshed are taken over, and the next refresh uses the newest ones.

    The configuration of a container never changes: it has the keys of its start, whose refresh token is spent.
    """
    cfg = _oauth2_cfg(trial, function)
    name = trial.samples.token_field or "oauth"
    newer = trial.provider.refresh(cfg[name]["refresh_token"])
    trial.subject.stored_keys[name] = {**cfg[name], **newer}
    trial.provider.grants.expire(cfg[name]["access_token"])
    emissions = run(trial, function, cfg)
    situation = "another container had refreshed, and stored the new keys"
    if emissions.errors:
        raise Failed(f"it failed when {situation}: {_USE_OAUTH2}\n{emissions.summary()}")
    trial.provider.expire_access_tokens()
    before = _accepted(trial)
    emissions = run(trial, function, cfg)
    _require_renewal(trial, emissions, f"{situation}, and those had expired, too", before)


def _oauth2_cfg(trial: Trial, function: Function) -> dict[str, Any]:
    """Return a configuration with good keys, with which the function has just made a request."""
    if trial.samples.token_field is None:
        raise NotChecked("the component has no OAuth2")
    trial.serve(function)
    cfg = with_good_keys(trial, function)
    emissions = run(trial, function, cfg)
    if has_defect(emissions):
        raise NotChecked("it fails by itself, as messages_match_metadata tells")
    if (hosts := asked_otherwise(trial, emissions)) is not None:
        raise Failed(f"it asks for {hosts} with another library than requests: {_USE_OAUTH2}")
    if not any(api.accepted for api in trial.apis):
        why = f": {first_error(emissions)}" if emissions.errors else ""
        raise NotChecked(f"it made no request with its token for {inputs_of(trial.sample(function))}{why}")
    require_good(trial, function, emissions)
    return cfg if not emissions.updated_keys else with_good_keys(trial, function)


def _require_renewal(trial: Trial, emissions: Emissions, situation: str, accepted_before: int) -> None:
    """Require that a refresh took place, reached the platform, and that the function went on with it."""
    if emissions.errors:
        raise Failed(f"it failed when {situation}: {_USE_OAUTH2}\n{emissions.summary()}")
    token_requests = [each for each in trial.provider.journal.requests if b"grant_type=" in each.body]
    if not token_requests:
        refused = next((api.refused[-1] for api in trial.apis if api.refused), None)
        place = f": the API answered {refused.status} to {place_of(refused)}" if refused else ""
        raise Failed(f"it refreshed nothing when {situation}, and told nobody{place}: {_USE_OAUTH2}")
    if not emissions.updated_keys:
        raise Failed(
            f"it refreshed when {situation}, and did not emit updateKeys: the new keys are lost: {_USE_OAUTH2}"
        )
    name = trial.samples.token_field or "oauth"
    keys = emissions.updated_keys[-1].get(name)
    if not isinstance(keys, Mapping) or not trial.provider.is_valid(str(keys.get("access_token"))):
        raise Failed(
            f"updateKeys has no good access_token in {name}, found {_names(emissions.updated_keys[-1])}: {_USE_OAUTH2}"
        )
    if token_requests[-1].form["grant_type"] == "refresh_token" and not _is_fresh(trial, keys):
        raise Failed(f"updateKeys lacks the new refresh_token in {name}: emit the whole token answer: {_USE_OAUTH2}")
    if _accepted(trial) <= accepted_before:
        raise Failed(f"it refreshed when {situation}, and sent no request with the new token: {_USE_OAUTH2}")


def _accepted(trial: Trial) -> int:
    return sum(len(api.accepted) for api in trial.apis)


def _is_fresh(trial: Trial, keys: Mapping[str, Any]) -> bool:
    """Tell whether a refresh token can still be spent; this spends it."""
    try:
        trial.provider.refresh(str(keys.get("refresh_token")))
    except OAuth2Refusal:
        return False
    return True


def _names(keys: Mapping[str, Any]) -> str:
    return ", ".join(keys) or "nothing"
