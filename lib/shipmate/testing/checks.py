"""The checks of the component suite, each a function that returns when the component is as it should be."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from shipmate import metadata
from shipmate.component import VERIFIER, Function, Modules
from shipmate.emulator import OAuth2Refusal, Reply, Request
from shipmate.errors import ShipmateError
from shipmate.redaction import is_secret_name
from shipmate.testing.emissions import Emissions
from shipmate.testing.samples import Sample
from shipmate.testing.trial import TookTooLong, Trial, function_ids
from shipmate.testing.verdict import Failed, NotChecked
from shipmate.tokens import secrets_of
from shipmate.validation import HOOKS, MODEL, PROCESS, Problem, require_call, validate_component

_PIECE: Final = 16
"""So many characters of a secret are as good as all of it: a log that has them has it."""
_SHORTEST: Final = 6
_DEFECTS: Final = frozenset(
    {
        "ImportError",
        "InvalidMessage",
        "ModuleNotFoundError",
        "NameError",
        "SystemExit",
        "UnboundLocalError",
        "UnknownEvent",
    }
)
"""Errors that are the function's own, whatever its inputs and the answers that it gets."""
_NOT_LOADED: Final = frozenset({"FunctionNotFound", "ModuleNotLoadable"})
_BAD_REQUEST: Final = Reply(400, {"error": "bad request"})
_USE_OAUTH2: Final = "send requests with context.oauth2(cfg), which refreshes, emits updateKeys and sends again"


def descriptor_is_valid(root: Path) -> None:
    """`component.json` and the schemas that it names have no errors, as ``shipmate validate`` finds them."""
    is_usable = bool(function_ids(root))
    found = [each for each in validate_component(root).errors if not (is_usable and _is_of_a_module(each))]
    if found:
        lines = [f"{each.file}: {each.pointer + ': ' if each.pointer else ''}{each.message}" for each in found]
        raise Failed("\n".join(["correct component.json; `shipmate validate` finds the same:", *lines]))


def module_loads(trial: Trial, function: Function) -> None:
    """The module imports, has ``process``, and what `component.json` refers to in it."""
    modules = Modules(trial.subject.descriptor)
    names = [each.get("model") for each in function.fields.values() if isinstance(each, Mapping)]
    models = [name for name in names if isinstance(name, str) and name]
    try:
        require_call("process", modules.process(function), PROCESS)
        for name in (*models, *(["get_meta_model"] if function.dynamic_metadata else [])):
            require_call(name, modules.model(function, name), MODEL)
        for name, arguments in HOOKS.items():
            if (hook := modules.hook(function, name)) is not None:
                require_call(name, hook, arguments)
    except ShipmateError as error:
        raise Failed(f"correct the module {function.main}: {error}") from None


def wrong_credentials_are_refused(trial: Trial, status: int) -> None:
    """``verify_credentials`` says no when the API answers that the credentials are wrong."""
    subject = trial.subject
    if not subject.descriptor.credentials.get("fields"):
        raise NotChecked("component.json has no credentials")
    if not (subject.root / f"{VERIFIER}.py").is_file():
        raise NotChecked(f"there is no {VERIFIER}.py: the platform takes any credentials for good")
    api = trial.refuse(status)
    cfg = trial.samples.with_keys(trial.samples.credentials(), {"access_token": "wrong", "refresh_token": "wrong"})
    try:
        verdict = trial.verify(cfg)
    except TookTooLong as error:
        raise Failed(
            f"verify_credentials {error}: give its requests a timeout and do not repeat what is refused"
        ) from None
    except ShipmateError as error:
        raise Failed(f"correct {VERIFIER}.py: {error}") from None
    is_verified = bool(verdict.get("verified"))
    if not api.requests:
        said = (
            "said yes" if is_verified else f"said no by itself ({subject.redactor.redact(str(verdict.get('reason')))})"
        )
        raise NotChecked(
            f"verify_credentials sent no request and {said}: nothing could tell it that the keys are wrong"
        )
    if is_verified:
        asked = _place(api.requests[-1])
        raise Failed(
            f"verify_credentials said yes although the API answered {api.requests[-1].status} to {asked}: "
            'call reply.raise_for_status(), or return {"verified": False, "reason": ...}'
        )


