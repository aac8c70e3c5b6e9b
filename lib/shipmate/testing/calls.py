"""Calls of a component's functions in a trial, and what may be said of one that has failed."""

from collections.abc import Mapping
from typing import Any, Final

from shipmate.component import Function
from shipmate.emulator import Request
from shipmate.testing.emissions import Emissions
from shipmate.testing.samples import Sample
from shipmate.testing.trial import TookTooLong, Trial
from shipmate.testing.verdict import Failed, NotChecked

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


def with_good_keys(trial: Trial, function: Function) -> dict[str, Any]:
    """Return the configuration of a function's sample, with keys that the provider has just issued."""
    sample = trial.sample(function)
    return trial.samples.with_keys(sample.cfg, trial.provider.issue())


def run(trial: Trial, function: Function, cfg: Mapping[str, Any]) -> Emissions:
    """Run a function on its sample; a function that has not ended fails, and one that was not found is not checked."""
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


def has_defect(emissions: Emissions) -> bool:
    """Tell whether a function has failed for a reason that is in itself."""
    return any(each["name"] in _DEFECTS for each in emissions.errors)


def asked_otherwise(trial: Trial, emissions: Emissions) -> str | None:
    """Return the hosts that a function has asked for in vain: only requests of one library reach the emulated API."""
    hosts = ", ".join(sorted(set(trial.subject.routes.refused)))
    return hosts if hosts and emissions.errors else None


def require_served(trial: Trial, emissions: Emissions) -> None:
    """Refuse to judge a function that failed because the suite cannot serve what it has asked."""
    if (hosts := asked_otherwise(trial, emissions)) is not None:
        raise NotChecked(
            f"it asks for {hosts} with another library than requests, which alone reaches the emulated API"
        )


def require_good(trial: Trial, function: Function, emissions: Emissions) -> None:
    """Refuse to judge a function that fails for reasons that may be the kit's: what it made up does not fit."""
    if not emissions.errors:
        return
    if has_defect(emissions):
        raise Failed(f"correct the function, which fails by itself:\n{emissions.summary()}")
    require_served(trial, emissions)
    sample = trial.sample(function)
    given = trial.given.answers or trial.given.serve
    if sample.source and (given or not trial.requests):
        raise Failed(f"it failed for {inputs_of(sample)}:\n{emissions.summary()}")
    raise NotChecked(
        f"it failed for {inputs_of(sample)} and the sample answer: {first_error(emissions)}. "
        f"Give its inputs as fixture {function.id} of test/fixture.json, and what the API answers as "
        "component_suite(answers=...)"
    )


def inputs_of(sample: Sample) -> str:
    """Return in words where the inputs came from."""
    return f"the inputs of {sample.source}" if sample.source else "inputs that were made up"


def first_error(emissions: Emissions) -> str:
    """Return the first error of some events in one line."""
    return emissions.only("error").summary().partition("\nerror: ")[0].removeprefix("error: ").replace("\n    ", ", ")


def place_of(request: Request) -> str:
    """Return in words what a request was for."""
    return f"{request.method} {request.header('Host') or ''}{request.path}"
