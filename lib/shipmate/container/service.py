"""The container's service mode: call one method of the component, and post its result.

Source: contract §10.
"""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

from shipmate import component
from shipmate.container.deadline import Deadline, Limit, Stopped
from shipmate.container.keys_sink import KeysSink
from shipmate.container.service_result import RESULT_URL, Result, ResultEndpoint
from shipmate.container.startup import Installation, configure_log, load_component, refuse_start
from shipmate.errors import (
    AuthorError,
    BadInput,
    FunctionNotFound,
    MissingSetting,
    ServiceTimeout,
    ShipmateError,
    WrongSignature,
)
from shipmate.invocation.executor import call_model, verify
from shipmate.invocation.failure import error_text
from shipmate.invocation.services import LazyOAuth2, Services, platform_of, register_secrets
from shipmate.jsonvalue import from_json
from shipmate.logs.records import redacted
from shipmate.oauth2.storage.platform import PlatformTokenStore
from shipmate.settings import bounded, require
from shipmate.signals import end_process

_log: Final = logging.getLogger("shipmate.service")
_NEEDED: Final = ("CFG", "API_URI", "API_USERNAME", "API_KEY")
_NEEDED_FOR: Final[Mapping[str, tuple[str, ...]]] = {
    "verifyCredentials": (),
    "getMetaModel": ("ACTION_OR_TRIGGER",),
    "selectModel": ("ACTION_OR_TRIGGER", "GET_MODEL_METHOD"),
}
_REFRESH_SECONDS: Final = 60.0
# A person at a screen waits for the result.
_LIMIT_SECONDS: Final = 300
_LONGEST_LIMIT_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """The method that the platform asks for, with its arguments."""

    method: str
    cfg: dict[str, Any] = field(repr=False)
    function: str = ""
    """The id of a trigger or an action; empty for ``verifyCredentials``."""
    model: str = ""
    """The name of the function to call, ``getMetaModel`` or a select model; empty for ``verifyCredentials``."""

    @classmethod
    def from_environ(cls, method: str, environ: Mapping[str, str]) -> "ServiceRequest":
        """Read the variables in the order of contract §10.1.

        Raises:
            MissingSetting: A variable is unset or empty; the text names the first one, and the log all of them.
            BadInput: The method is unknown, or ``cfg`` is not a JSON object.
        """
        if method not in _NEEDED_FOR:
            raise BadInput(f'Unknown service method "{method}"')
        if missing := [name for name in _needed_by(method) if not environ.get(name)]:
            if len(missing) > 1:
                _log.error("variables are missing: %s", ", ".join(missing))
            raise MissingSetting(f"{missing[0]} is not provided")
        function = environ.get("ELASTICIO_ACTION_OR_TRIGGER", "")
        model = environ["ELASTICIO_GET_MODEL_METHOD"] if method == "selectModel" else "getMetaModel"
        return cls(method, _parsed(environ["ELASTICIO_CFG"]), function, model)


class Service:
    """One call of one method."""

    def __init__(self, method: str, installation: Installation) -> None:
        """Prepare to call ``verifyCredentials``, ``getMetaModel`` or ``selectModel``."""
        self._method = method
        self._installation = installation
        self._sessions: LazyOAuth2 | None = None
        self._sink: KeysSink | None = None

    def answer(self) -> Result:
        """Return the result of the method, which is an error if anything fails."""
        try:
            result = Result(
                "success", self._data(ServiceRequest.from_environ(self._method, self._installation.environ))
            )
            result.encoded()
            return result
        except BaseException as error:  # the author's code may raise anything, sys.exit included
            reason = self._installation.redactor.redact(error_text(error))
            is_traced = not isinstance(error, ShipmateError) or _log.isEnabledFor(logging.DEBUG)
            trace = error if is_traced else None
            _log.error("the method failed", extra={"method": self._method, "reason": reason}, exc_info=trace)
            return Result("error", {"message": reason})

    def drain(self) -> None:
        """Wait for refreshes and for keys that are being saved: a rotated token must reach the platform."""
        if self._sessions is not None:
            self._sessions.drain(_REFRESH_SECONDS)
        if self._sink is not None:
            self._sink.wait_for_writes(_REFRESH_SECONDS)

    def _data(self, request: ServiceRequest) -> Any:
        environ, redactor = self._installation.environ, self._installation.redactor
        descriptor = load_component(self._installation.root)
        register_secrets(redactor, descriptor, request.cfg, environ)
        platform = platform_of(environ)
        account = request.cfg.get("_account")
        keys = PlatformTokenStore(str(account) if account else None, platform=platform)
        self._sink = KeysSink(keys)
        self._sessions = LazyOAuth2(descriptor, environ=environ, redactor=redactor, token_store=keys, platform=platform)
        services = Services(redactor, self._sessions, platform)
        with closing(services.loops):
            return _call(request, descriptor, self._sink, services)