def expired_token_is_refreshed(trial: Trial, function: Function) -> None:
    """A token that has expired is refreshed, the new keys are emitted, and the message is processed all the same."""
    cfg = _oauth2_cfg(trial, function)
    trial.provider.expire_access_tokens()
    before = _accepted(trial)
    emissions = _run(trial, function, cfg)
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
    emissions = _run(trial, function, cfg)
    situation = "another container had refreshed, and stored the new keys"
    if emissions.errors:
        raise Failed(f"it failed when {situation}: {_USE_OAUTH2}\n{emissions.summary()}")
    trial.provider.expire_access_tokens()
    before = _accepted(trial)
    emissions = _run(trial, function, cfg)
    _require_renewal(trial, emissions, f"{situation}, and those had expired, too", before)


def failures_are_told(trial: Trial, function: Function) -> None:
    """What the API refuses ends in an error or a rebound, and in no message."""
    trial.serve(function, _BAD_REQUEST)
    emissions = _run(trial, function, _with_good_keys(trial, function))
    refused = next((each for api in trial.apis for each in api.requests if each.status == _BAD_REQUEST.status), None)
    if refused is None:
        _require_served(trial, emissions)
        why = f": {_first_error(emissions)}" if emissions.errors else ""
        raise NotChecked(f"it made no request for {_inputs(trial.sample(function))}{why}")
    if not (emissions.errors or emissions.rebounds or emissions.http_replies):
        did = "emitted a message all the same" if emissions.data else "told nobody"
        raise Failed(
            f"it {did} when the API answered {refused.status} to {_place(refused)}: "
            "call reply.raise_for_status() before it uses the answer"
        )


def messages_match_metadata(trial: Trial, function: Function) -> None:
    """What is emitted is as ``metadata.out`` says, or ``get_meta_model`` where the metadata is dynamic."""
    is_dynamic = function.dynamic_metadata
    trial.serve(function)
    cfg = _with_good_keys(trial, function)
    emissions = _run(trial, function, cfg)
    _require_good(trial, function, emissions)
    if not is_dynamic and metadata.schema_of(trial.subject.descriptor, function, "out") is None:
        raise NotChecked("it has no out metadata")
    if not emissions.data:
        raise NotChecked(f"it emitted no message for {_inputs(trial.sample(function))}")
    schema = (
        _dynamic(trial, function, cfg) if is_dynamic else metadata.schema_of(trial.subject.descriptor, function, "out")
    )
    source = "get_meta_model" if is_dynamic else "metadata.out"
    for message in emissions.data:
        found = metadata.problems(schema or {}, message.get("body"))
        if found:
            lines = [f"  body{pointer}: {text}" for pointer, text in found]
            raise Failed("\n".join([f"correct {source} or the message, they differ:", *lines]))


def secrets_stay_secret(trial: Trial, function: Function) -> None:
    """No secret is printed, logged or emitted as an error, whether the API answers or fails."""
    leaks: list[str] = []
    for failure in (None, _BAD_REQUEST):
        trial.serve(function, failure)
        cfg = _with_good_keys(trial, function)
        trial.provider.expire_access_tokens()
        emissions = _run(trial, function, cfg)
        found = {
            "printed": trial.printed.getvalue(),
            "logged": trial.subject.log,
            "emitted as an error": json.dumps([emissions.errors, emissions.rebounds], ensure_ascii=False),
        }
        for name, value in _secrets(trial, [cfg, *emissions.updated_keys]):
            leaks += [f"{name} was {how}" for how, text in found.items() if _is_in(value, text)]
    if leaks:
        raise Failed(
            f"keep secrets out of prints, logs and errors, parts of them as well: {', '.join(dict.fromkeys(leaks))}"
        )


def _oauth2_cfg(trial: Trial, function: Function) -> dict[str, Any]:
    """Return a configuration with good keys, with which the function has just made a request."""
    if trial.samples.token_field is None:
        raise NotChecked("the component has no OAuth2")
    trial.serve(function)
    cfg = _with_good_keys(trial, function)
    emissions = _run(trial, function, cfg)
    if _has_defect(emissions):
        raise NotChecked("it fails by itself, as messages_match_metadata tells")
    if (hosts := _asked_otherwise(trial, emissions)) is not None:
        raise Failed(f"it asks for {hosts} with another library than requests: {_USE_OAUTH2}")
    if not any(api.accepted for api in trial.apis):
        why = f": {_first_error(emissions)}" if emissions.errors else ""
        raise NotChecked(f"it made no request with its token for {_inputs(trial.sample(function))}{why}")
    _require_good(trial, function, emissions)
    return cfg if not emissions.updated_keys else _with_good_keys(trial, function)


def _with_good_keys(trial: Trial, function: Function) -> dict[str, Any]:
    sample = trial.sample(function)
    return trial.samples.with_keys(sample.cfg, trial.provider.issue())


