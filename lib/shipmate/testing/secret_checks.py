"""The check of the component suite about secrets of the platform: each type is used, and a changed one is read."""

import base64
from collections.abc import Mapping
from typing import Any, Final

from shipmate.component import Function
from shipmate.testing.calls import first_error, has_defect, inputs_of, run
from shipmate.testing.trial import Trial
from shipmate.testing.verdict import Failed, NotChecked

_USE_SESSION: Final = "send requests with context.session(cfg), which reads the secret, and reads it again after 401"


def platform_secret_is_used(trial: Trial, function: Function) -> None:
    """A function proves the account by a secret of each type, also after a person has changed it."""
    trial.serve(function)
    cfg = trial.sample(function).cfg
    for kind in sorted(
        trial.samples.secret_types, key="noauth".__eq__
    ):  # last: a request without credentials is never refused
        trial.subject.forget()
        for _ in ("first", "changed"):
            proof = _require_use(trial, function, cfg, kind, trial.keep_secret(kind))
            for api in trial.apis:
                api.refuses |= {proof} if proof else set()


def _require_use(
    trial: Trial, function: Function, cfg: Mapping[str, Any], kind: str, credentials: Mapping[str, Any]
) -> str | None:
    """Require that the function proves the account by a secret; return the proof, None if there is nothing to prove."""
    before = sum(len(api.requests) for api in trial.apis)
    emissions = run(trial, function, cfg)
    if has_defect(emissions):
        raise NotChecked("it fails by itself, see messages_match_metadata")
    requests = [each for api in trial.apis for each in api.requests]
    if len(requests) == before:
        why = f": {first_error(emissions)}" if emissions.errors else ""
        raise NotChecked(f"it made no request for {inputs_of(trial.sample(function))}{why}")
    proof = _proof(kind, credentials)
    if proof is None:
        return None
    sent = (value for each in requests for value in (*each.headers.values(), *each.query.values()))
    if not any(proof in value for value in sent):
        why = f"\n{emissions.summary()}" if emissions.errors else ""
        raise Failed(f"no request has the credentials of the platform's secret of type {kind}: {_USE_SESSION}{why}")
    return proof


def _proof(kind: str, credentials: Mapping[str, Any]) -> str | None:
    """Return the text in a request that proves the account, None without credentials."""
    if kind == "noauth":
        return None
    if kind == "basic":
        pair = f"{credentials['username']}:{credentials['password']}"
        return base64.b64encode(pair.encode()).decode("ascii")
    return str(credentials["headerValue"] if kind == "api_key" else credentials["access_token"])
