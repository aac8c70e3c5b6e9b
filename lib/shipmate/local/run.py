"""Runs a component on this machine without a broker: one message, one model, or one check of credentials."""

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shipmate.component import Component, Function
from shipmate.errors import AuthorError, BadInput, FunctionNotFound, ShipmateError
from shipmate.invocation.events import Event
from shipmate.invocation.failure import error_text, format_error
from shipmate.invocation.inprocess import InProcessRunner, log_failure
from shipmate.invocation.services import LazyOAuth2, Services, platform_of, register_secrets
from shipmate.invocation.sink import Sink
from shipmate.logs.redaction import Redactor
from shipmate.oauth2.storage.file import TokenFile
from shipmate.oauth2.storage.local import LocalTokenStore
from shipmate.signals import wait_for_threads

# How long threads that a function has started may take to end.
_LEFT_BEHIND_SECONDS: Final = 10.0

_LOG: Final = logging.getLogger("shipmate.local")
WriteLine = Callable[[Mapping[str, Any]], None]


class LocalSink(Sink):
    """Saves the new keys that a call emits, and prints its events, one line each, in order."""

    def __init__(self, keys: LocalTokenStore, write_line: WriteLine | None) -> None:
        """Print with ``write_line``; without it, only save keys."""
        self._keys = keys
        self._write_line = write_line
        self._lock = threading.Lock()
        self.has_events = False

    def deliver(self, event: Event) -> None:
        """Save the keys of an ``updateKeys`` event, then print the event."""
        self.has_events = True
        if event.name == "updateKeys":
            self._keys.save(event.value, event.account)
        if self._write_line is not None:
            line = {"event": event.name, "value": event.value}
            with self._lock:
                self._write_line(line)


@dataclass(frozen=True, slots=True)
class CallResult:
    """The result of a function that processes no message."""

    value: Any
    is_success: bool = True
    """True if the function succeeded; for ``verify_credentials``, if the credentials are verified."""
    error: Mapping[str, Any] | None = None
    """The exception of the function, as `shipmate.invocation.failure.format_error` returns it."""


class LocalRun:
    """One component with one ``cfg``, ready for calls."""

    def __init__(
        self,
        component: Component,
        cfg: Mapping[str, Any],
        *,
        keys_file: Path | None,
        environ: Mapping[str, str],
        redactor: Redactor,
        flow_variables: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare the calls; no code of the component runs yet.

        Args:
            component: The component.
            cfg: The configuration with the credentials.
            keys_file: The file of the credentials, where new keys are saved.
            environ: The environment.
            redactor: Learns the secrets.
            flow_variables: The value of ``context.flow_variables``.
        """
        self._cfg = cfg
        register_secrets(redactor, component, cfg, environ)
        platform = platform_of(environ)
        file = TokenFile(keys_file) if keys_file is not None else None
        account = str(cfg["_account"]) if cfg.get("_account") else None
        self._keys = LocalTokenStore(file, account, platform=platform)
        self._oauth2 = LazyOAuth2(
            component,
            environ=environ,
            redactor=redactor,
            token_store=self._keys,
            platform=platform,
            awaits_winner=False,
        )
        self._services = Services(
            redactor=redactor, oauth2=self._oauth2, platform=platform, flow_variables=flow_variables or {}
        )
        self._runner = InProcessRunner(component, self._services)

    def exec(self, function: Function, msg: Mapping[str, Any], snapshot: Any, *, write_line: WriteLine) -> int:
        """Run an action or a trigger on one message, as the container does, and return the number of errors.

        Args:
            function: The function.
            msg: The message.
            snapshot: The snapshot.
            write_line: Writes one event: ``{"event": ..., "value": ...}``.
        """
        sink = LocalSink(self._keys, write_line)
        errors = self._runner.process(function, msg, self._cfg, snapshot, sink=sink)
        if not sink.has_events:
            _LOG.info("%s emitted nothing: a function returns a message, yields messages, or calls emit", function.id)
        return errors

    def call(self, function: Function, name: str) -> CallResult:
        """Return the result of ``get_meta_model`` or a select model, or ``{"error": ...}`` if it fails.

        Raises:
            FunctionNotFound: The module has no such function.
        """
        try:
            return CallResult(self._runner.call(function, name, self._cfg, sink=self._silent_sink()))
        except FunctionNotFound:
            raise
        except BaseException as error:  # the author's code may raise anything, sys.exit included
            log_failure(error)
            formatted = self._services.redactor.redact_json(format_error(error))
            return CallResult({"error": formatted}, is_success=False, error=formatted)

    def metadata(self, function: Function) -> Any:
        """Return the answer of ``get_meta_model``.

        Raises:
            BadInput: It raises an exception; the message has its text, without secrets.
        """
        try:
            return self._runner.call(function, "get_meta_model", self._cfg, sink=self._silent_sink())
        except BaseException as error:  # the author's code may raise anything, sys.exit included
            text = self._services.redactor.redact(error_text(error))
            raise BadInput(f"expected metadata from get_meta_model of {function.id}, found an error: {text}") from error

    def verify(self) -> CallResult:
        """Return the component's verdict on the credentials, an object with ``verified``."""
        raised: list[BaseException] = []
        try:
            verdict = self._runner.verify(self._cfg, sink=self._silent_sink(), on_error=raised.append)
        except AuthorError as error:
            log_failure(error)
            reason = self._services.redactor.redact(str(error))
            return CallResult({"verified": False, "reason": reason}, is_success=False)
        # An error of the runtime says all in its text.
        errors = [
            self._services.redactor.redact_json(format_error(each))
            for each in raised
            if not isinstance(each, ShipmateError)
        ]
        return CallResult(verdict, is_success=bool(verdict["verified"]), error=next(iter(errors), None))

    def drain(self, timeout_seconds: float) -> None:
        """Start no further token refresh, and wait until the running one has saved its keys."""
        self._oauth2.drain(timeout_seconds)
        self._keys.wait_for_writes(timeout_seconds)

    def _silent_sink(self) -> LocalSink:
        return LocalSink(self._keys, None)


def wait_for_left_threads(before: Collection[threading.Thread]) -> None:
    """Wait for the threads that a function has started, since their late events are in the log; warn of the others.

    Args:
        before: The threads from before the call. Only a process that runs nothing else knows whose the others are.
    """
    if names := wait_for_threads(before, _LEFT_BEHIND_SECONDS):
        _LOG.warning("threads of the function did not end within %g s: %s", _LEFT_BEHIND_SECONDS, ", ".join(names))
