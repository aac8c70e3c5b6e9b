"""The container's one-shot mode: verify credentials, or answer a question, and post the result.

Source: contract §10.
"""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

from shipmate import component, log
from shipmate.emission import Event
from shipmate.errors import (
    AuthorError,
    FunctionNotFound,
    OperatorError,
    ServiceTimeout,
    ShipmateError,
)
from shipmate.executor import Services, call_model, verify
from shipmate.foreground import leave
from shipmate.http import HeaderAuth, HttpService, Patience
from shipmate.inbox import Inbox
from shipmate.message import encode, error_text
from shipmate.platformkeys import PlatformKeys
from shipmate.provision import Sessions, platform_of, register_secrets
from shipmate.redaction import Redactor
from shipmate.settings import ApiSettings, integer, log_fields, text

_log: Final = logging.getLogger("shipmate.service")
_METHODS: Final = ("verifyCredentials", "getMetaModel", "selectModel")
_STOP: Final = (signal.SIGTERM, signal.SIGINT)
_POST_SECONDS: Final = 15.0
_REFRESH_SECONDS: Final = 60.0
_LONGEST_SECONDS: Final = 300
"""A person waits before a screen for the answer."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Result:
    """What is posted: ``{"status": "success", "data": ...}``."""

    status: str
    data: Any = None

    def encoded(self) -> bytes:
        """Return the body."""
        given = {"status": self.status} if self.data is None else {"status": self.status, "data": self.data}
        return encode(given)


@dataclass(frozen=True, slots=True)
class Question:
    """What the platform wants to know."""

    method: str
    cfg: Mapping[str, Any] = field(repr=False)
    function: str = ""
    model: str = ""

    @classmethod
    def from_environ(cls, method: str, environ: Mapping[str, str]) -> "Question":
        """Read what is asked, in the order of contract §10.1.

        Raises:
            OperatorError: The method is unknown, or a variable is missing or not what it must be.
        """
        if method not in _METHODS:
            raise OperatorError(f"expected one of {', '.join(_METHODS)} as method, found {method!r}")
        cfg = text(environ, "ELASTICIO_CFG")
        ApiSettings.from_environ(environ)
        function = "" if method == "verifyCredentials" else text(environ, "ELASTICIO_ACTION_OR_TRIGGER")
        model = text(environ, "ELASTICIO_GET_MODEL_METHOD") if method == "selectModel" else "get_meta_model"
        return cls(method, _parsed(cfg), function, model)


class ServiceSink:
    """Takes the keys that a function has refreshed; nothing else can be emitted."""

    def __init__(self, keys: PlatformKeys) -> None:
        """Save with ``keys``."""
        self._keys = keys

    def deliver(self, event: Event) -> None:
        """Save the keys of one event; that it failed ends a refresh, and is only logged when the author saves."""
        try:
            self._keys.save(event.value, event.account)
        except ShipmateError as error:
            if event.account is not None:  # only a session names the account
                raise
            _log.error("keys could not be saved: %s", error)


class Service:
    """One call of one method."""

    def __init__(self, method: str, root: Path, environ: Mapping[str, str], redactor: Redactor) -> None:
        """Note what to do."""
        self._method = method
        self._root = root
        self._environ = environ
        self._redactor = redactor
        self._sessions: Sessions | None = None

    def answer(self) -> Result:
        """Return the result of the method; whatever goes wrong is one as well."""
        try:
            return Result("success", self._data(Question.from_environ(self._method, self._environ)))
        except BaseException as error:  # the author's code may raise anything, sys.exit included
            text_of_error = self._redactor.redact(error_text(error))
            _log.error("%s failed: %s: %s", self._method, type(error).__name__, text_of_error, exc_info=error)
            return Result("error", {"message": text_of_error})

    def drain(self) -> None:
        """Wait for a refresh that is under way: a rotated token must reach the platform."""
        if self._sessions is not None:
            self._sessions.drain(_REFRESH_SECONDS)

    def _data(self, question: Question) -> Any:
        loaded = component.load(self._root)
        register_secrets(self._redactor, loaded, question.cfg, self._environ)
        platform = platform_of(self._environ)
        account = question.cfg.get("_account")
        keys = PlatformKeys(str(account) if account else None, platform=platform)
        self._sessions = Sessions(
            loaded, environ=self._environ, redactor=self._redactor, stored=keys, platform=platform
        )
        services = Services(self._redactor, self._sessions, platform)
        modules = component.Modules(loaded)
        sink = ServiceSink(keys)
        if question.method == "verifyCredentials":
            return _verified(modules, question.cfg, sink, services)
        function = loaded.function(question.function)
        try:
            model = modules.model(function, question.model)
        except FunctionNotFound as error:
            name = "getMetaModel" if question.method == "getMetaModel" else question.model
            raise FunctionNotFound(
                f'Method "{name}" is not found in "{question.function}" action or trigger'
            ) from error
        return call_model(model, dict(question.cfg), sink=sink, services=services)


def _verified(modules: component.Modules, cfg: Mapping[str, Any], sink: ServiceSink, services: Services) -> Any:
    try:
        verifier = modules.verifier()
    except AuthorError as error:  # without DEF-16: a broken file proves nothing
        _log.error("verify_credentials cannot be used: %s", error)
        return {"verified": False, "reason": services.redactor.redact(str(error))}
    return verify(verifier, dict(cfg), sink=sink, services=services)


def main(method: str, root: Path | None = None) -> NoReturn:
    """Run one method in the environment of this process, post its result, and end the process.

    The status is 0 when a result was delivered, even one that tells of an error, and 1 otherwise.
    """
    environ = os.environ
    redactor = Redactor()
    redactor.add_environment(environ)
    log.configure(
        log.parse_level(environ.get("LOG_LEVEL")),
        redactor,
        stream=sys.stdout,
        as_json=True,
        fields=log_fields(environ),
    )
    try:
        place = Place.from_environ(environ)
    except ShipmateError as error:
        sys.stderr.write(f"Error: {error}\n")
        leave(1)
    redactor.add(place.password)
    folder = root or Path.cwd() / environ.get("ELASTICIO_COMPONENT_PATH", "").lstrip("/")
    service = Service(method, folder, environ, redactor)
    limit = integer(environ, "SHIPMATE_SERVICE_TIMEOUT_SECONDS", _LONGEST_SECONDS)
    happened: Inbox[Result | signal.Signals] = Inbox()
    with happened.hearing(_STOP, lambda number: number):
        _in_background(lambda: happened.put(service.answer()))
        timer = threading.Timer(limit, lambda: happened.put(_too_late(method, limit)))
        timer.daemon = True
        timer.start()
        what = happened.get()
        service.drain()
        if isinstance(what, signal.Signals):
            leave(128 + what)
        leave(_delivered(place, what, environ))


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="function", daemon=True).start()


def _too_late(method: str, limit: int) -> Result:
    return Result("error", {"message": str(ServiceTimeout(f"{method} did not answer within {limit} seconds"))})


@dataclass(frozen=True, slots=True)
class Place:
    """Where the result is posted."""

    url: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Place":
        """Read the address; user and password in it become a header, if both are there. Source: contract §10.3.

        Raises:
            MissingSetting: There is no address.
            OperatorError: It is none; nothing of it is told.
        """
        url = text(environ, "ELASTICIO_POST_RESULT_URL")
        try:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("no address")
            user, password = parts.username, parts.password
            if not user or not password:
                return cls(url)
            bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        except ValueError:
            raise OperatorError("ELASTICIO_POST_RESULT_URL: expected the address to post the result to") from None
        return cls(bare, unquote(user), unquote(password))

    def authorization(self) -> str | None:
        """Return the header that the address asks for."""
        if self.user is None:
            return None
        import base64

        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")


def _delivered(place: Place, result: Result, environ: Mapping[str, str]) -> int:
    """Post a result and return the status of the process."""
    patience = Patience(
        attempts=integer(environ, "ELASTICIO_API_REQUEST_RETRY_ATTEMPTS", 3),
        delay_seconds=integer(environ, "ELASTICIO_API_REQUEST_RETRY_DELAY", 100) / 1000,
        timeout_seconds=_POST_SECONDS,
    )
    service = HttpService("platform", HeaderAuth(place.authorization()), patience)
    try:
        service.send("POST", place.url, data=result.encoded(), headers={"Content-Type": "application/json"})
    except ShipmateError as error:
        sys.stderr.write(f"Error: the result could not be delivered: {error}\n")
        return 1
    return 0


def _parsed(cfg: str) -> Mapping[str, Any]:
    try:
        value = json.loads(cfg)
    except ValueError:
        value = None
    if isinstance(value, dict):
        return value
    raise OperatorError("Unable to parse CFG: expected a JSON object")
