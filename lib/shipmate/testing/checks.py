"""The checks of the component suite: each returns if the component passes, else raises `Failed` or `NotChecked`."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from shipmate.component import VERIFIER, Function, Modules, metadata
from shipmate.component.signature import HOOKS
from shipmate.emulator import Reply
from shipmate.errors import ShipmateError
from shipmate.logs.redaction import is_secret_name
from shipmate.oauth2.keys import secrets_of
from shipmate.testing.calls import (
    cfg_with_new_keys,
    first_error,
    hosts_out_of_reach,
    inputs_of,
    place_of,
    require_own_code,
    require_served,
    require_success,
    run,
)
from shipmate.testing.polling_checks import every_relation_is_fetched
from shipmate.testing.trial import TookTooLong, Trial, function_ids
from shipmate.testing.verdict import Failed, NotChecked
from shipmate.tools.validation import Problem, validate_component

_PIECE: Final = 16
"""Length of a part of a secret that counts as a leak."""
_SHORTEST: Final = 6
"""Length of the shortest secret that is searched for; shorter ones occur in texts by chance."""
_BAD_REQUEST: Final = Reply(400, {"error": "bad request"})


def descriptor_is_valid(root: Path) -> None:
    """`component.json` and its schemas have no errors for ``shipmate validate``."""
    is_usable = bool(function_ids(root))
    report = validate_component(root)
    errors = [each for each in report.errors if not (is_usable and _is_of_a_module(each))]
    if errors:
        problems = [*errors, *report.warnings]  # a misspelt name is a warning, and explains why another is missing
        lines = [f"{each.file}: {each.pointer + ': ' if each.pointer else ''}{each.message}" for each in problems]
        raise Failed("\n".join(["correct component.json; `shipmate validate` finds the same:", *lines]))


def module_loads(trial: Trial, function: Function) -> None:
    """The module can be imported, and has ``process`` and all functions that `component.json` names."""
    modules = Modules(trial.subject.descriptor)
    names = [each.get("model") for each in function.fields.values() if isinstance(each, Mapping)]
    models = [name for name in names if isinstance(name, str) and name]
    try:
        modules.process(function)
        for name in (*models, *(["get_meta_model"] if function.dynamic_metadata else [])):
            modules.model(function, name)
        for name in HOOKS:
            modules.hook(function, name)
    except ShipmateError as error:
        raise Failed(f"correct the module {function.main}: {error}") from None


def wrong_credentials_are_refused(trial: Trial, status: int) -> None:
    """``verify_credentials`` rejects credentials that the API refuses with a status."""
    subject = trial.subject
    if not subject.descriptor.credentials.get("fields"):
        raise NotChecked("component.json has no credentials")
    if not (subject.root / f"{VERIFIER}.py").is_file():
        raise NotChecked(f"there is no {VERIFIER}.py: the platform accepts any credentials")
    api = trial.refuse(status)
    cfg = trial.samples.with_keys(trial.samples.credentials(), {"access_token": "wrong", "refresh_token": "wrong"})
    try:
        verdict = trial.verify(cfg)
    except TookTooLong as error:
        raise Failed(
            f"verify_credentials {error}: give its requests a timeout, and do not repeat refused requests"
        ) from None
    except ShipmateError as error:
        raise Failed(f"correct {VERIFIER}.py: {error}") from None
    is_verified = bool(verdict.get("verified"))
    if not api.requests:
        said = (
            "said yes" if is_verified else f"said no by itself ({subject.redactor.redact(str(verdict.get('reason')))})"
        )
        raise NotChecked(f"verify_credentials sent no request and {said}, so it cannot know that the keys are wrong")
    if is_verified:
        last = api.requests[-1]
        raise Failed(
            f"verify_credentials said yes although the API answered {last.status} to {place_of(last)}: "
            'call reply.raise_for_status(), or return {"verified": False, "reason": ...}'
        )


def failures_are_reported(trial: Trial, function: Function) -> None:
    """A function whose request the API refuses emits an error or a rebound."""
    trial.serve(function, _BAD_REQUEST)
    emissions = run(trial, function, cfg_with_new_keys(trial, function))
    refused = next((each for api in trial.apis for each in api.requests if each.status == _BAD_REQUEST.status), None)
    if refused is None:
        require_served(trial, emissions)
        why = f": {first_error(emissions)}" if emissions.errors else ""
        raise NotChecked(f"it made no request for {inputs_of(trial.sample(function))}{why}")
    if not (emissions.errors or emissions.rebounds or emissions.http_replies):
        did = "emitted a message anyway" if emissions.data else "emitted nothing"
        raise Failed(
            f"it {did} when the API answered {refused.status} to {place_of(refused)}: "
            "call reply.raise_for_status() before using the reply"
        )


def messages_match_metadata(trial: Trial, function: Function) -> None:
    """Messages match ``metadata.out``, or ``get_meta_model`` if the metadata is dynamic.

    A polling trigger emits them from every place that a run may begin at.
    """
    trial.worked = False
    if function.raw.get("type") == "polling":
        every_relation_is_fetched(trial, function)
    is_dynamic = function.dynamic_metadata
    trial.serve(function)
    cfg = cfg_with_new_keys(trial, function)
    emissions = run(trial, function, cfg)
    trial.worked = not emissions.errors and bool(emissions.events or trial.requests)
    if hosts_out_of_reach(trial, emissions) is None:
        require_own_code(trial, function, emissions)
    require_success(trial, function, emissions)
    if not is_dynamic and metadata.schema_of(trial.subject.descriptor, function, "out") is None:
        raise NotChecked("the function has no metadata.out")
    if not emissions.data:
        raise NotChecked(f"it emitted no message for {inputs_of(trial.sample(function))}")
    schema = (
        _dynamic(trial, function, cfg) if is_dynamic else metadata.schema_of(trial.subject.descriptor, function, "out")
    )
    source = "get_meta_model" if is_dynamic else "metadata.out"
    for message in emissions.data:
        problems = metadata.problems(schema or {}, message.get("body"))
        if problems:
            lines = [f"  body{pointer}: {text}" for pointer, text in problems]
            raise Failed("\n".join([f"correct {source} or the message, they differ:", *lines]))


def secrets_stay_secret(trial: Trial, function: Function) -> None:
    """No secret is printed, logged or emitted as an error, whether the API answers or fails."""
    leaks: list[str] = []
    for failure in (None, _BAD_REQUEST):
        trial.serve(function, failure)
        cfg = cfg_with_new_keys(trial, function)
        trial.provider.expire_access_tokens()
        emissions = run(trial, function, cfg)
        outputs = {
            "printed": trial.printed.getvalue(),
            "logged": trial.subject.log,
            "emitted as an error": json.dumps([emissions.errors, emissions.rebounds], ensure_ascii=False),
        }
        of_platform = [{name: each["credentials"]} for name, each in trial.platform.secrets.items()]
        for name, value in _secrets(trial, [cfg, *of_platform, *emissions.updated_keys]):
            leaks += [f"{name} was {how}" for how, text in outputs.items() if _is_in(value, text)]
    if leaks:
        raise Failed(f"keep secrets and their parts out of prints, logs and errors: {', '.join(dict.fromkeys(leaks))}")


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
    """Return whether `module_loads` reports the same problem."""
    return problem.pointer.endswith(("/main", "/dynamicMetadata", "/model"))


def _secrets(trial: Trial, mappings: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the names and values of the secrets in configurations and new keys."""
    fields = trial.subject.descriptor.credentials.get("fields") or {}
    for mapping in mappings:
        for name, value in mapping.items():
            if isinstance(value, Mapping):
                yield from ((f"{each} of {name}", value[each]) for each in value if value[each] in secrets_of(value))
            elif isinstance(value, str) and name in fields:
                if fields[name].get("viewClass") == "PasswordFieldView" or is_secret_name(name):
                    yield name, value


def _is_in(secret: str, text: str) -> bool:
    """Return whether a text contains a secret, or a part of it."""
    if len(secret) < _SHORTEST:
        return False
    pieces = (secret[start : start + _PIECE] for start in range(max(1, len(secret) - _PIECE + 1)))
    return any(piece in text for piece in pieces)
