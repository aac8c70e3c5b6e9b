"""The checks of the component suite about tokens: an expired one is refreshed, newer stored keys are used."""

from collections.abc import Mapping
from typing import Any, Final

from shipmate.component import Function
from shipmate.emulator import OAuth2Refusal
from shipmate.testing.calls import (
    cfg_with_new_keys,
    first_error,
    has_defect,
    hosts_out_of_reach,
    inputs_of,
    place_of,
    require_success,
    run,
)
from shipmate.testing.emissions import Emissions
from shipmate.testing.secret_checks import platform_secret_is_used
from shipmate.testing.trial import Trial
from shipmate.testing.verdict import Failed, NotChecked

_USE_OAUTH2: Final = "send requests with context.oauth2(cfg), which refreshes, emits updateKeys and repeats the request"


def expired_token_is_refreshed(trial: Trial, function: Function) -> None:
    """A function with an expired token refreshes it, emits the new keys, and processes its message.

    One whose account the platform keeps uses its secrets of all types, and those that a person has changed.
    """
    if trial.samples.secret_types:
        platform_secret_is_used(trial, function)
        return
    cfg = _oauth2_cfg(trial, function)
    trial.provider.expire_access_tokens()
    before = _accepted(trial)
    emissions = run(trial, function, cfg)
    _require_refresh(trial, emissions, "its token had expired", before)


def rotated_token_is_taken_over(trial: Trial, function: Function) -> None:
    """A function uses keys that another container has refreshed and stored, also for the next refresh.

    The configuration of a container never changes: it has the keys of the start, whose refresh token is spent.
    """
    cfg = _oauth2_cfg(trial, function)
    name = trial.samples.token_field or "oauth"
    if "refresh_token" not in cfg[name]:
        raise NotChecked("the tokens of the component have no refresh token, which another container could spend")
    if trial.provider.grants.owner(cfg[name]["refresh_token"]) is None:
        raise NotChecked("a server of serve issues its tokens, and the suite cannot refresh them")
    newer = trial.provider.refresh(cfg[name]["refresh_token"])
    trial.subject.stored_keys[name] = {**cfg[name], **newer}
    trial.provider.grants.expire(cfg[name]["access_token"])
    emissions = run(trial, function, cfg)
    situation = "another container had refreshed the token and stored the new keys"
    if emissions.errors:
        raise Failed(f"it failed when {situation}: {_USE_OAUTH2}\n{emissions.summary()}")
    trial.provider.expire_access_tokens()
    before = _accepted(trial)
    emissions = run(trial, function, cfg)
    _require_refresh(trial, emissions, f"{situation}, and the new token had expired", before)


def _oauth2_cfg(trial: Trial, function: Function) -> dict[str, Any]:
    """Return a configuration with valid keys, after the function has succeeded with one.

    Raises:
        Failed: It sends requests with another library, or fails on inputs and replies of its author.
        NotChecked: The component has no OAuth2, or the function sends no request with its token.
    """
    if trial.samples.secret_types:
        raise NotChecked("the component has no OAuth2 of its own: the platform refreshes its tokens")
    saved = _saved_keys(trial, function) if trial.samples.token_field is None else None
    trial.serve(function)
    cfg = cfg_with_new_keys(trial, function) if saved is None else {**trial.sample(function).cfg, **saved}
    emissions = run(trial, function, cfg)
    if has_defect(emissions):
        raise NotChecked("it fails by itself, see messages_match_metadata")
    if (hosts := hosts_out_of_reach(trial, emissions)) is not None:
        raise Failed(f"it asks {hosts} with another library than requests: {_USE_OAUTH2}")
    if not any(api.accepted for api in trial.apis):
        why = f": {first_error(emissions)}" if emissions.errors else ""
        raise NotChecked(f"it made no request with its token for {inputs_of(trial.sample(function))}{why}")
    require_success(trial, function, emissions)
    return cfg if saved is not None or not emissions.updated_keys else cfg_with_new_keys(trial, function)


def _saved_keys(trial: Trial, function: Function) -> Mapping[str, Any]:
    """Return the keys that a function gets and saves without any keys, by the name of their field.

    Raises:
        NotChecked: It gets none.
    """
    trial.serve(function)
    emissions = run(trial, function, trial.sample(function).cfg)
    trial.subject.forget()
    for keys in emissions.updated_keys:
        trial.samples.saved_field = next(iter(keys))
        return keys
    raise NotChecked(
        "the component has no OAuth2: component.json has no credentials.oauth2, and the function has saved no token"
    )


def _require_refresh(trial: Trial, emissions: Emissions, situation: str, accepted_before: int) -> None:
    """Require that the function refreshed, emitted the new keys, and sent a request with the new token.

    Raises:
        Failed: It did not.
    """
    if emissions.errors:
        raise Failed(f"it failed when {situation}: {_USE_OAUTH2}\n{emissions.summary()}")
    token_requests = [each for each in trial.provider.journal.requests if b"grant_type=" in each.body]
    if not token_requests:
        refused = next((api.refused[-1] for api in trial.apis if api.refused), None)
        place = f": the API answered {refused.status} to {place_of(refused)}" if refused else ""
        raise Failed(f"it did not refresh when {situation}, and emitted no error{place}: {_USE_OAUTH2}")
    if not emissions.updated_keys:
        raise Failed(f"it refreshed when {situation}, and did not emit updateKeys, so the keys are lost: {_USE_OAUTH2}")
    name = trial.samples.token_field or "oauth"
    keys = emissions.updated_keys[-1].get(name)
    if not isinstance(keys, Mapping) or not trial.provider.is_valid(str(keys.get("access_token"))):
        raise Failed(
            f"updateKeys has no valid access_token in {name}, found {_names(emissions.updated_keys[-1])}: {_USE_OAUTH2}"
        )
    if token_requests[-1].form["grant_type"] == "refresh_token" and not _is_fresh(trial, keys):
        raise Failed(f"updateKeys lacks the new refresh_token in {name}: emit the whole token response: {_USE_OAUTH2}")
    if _accepted(trial) <= accepted_before:
        raise Failed(f"it refreshed when {situation}, and sent no request with the new token: {_USE_OAUTH2}")


def _accepted(trial: Trial) -> int:
    return sum(len(api.accepted) for api in trial.apis)


def _is_fresh(trial: Trial, keys: Mapping[str, Any]) -> bool:
    """Return whether the refresh token in the keys is not spent; this spends it. One of a server of `serve` counts."""
    token = keys.get("refresh_token")
    if token and trial.provider.grants.owner(str(token)) is None:
        return True
    try:
        trial.provider.refresh(str(token))
    except OAuth2Refusal:
        return False
    return True


def _names(keys: Mapping[str, Any]) -> str:
    return ", ".join(keys) or "nothing"
