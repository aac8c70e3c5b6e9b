"""The container's one-shot mode: verify credentials, or answer a question, and post the result.

Source: contract §10.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

from shipmate import component
from shipmate.container.deadline import Deadline, Limit, Stopped
from shipmate.container.result import Result, ResultEndpoint
from shipmate.container.startup import configure_log, load_component
from shipmate.errors import AuthorError, BadInput, FunctionNotFound, MissingSetting, ServiceTimeout, ShipmateError
from shipmate.invocation.events import Event
from shipmate.invocation.executor import call_model, verify
from shipmate.invocation.failure import error_text
from shipmate.invocation.services import LazyOAuth2, Services, platform_of, register_secrets
from shipmate.invocation.sink import Sink
from shipmate.jsonvalue import from_json
from shipmate.logs.redaction import Redactor
from shipmate.oauth2.storage.platform import PlatformTokenStore
from shipmate.settings import bounded
from shipmate.signals import end_process

_log: Final = logging.getLogger("shipmate.service")
_NEEDED: Final = ("CFG", "API_URI", "API_USERNAME", "API_KEY")
_NEEDED_FOR: Final[Mapping[str, tuple[str, ...]]] = {
    "verifyCredentials": (),
    "getMetaModel": ("ACTION_OR_TRIGGER",),
    "selectModel": ("ACTION_OR_TRIGGER", "GET_MODEL_METHOD"),
}
_REFRESH_SECONDS: Final = 60.0
# A person waits before a screen for the answer.
_LIMIT_SECONDS: Final = 300
_LONGEST_LIMIT_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """What the platform wants to know."""

    method: str
    cfg: dict[str, Any] = field(repr=False)
    function: str = ""
    model: str = ""

    @classmethod
    def from_environ(cls, method: str, environ: Mapping[str, str]) -> "ServiceRequest":
        """Read what is asked, in the order of contract §10.1.

        Raises:
            MissingSetting: A variable is unset or empty.
            BadInput: The method is unknown, or ``cfg`` is no JSON object.
        """
        if method not in _NEEDED_FOR:
            raise BadInput(f'Unknown service method "{method}"')
        for name in (*_NEEDED, *_NEEDED_FOR[method]):
            _provided(environ, name)
        function = environ.get("ELASTICIO_ACTION_OR_TRIGGER", "")
        model = environ["ELASTICIO_GET_MODEL_METHOD"] if method == "selectModel" else "getMetaModel"
        return cls(method, _parsed(environ["ELASTICIO_CFG"]), function, model)


class ServiceSink(Sink):
    """Takes the keys that a function has refreshed, one after the other; nothing else can be emitted."""

    def __init__(self, keys: PlatformTokenStore) -> None:
        """Save with ``keys``."""
        self._keys = keys
        self._lock = threading.Lock()

    def deliver(self, event: Event) -> None:
        """Save the keys of one event; that it failed ends a refresh, but not a function that emits by itself.

        Source: contract §10.4.
        """
        with self._lock:
            try:
                self._keys.save(event.value, event.account)
            except ShipmateError as error:
                if event.is_awaited:
                    raise
                _log.error("new keys could not be saved", extra={"reason": str(error)})

    def wait_for_writes(self, timeout_seconds: float) -> None:
        """Wait until no keys are being saved, and let no more come: the process is about to end."""
        self._lock.acquire(timeout=timeout_seconds)


class Service:
    """One call of one method."""

    def __init__(self, method: str, root: Path, environ: Mapping[str, str], redactor: Redactor) -> None:
        """Note what to do.

        Args:
            method: What is asked for.
            root: The component's folder.
            environ: The environment.
            redactor: Learns the secrets.
        """
        self._method = method
        self._root = root
        self._environ = environ
        self._redactor = redactor
        self._sessions: LazyOAuth2 | None = None
        self._sink: ServiceSink | None = None

    def answer(self) -> Result:
        """Return the result of the method; whatever goes wrong is one as well."""
        try:
            result = Result("success", self._data(ServiceRequest.from_environ(self._method, self._environ)))
            result.encoded()
            return result
        except BaseException as error:  # the author's code may raise anything, sys.exit included
            reason = self._redactor.redact(error_text(error))
            is_traced = not isinstance(error, ShipmateError) or _log.isEnabledFor(logging.DEBUG)
            trace = error if is_traced else None
            _log.error("the method failed", extra={"method": self._method, "reason": reason}, exc_info=trace)
            return Result("error", {"message": reason})

    def drain(self) -> None:
        """Wait for what is being refreshed and saved: a rotated token must reach the platform."""
        if self._sessions is not None:
            self._sessions.drain(_REFRESH_SECONDS)
        if self._sink is not None:
            self._sink.wait_for_writes(_REFRESH_SECONDS)

    def _data(self, question: ServiceRequest) -> Any:
        loaded = load_component(self._root)
        register_secrets(self._redactor, loaded, question.cfg, self._environ)
        platform = platform_of(self._environ)
        account = question.cfg.get("_account")
        keys = PlatformTokenStore(str(account) if account else None, platform=platform)
        self._sink = ServiceSink(keys)
        self._sessions = LazyOAuth2(
            loaded, environ=self._environ, redactor=self._redactor, token_store=keys, platform=platform
        )
        services = Services(self._redactor, self._sessions, platform)
        with closing(services.loops):
            return _asked(question, loaded, self._sink, services)


def _asked(question: ServiceRequest, loaded: component.Component, sink: ServiceSink, services: Services) -> Any:
    modules = component.Modules(loaded)
    if question.method == "verifyCredentials":
        return _verified(modules, question.cfg, sink, services)
    model = _model(modules, loaded.function(question.function), question.model)
    return call_model(model, question.cfg, sink=sink, services=services)


def _verified(modules: component.Modules, cfg: Any, sink: ServiceSink, services: Services) -> Any:
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
    except FunctionNotFound as error:
        raise FunctionNotFound(f'Method "{name}" is not found in "{function.id}" action or trigger') from error


def main(method: str, root: Path | None = None) -> NoReturn:
    """Run one method in the environment of this process, and end the process, whatever its threads are doing."""
    end_process(run(method, os.environ, root))


def run(method: str, environ: Mapping[str, str], root: Path | None) -> int:
    """Run one method, post its result, and return the exit status: 0 when a result was delivered, also an error.

    Args:
        method: ``verifyCredentials``, ``getMetaModel`` or ``selectModel``.
        environ: The environment.
        root: The component's folder, that of the environment unless given.
    """
    redactor = Redactor()
    redactor.add_environment(environ)
    configure_log(environ, redactor)
    try:
        place = ResultEndpoint.from_environ(environ)
    except ShipmateError as error:
        _log.critical("%s", error)
        return _failed(str(error))
    redactor.add(place.password)
    root = root or Path.cwd() / environ.get("ELASTICIO_COMPONENT_PATH", "").lstrip("/")
    service = Service(method, root, environ, redactor)
    seconds = bounded(environ, "SHIPMATE_SERVICE_TIMEOUT_SECONDS", _LIMIT_SECONDS, 1, _LONGEST_LIMIT_SECONDS)
    watch = Deadline()
    with watch.hearing():
        try:
            _serve(service, place, watch, Limit(seconds, f"{method} did not answer within {seconds} seconds"))
            status = 0
        except Stopped as stop:
            _log.warning("stopping, as soon as no keys are being refreshed", extra={"signal": stop.number.name})
            status = 128 + stop.number
        except ShipmateError as error:
            status = _failed(f"the result could not be delivered: {redactor.redact(str(error))}")
        service.drain()
    return status


def _serve(service: Service, place: ResultEndpoint, watch: Deadline, limit: Limit) -> None:
    """Have the result made, in time, and posted."""
    try:
        result = watch.outcome(service.answer, limit=limit)
    except ServiceTimeout as error:
        _log.error("the method did not end in time", extra={"seconds": limit.seconds})
        result = Result("error", {"message": str(error)})
    watch.outcome(lambda: place.post(result))
    _log.info("the result was delivered", extra={"status": result.status})


def _failed(reason: str) -> int:
    sys.stderr.write(f"Error: {' '.join(reason.split())}\n")
    return 1


def _provided(environ: Mapping[str, str], name: str) -> None:
    if not environ.get(f"ELASTICIO_{name}"):
        raise MissingSetting(f"ELASTICIO_{name} is not provided")


def _parsed(cfg: str) -> dict[str, Any]:
    try:
        value = from_json(cfg)
    except ValueError as error:
        _log.error("CFG is not JSON", extra={"reason": str(error)})
        raise BadInput("Unable to parse CFG") from None
    if isinstance(value, dict):
        return value
    raise BadInput(f"Unable to parse CFG: expected a JSON object, found {type(value).__name__}")