def _call(request: ServiceRequest, descriptor: component.Component, sink: KeysSink, services: Services) -> Any:
    modules = component.Modules(descriptor)
    if request.method == "verifyCredentials":
        return _verified(modules, request.cfg, sink, services)
    model = _model(modules, descriptor.function(request.function), request.model)
    return call_model(model, request.cfg, sink=sink, services=services)


def _verified(modules: component.Modules, cfg: Any, sink: KeysSink, services: Services) -> Any:
    try:
        verifier = modules.verifier()
    except AuthorError as error:  # without DEF-16: a broken file proves nothing
        reason = services.redactor.redact(str(error))
        _log.error("verify_credentials cannot be used", extra={"reason": reason})
        return {"verified": False, "reason": reason}
    return verify(verifier, cfg, sink=sink, services=services)


def _model(modules: component.Modules, function: component.Function, name: str) -> Callable[..., Any]:
    try:
        return modules.model(function, name)
    except WrongSignature:
        raise
    except FunctionNotFound as error:
        raise FunctionNotFound(f'Method "{name}" is not found in "{function.id}" action or trigger') from error


def main(method: str, root: Path | None = None) -> NoReturn:
    """Run one method in the environment of this process, and end the process, whatever its threads are doing."""
    end_process(run(method, os.environ, root))


def run(method: str, environ: Mapping[str, str], root: Path | None) -> int:
    """Run one method, post its result, and return the exit status: 0 when the result was posted, even if an error.

    Args:
        method: ``verifyCredentials``, ``getMetaModel`` or ``selectModel``.
        environ: The environment.
        root: The component's folder; None for the one that the environment names.
    """
    installation = Installation.from_environ(environ, root)
    redactor = installation.redactor
    try:
        configure_log(environ, redactor)
        if not environ.get(RESULT_URL):  # no result can be posted: name all at once
            require(environ, RESULT_URL, *_needed_by(method))
        endpoint = ResultEndpoint.from_environ(environ)
    except ShipmateError as error:
        refuse_start(error)
        return 1
    redactor.add(endpoint.password)
    service = Service(method, installation)
    seconds = _limit_seconds(environ)
    deadline = Deadline()
    with deadline.receiving_signals():
        try:
            _serve(service, endpoint, deadline, Limit(seconds, f"{method} did not answer within {seconds} seconds"))
            status = 0
        except Stopped as stop:
            _log.warning("stopping, as soon as no keys are being refreshed", extra={"signal": stop.number.name})
            status = 128 + stop.number
        except ShipmateError as error:
            status = _failed(f"the result could not be delivered: {redactor.redact(str(error))}")
        service.drain()
    return status


def _serve(service: Service, endpoint: ResultEndpoint, deadline: Deadline, limit: Limit) -> None:
    """Call the method within the limit, and post its result."""
    try:
        result = deadline.outcome(service.answer, limit=limit)
    except ServiceTimeout as error:
        _log.error("the method did not end in time", extra={"seconds": limit.seconds})
        result = Result("error", {"message": str(error)})
    deadline.outcome(lambda: endpoint.post(result))
    _log.info("the result was delivered", extra={"status": result.status})


def _limit_seconds(environ: Mapping[str, str]) -> int:
    """Return how long a method may take: as long as the platform waits, unless a variable of the runtime is set."""
    platform = bounded(environ, "SCHEDULED_EXECUTION_TIMEOUT", _LIMIT_SECONDS, 1, _LONGEST_LIMIT_SECONDS)
    return bounded(environ, "SHIPMATE_SERVICE_TIMEOUT_SECONDS", platform, 1, _LONGEST_LIMIT_SECONDS)


def _failed(reason: str) -> int:
    sys.stderr.write(f"Error: {' '.join(redacted(reason).split())}\n")
    return 1


def _needed_by(method: str) -> list[str]:
    """Return the names of the variables that a method needs, in the order of contract §10.1."""
    return [f"ELASTICIO_{name}" for name in (*_NEEDED, *_NEEDED_FOR.get(method, ()))]


def _parsed(cfg: str) -> dict[str, Any]:
    try:
        value = from_json(cfg)
    except ValueError as error:
        _log.error("CFG is not JSON", extra={"reason": str(error)})
        raise BadInput("Unable to parse CFG") from None
    if isinstance(value, dict):
        return value
    raise BadInput(f"Unable to parse CFG: expected a JSON object, found {type(value).__name__}")