def _run(trial: Trial, function: Function, cfg: Mapping[str, Any]) -> Emissions:
    try:
        emissions = trial.run(function, cfg)
    except TookTooLong as error:
        raise Failed(
            f"it {error}: give its requests a timeout, see that its paging ends, "
            "or let it have longer with timeout_seconds"
        ) from None
    if any(each["name"] in _NOT_LOADED for each in emissions.errors):
        raise NotChecked("its module cannot be used, as module_loads tells")
    return emissions


def _has_defect(emissions: Emissions) -> bool:
    return any(each["name"] in _DEFECTS for each in emissions.errors)


def _asked_otherwise(trial: Trial, emissions: Emissions) -> str | None:
    """Return the hosts that a function has asked for in vain: only requests of one library reach the emulated API."""
    hosts = ", ".join(sorted(set(trial.subject.routes.refused)))
    return hosts if hosts and emissions.errors else None


def _require_served(trial: Trial, emissions: Emissions) -> None:
    if (hosts := _asked_otherwise(trial, emissions)) is not None:
        raise NotChecked(
            f"it asks for {hosts} with another library than requests, which alone reaches the emulated API"
        )


def _require_good(trial: Trial, function: Function, emissions: Emissions) -> None:
    """Refuse to judge a function that fails for reasons that may be the kit's: what it made up does not fit."""
    if not emissions.errors:
        return
    if _has_defect(emissions):
        raise Failed(f"correct the function, which fails by itself:\n{emissions.summary()}")
    _require_served(trial, emissions)
    sample = trial.sample(function)
    given = trial.given.answers or trial.given.serve
    if sample.source and (given or not trial.requests):
        raise Failed(f"it failed for {_inputs(sample)}:\n{emissions.summary()}")
    raise NotChecked(
        f"it failed for {_inputs(sample)} and the sample answer: {_first_error(emissions)}. "
        f"Give its inputs as fixture {function.id} of test/fixture.json, and what the API answers as "
        "component_suite(answers=...)"
    )


def _require_renewal(trial: Trial, emissions: Emissions, situation: str, accepted_before: int) -> None:
    """Require that a refresh took place, reached the platform, and that the function went on with it."""
    if emissions.errors:
        raise Failed(f"it failed when {situation}: {_USE_OAUTH2}\n{emissions.summary()}")
    token_requests = [each for each in trial.provider.journal.requests if b"grant_type=" in each.body]
    if not token_requests:
        refused = next((api.refused[-1] for api in trial.apis if api.refused), None)
        place = f": the API answered {refused.status} to {_place(refused)}" if refused else ""
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


def _dynamic(trial: Trial, function: Function, cfg: Mapping[str, Any]) -> Any:
    try:
        model = trial.call(function, "get_meta_model", cfg)
    except TookTooLong as error:
        raise Failed(f"get_meta_model {error}") from None
    except Exception as error:
        raise Failed(
            f"get_meta_model failed: {trial.subject.redactor.redact(f'{type(error).__name__}: {error}')}"
        ) from None
    out = model.get("out") if isinstance(model, Mapping) else None
    if not isinstance(out, Mapping):
        raise Failed('get_meta_model: expected {"in": schema, "out": schema}, found no out')
    return out


def _is_of_a_module(problem: Problem) -> bool:
    """Tell whether another check reports the same."""
    return problem.pointer.endswith(("/main", "/dynamicMetadata", "/model"))


def _secrets(trial: Trial, mappings: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the secrets that a function was given or has got, with what to call them."""
    fields = trial.subject.descriptor.credentials.get("fields") or {}
    for mapping in mappings:
        for name, value in mapping.items():
            if isinstance(value, Mapping):
                yield from ((f"{each} of {name}", value[each]) for each in value if value[each] in secrets_of(value))
            elif isinstance(value, str) and name in fields:
                if fields[name].get("viewClass") == "PasswordFieldView" or is_secret_name(name):
                    yield name, value


def _is_in(secret: str, text: str) -> bool:
    if len(secret) < _SHORTEST:
        return False
    pieces = (secret[start : start + _PIECE] for start in range(max(1, len(secret) - _PIECE + 1)))
    return any(piece in text for piece in pieces)


def _inputs(sample: Sample) -> str:
    return f"the inputs of {sample.source}" if sample.source else "inputs that were made up"


def _first_error(emissions: Emissions) -> str:
    return emissions.only("error").summary().partition("\nerror: ")[0].removeprefix("error: ").replace("\n    ", ", ")


def _names(keys: Mapping[str, Any]) -> str:
    return ", ".join(keys) or "nothing"


def _place(request: Request) -> str:
    return f"{request.method} {request.header('Host') or ''}{request.path}"
