"""Calls a component's functions in a trial, and judges the calls that fail."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import shipmate
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
"""Errors that are defects of the function, whatever inputs and replies it gets."""
_SLIPS: Final = frozenset(
    {
        "AssertionError",
        "AttributeError",
        "IndexError",
        "KeyError",
        "RecursionError",
        "TypeError",
        "ZeroDivisionError",
    }
)
"""Errors that no function raises on purpose: a defect, or a sample answer of the suite that does not suit it."""
_NOT_LOADED: Final = frozenset({"FunctionNotFound", "ModuleNotLoadable"})
_FRAME: Final = re.compile(r'^ *File "([^"\n]{1,4096})", line ', re.MULTILINE)
_RUNTIME: Final = Path(shipmate.__file__).parent


def cfg_with_new_keys(trial: Trial, function: Function) -> dict[str, Any]:
    """Return the configuration of a function's sample, with new keys from the provider."""
    sample = trial.sample(function)
    return trial.samples.with_keys(sample.cfg, trial.provider.issue())


def run(trial: Trial, function: Function, cfg: Mapping[str, Any]) -> Emissions:
    """Run a function on its sample.

    Raises:
        Failed: The function does not end.
        NotChecked: Its module cannot be used, which another check reports.
    """
    try:
        emissions = trial.run(function, cfg)
    except TookTooLong as error:
        raise Failed(
            f"it {error}: give its requests a timeout, make sure that its paging ends, "
            "or raise timeout_seconds of component_suite"
        ) from None
    if any(each["name"] in _NOT_LOADED for each in emissions.errors):
        raise NotChecked("its module cannot be used, see module_loads")
    return emissions


def has_defect(emissions: Emissions) -> bool:
    """Return whether a function failed because of a defect of its own."""
    return any(each["name"] in _DEFECTS for each in emissions.errors)


def require_own_code(trial: Trial, function: Function, emissions: Emissions) -> None:
    """Require that a function did not fail by an exception of its own code, as of a name that it misspelt.

    Raises:
        Failed: It failed so.
    """
    root = trial.subject.root.resolve()
    if not any(each["name"] in _SLIPS and _is_of_component(each.get("stack"), root) for each in emissions.errors):
        return
    sample = trial.sample(function)
    raise Failed(
        f"it was never seen to work: for {inputs_of(sample)} it failed by an exception of its own code. Correct it; or "
        f"if the sample does not suit it, add its inputs as fixture {function.id} to test/fixture.json, and the API's "
        f"answers as component_suite(answers=...):\n{emissions.summary()}"
    )


def _is_of_component(stack: object, root: Path) -> bool:
    """Return whether a traceback has a line of the component; the runtime and libraries may be in its folder."""
    files = map(Path, _FRAME.findall(str(stack)))
    return any(
        file.is_relative_to(root) and "site-packages" not in file.parts and not file.is_relative_to(_RUNTIME)
        for file in files
    )


def hosts_out_of_reach(trial: Trial, emissions: Emissions) -> str | None:
    """Return the hosts that a failed function could not reach, since only requests of one library are emulated."""
    hosts = ", ".join(sorted(set(trial.subject.routes.refused)))
    return hosts if hosts and emissions.errors else None


def require_served(trial: Trial, emissions: Emissions) -> None:
    """Do not check a function that failed because the suite cannot serve its requests.

    Raises:
        NotChecked: Its requests could not be served.
    """
    if (hosts := hosts_out_of_reach(trial, emissions)) is not None:
        raise NotChecked(
            f"it asks {hosts} with another library than requests, and only requests reaches the emulated API"
        )


def require_success(trial: Trial, function: Function, emissions: Emissions) -> None:
    """Require that a function did not fail.

    Raises:
        Failed: It failed by its own defect, or on inputs and replies that its author gave.
        NotChecked: It failed, perhaps since the sample inputs or replies of the suite do not suit it.
    """
    if not emissions.errors:
        return
    if has_defect(emissions):
        raise Failed(f"correct the function, which fails by itself:\n{emissions.summary()}")
    require_served(trial, emissions)
    sample = trial.sample(function)
    given = trial.surroundings.answers or trial.surroundings.serve
    if sample.source and (given or not trial.requests):
        raise Failed(f"it failed for {inputs_of(sample)}:\n{emissions.summary()}")
    raise NotChecked(
        f"it failed for {inputs_of(sample)} and the sample answer: {first_error(emissions)}. "
        f"Add its inputs as fixture {function.id} to test/fixture.json, and the API's answers as "
        "component_suite(answers=...)"
    )


def inputs_of(sample: Sample) -> str:
    """Return the origin of the inputs in words."""
    return f"the inputs of {sample.source}" if sample.source else "sample inputs"


def first_error(emissions: Emissions) -> str:
    """Return the first error among the events, in one line."""
    return emissions.only("error").summary().partition("\nerror: ")[0].removeprefix("error: ").replace("\n    ", ", ")


def place_of(request: Request) -> str:
    """Return method, host and path of a request: ``GET api.example.com/me``."""
    return f"{request.method} {request.header('Host') or ''}{request.path}"
