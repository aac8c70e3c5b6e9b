"""Running a component on this machine, without a broker: one message, one model, or the check of credentials."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shipmate.component import Component, Function
from shipmate.errors import AuthorError, BadInput, FunctionNotFound
from shipmate.invocation.events import Event
from shipmate.invocation.failure import format_error
from shipmate.invocation.inprocess import InProcessRunner, log_failure
from shipmate.invocation.services import LazyOAuth2, Services, platform_of, register_secrets
from shipmate.invocation.sink import Sink
from shipmate.logs.log import Redactor
from shipmate.oauth2.storage.file import TokenFile
from shipmate.oauth2.storage.local import LocalTokenStore

WriteLine = Callable[[Mapping[str, Any]], None]


class LocalSink(Sink):
    """Takes the events of a call: new keys are saved, then everything is printed, one line per event, in order."""

    def __init__(self, keys: LocalTokenStore, write_line: WriteLine | None) -> None:
        """Print with ``write_line``; without it only keys are taken."""
        self._keys = keys
        self._write_line = write_line
        self._lock = threading.Lock()

    def deliver(self, event: Event) -> None:
        """Save and print one event."""
        if event.name == "updateKeys":
            self._keys.save(event.value, event.account)
        if self._write_line is not None:
            line = {"event": event.name, "value": event.value}
            with self._lock:
                self._write_line(line)


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a function that processes no message has answered."""

    value: Any
    is_success: bool = True
    """Whether it did not fail, and the credentials are verified if that was the question."""


class LocalRun:
    """One component with one ``cfg``, ready to be called."""

    def __init__(
        self,
        component: Component,
        cfg: Mapping[str, Any],
        *,
        cfg_file: Path | None,
        environ: Mapping[str, str],
        redactor: Redactor,
        flow_variables: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare what calls need; no code of the component runs yet.

        Args:
            component: The component.
            cfg: The configuration with the credentials.
            cfg_file: The file that it came from, which new keys are saved to.
            environ: The environment.
            redactor: Learns the secrets.
            flow_variables: What ``context.flow_variables`` has.
        """
        self._cfg = cfg
        register_secrets(redactor, component, cfg, environ)
        platform = platform_of(environ)
        file = TokenFile(cfg_file) if cfg_file is not None else None
        self._keys = LocalTokenStore(file, str(cfg["_account"]) if cfg.get("_account") else None, platform=platform)
        self._sessions = LazyOAuth2(
            component, environ=environ, redactor=redactor, token_store=self._keys, platform=platform
        )
        self._services = Services(
            redactor=redactor, oauth2=self._sessions, platform=platform, flow_variables=flow_variables or {}
        )
        self._direct = InProcessRunner(component, self._services)

    def exec(self, function: Function, msg: Mapping[str, Any], snapshot: Any, *, write_line: WriteLine) -> int:
        """Run an action or a trigger on one message as the container does, and return how many errors there were.

        Args:
            function: The function.
            msg: The message.
            snapshot: The snapshot.
            write_line: Is given each event as ``{"event": ..., "value": ...}``.
        """
        sink = LocalSink(self._keys, write_line)
        return self._direct.process(function, msg, self._cfg, snapshot, sink=sink)

    def call(self, function: Function, name: str) -> "CallResult":
        """Return what ``get_meta_model`` or a select model answers, or ``{"error": ...}`` when it fails.

        Raises:
            FunctionNotFound: The module has no function of that name; nothing was called.
        """
        try:
            return CallResult(self._direct.call(function, name, self._cfg, sink=self._silent()))
        except FunctionNotFound:
            raise
        except BaseException as error:  # the author's code may raise anything, sys.exit included
            log_failure(error)
            return CallResult({"error": self._services.redactor.redact_json(format_error(error))}, is_success=False)

    def verify(self) -> "CallResult":
        """Return the component's verdict on the credentials, an object with ``verified``."""
        try:
            verdict = self._direct.verify(self._cfg, sink=self._silent())
        except AuthorError as error:
            log_failure(error)
            return CallResult({"verified": False, "reason": str(error)}, is_success=False)
        return CallResult(verdict, is_success=bool(verdict["verified"]))

    def drain(self, timeout_seconds: float) -> None:
        """Let no refresh start any more, and wait for the one under way to reach the file."""
        self._sessions.drain(timeout_seconds)
        self._keys.wait_for_writes(timeout_seconds)

    def _silent(self) -> LocalSink:
        return LocalSink(self._keys, None)


def message_problems(component: Component, function: Function, body: Any) -> list[str]:
    """Return what the function's ``in`` metadata objects to in a message's body, each with its JSON pointer.

    Raises:
        DescriptorError: The metadata cannot be read.
    """
    if not _has_input_metadata(function):
        return []
    from shipmate.component import metadata  # 70 ms with jsonschema

    schema = metadata.schema_of(component, function, "in")
    return [f"{pointer or '/'}: {text}" for pointer, text in metadata.problems(schema, body)] if schema else []


def sample_message(component: Component, function: Function) -> dict[str, Any]:
    """Return a message whose body is made from the function's ``in`` metadata.

    Raises:
        BadInput: The function has no such metadata.
        DescriptorError: The metadata cannot be read.
    """
    if not _has_input_metadata(function):
        kind = "dynamic metadata only" if function.dynamic_metadata else "none"
        raise BadInput(f'expected "in" metadata to make a message from, found {kind} for {function.id}')
    from shipmate.component import metadata

    schema = metadata.schema_of(component, function, "in")
    return {"headers": {}, "body": metadata.sample(schema if schema is not None else {})}


def _has_input_metadata(function: Function) -> bool:
    return bool(function.metadata and function.metadata.get("in"))
