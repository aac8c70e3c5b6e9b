"""The container's step mode: start, process messages until a signal comes, and stop.

Source: contract §1, §3.3.
"""

import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol

from shipmate import component
from shipmate.container.amqp import Broker
from shipmate.container.delivery_sink import StepResources, start_error
from shipmate.container.messages.codec import MessageCodec
from shipmate.container.messages.lightweight import BodyStore
from shipmate.container.processor import Loaded, Processor
from shipmate.container.startup import Installation, configure_log, load_component
from shipmate.container.state import StepState
from shipmate.container.transport import Delivery, Transport
from shipmate.errors import BrokerLost, BrokerRefused, ShipmateError
from shipmate.invocation.executor import run_hook
from shipmate.invocation.failure import error_text, format_error
from shipmate.invocation.services import LazyOAuth2, Services, platform_of, register_secrets
from shipmate.logs.records import redacted
from shipmate.oauth2.storage.platform import PlatformTokenStore
from shipmate.settings import ShutdownSettings, StepSettings, is_shutdown
from shipmate.signals import SignalQueue, end_process

_log: Final = logging.getLogger("shipmate.step")
_STOP: Final = (signal.SIGTERM, signal.SIGINT)
_START_ERROR_SECONDS: Final = 5.0
# When the time to stop is over: how long the transport may confirm nothing before the messages are left unsettled.
_UNCONFIRMED_SECONDS: Final = 0.4
# Each level of nested JSON takes two calls; messages of the official runtime may have thousands of levels, and the
# stack of a thread is large enough for these.
_RECURSION_LIMIT: Final = 6000
_OBJECTS_BETWEEN_COLLECTIONS: Final = 20_000
_LOOK_SECONDS: Final = 0.1
_REFRESH_SECONDS: Final = 60.0
_CONSUMING: Final = "consuming"


class NewTransport(Protocol):
    """Makes the transport of a step."""

    def __call__(self, settings: StepSettings, *, on_lost: Callable[[BaseException], None]) -> Transport:
        """Return a transport that is not connected yet; it calls ``on_lost`` when it cannot go on."""


def new_transport(
    settings: StepSettings,
    *,
    on_lost: Callable[[BaseException], None],
    on_settled: Callable[[Delivery, bool], None] | None = None,
) -> Transport:
    """Return the transport that the settings ask for, not connected yet.

    Args:
        settings: The settings of the step.
        on_lost: Called when the transport cannot go on: the process must end.
        on_settled: Called with each message that is settled, and whether it succeeded.

    Raises:
        BadSetting: The address of the broker is not a valid AMQP address.
    """
    return Broker(settings.broker, settings.rates, on_lost=on_lost, on_settled=on_settled)


class Step:
    """One step of a flow in this process."""

    def __init__(
        self, settings: StepSettings, installation: Installation, new_transport: NewTransport = new_transport
    ) -> None:
        """Prepare; nothing is opened or loaded yet.

        Raises:
            BadSetting: The address of the broker, the password or the initialization vector is wrong.
        """
        self._settings = settings
        self._installation = installation
        self._platform = platform_of(installation.environ)
        self._sessions: LazyOAuth2 | None = None
        self._is_open = False
        self._is_interruptible = True
        self._events: SignalQueue[signal.Signals | BaseException | str] = SignalQueue()
        self._codec = MessageCodec(settings.flow, settings.messages)
        self._transport = new_transport(settings, on_lost=self._events.put)

    def run(self) -> int:
        """Process messages until a signal comes; return the exit status."""
        with self._events.hearing(_STOP, self._on_signal):
            try:
                loaded = self.start()
                _collect_garbage_seldom()
                if self._events.is_empty:  # no signal asks the process to stop
                    self.consume(loaded)
            except BaseException as error:  # the author's hooks may raise anything, sys.exit included
                self._report_start(error)
                return 1
            # Again, since the component's modules may have set handlers of their own.
            with self._events.hearing(_STOP, self._on_signal):
                return self._wait()

    def start(self) -> Loaded:
        """Connect, load the component and run its hooks, in the order of contract §1.2.

        Raises:
            BaseException: A hook of the author failed.
            ShipmateError: The transport or the platform cannot be reached, or the component cannot be loaded.
        """
        self._transport.connect()
        self._platform()  # its imports take place while the broker answers
        self._transport.wait_until_open()
        self._is_open = True
        flow = self._settings.flow
        data = self._platform().step(flow.flow_id, flow.step_id)
        self._is_interruptible = False  # the author's code runs from here on
        return self._load(data)

    def consume(self, loaded: Loaded) -> None:
        """Begin to process messages."""
        self._sessions = loaded.sessions
        processor = Processor(loaded, self._transport)
        self._transport.consume(processor.work, lambda: self._events.put(_CONSUMING))

    def stop(self) -> None:
        """Take no more messages, wait for those in work, and close. Source: contract §1.6.

        A publication that fails is tried for some seconds more, since its function would do its work a second time.
        """
        transport = self._transport
        transport.hurry()
        transport.cancel()
        until = time.monotonic() + self._settings.stop_seconds
        while transport.is_alive and not transport.wait_until_idle(_LOOK_SECONDS):
            if time.monotonic() >= until:
                transport.stop_retrying()
                transport.abandon(_UNCONFIRMED_SECONDS)
        self._drain()
        transport.close()

    def _wait(self) -> int:
        """Wait for the end; return the exit status."""
        event = self._events.get()
        if event == _CONSUMING:
            _log.info("consuming")
            event = self._events.get()
        elif isinstance(event, BaseException):
            self._report_start(event)
            return 1
        if isinstance(event, signal.Signals):
            _log.info("%s: stopping when the messages in work are done", event.name)
            self.stop()
            _log_threads()
            return 0
        lost = event if isinstance(event, BaseException) else None
        if isinstance(lost, BrokerRefused):
            _log_start_failure(lost)
            self._drain()
            return 1
        _log.critical("the connection to the broker is lost: ending with status 1, for a restart", exc_info=lost)
        self._drain()
        return 1

    def _on_signal(self, number: signal.Signals) -> signal.Signals:
        """Return the signal as an event, or end the process at once while it has not begun anything to finish."""
        if self._is_interruptible:
            os._exit(0)
        return number

    def _load(self, data: Mapping[str, Any]) -> Loaded:
        """Load the component and run its hooks.

        Args:
            data: The step data of the platform: ``{"config": {...}, "snapshot": {...}, ...}``. Source: contract §9.1.
        """
        flow, cfg = self._settings.flow, _config(data)
        root, environ, redactor = self._installation.root, self._installation.environ, self._installation.redactor
        redactor.add_mapping(data)  # before anything can fail and be published
        descriptor = load_component(root)
        register_secrets(redactor, descriptor, cfg, environ)
        function = descriptor.function(flow.function)
        state = StepState(cfg, data.get("snapshot"))
        modules = component.Modules(descriptor)
        process, init = modules.process(function), modules.hook(function, "init")
        if self._settings.is_startup:
            stored = _run_hook("startup", modules.hook(function, "startup"), state.config())
            self._platform().store_startup_data(flow.flow_id, stored)
        _run_hook("init", init, state.config())
        resources = self._resources(state, data)
        sessions = LazyOAuth2(
            descriptor, environ=environ, redactor=redactor, token_store=resources.keys, platform=self._platform
        )
        variables = data.get("variables")
        services = Services(
            redactor=redactor,
            oauth2=sessions,
            platform=self._platform,
            flow_variables=variables if isinstance(variables, Mapping) else {},
        )
        return Loaded(function, process, resources, services, sessions)

    def _resources(self, state: StepState, data: Mapping[str, Any]) -> StepResources:
        flow = self._settings.flow
        account = _config(data).get("_account")
        keys = PlatformTokenStore(
            str(account) if account else None,
            platform=self._platform,
            read_config=lambda: _config(self._platform().step(flow.flow_id, flow.step_id)),
            lock=self._transport.lock,
        )
        return StepResources(
            step_id=flow.step_id,
            settings=self._settings.messages,
            codec=self._codec,
            bodies=BodyStore(lambda: self._platform().objects, self._codec),
            keys=keys,
            state=state,
            is_passthrough=data.get("is_passthrough") is True,
        )

    def _drain(self) -> None:
        """Wait for running token refreshes: a rotated token must reach the platform."""
        if self._sessions is not None:
            self._sessions.drain(_REFRESH_SECONDS)

    def _report_start(self, error: BaseException) -> None:
        """Publish the error that prevented the start, if the transport is open. Source: contract §1.5."""
        self._is_interruptible = True
        _log_start_failure(error)
        if not self._is_open:
            return
        formatted = self._installation.redactor.redact_json(format_error(error))
        confirmed = threading.Event()
        self._transport.publish_later(start_error(self._codec, formatted), lambda _: confirmed.set())
        self._transport.flush()
        confirmed.wait(1.0 if isinstance(error, BrokerLost | BrokerRefused) else _START_ERROR_SECONDS)
        self._transport.close()


def main(root: Path | None = None, new_transport: NewTransport = new_transport) -> NoReturn:
    """Run the step in the environment of this process, and end the process without waiting for its threads."""
    try:
        status = run(os.environ, root, new_transport)
    except ShipmateError as error:
        _log_start_failure(error)
        if not _log.isEnabledFor(logging.CRITICAL):  # one place: the log, unless nothing is logged
            sys.stderr.write(f"Error: {' '.join(redacted(str(error)).split())}\n")
        status = 1
    end_process(status)


def run(environ: Mapping[str, str], root: Path | None, new_transport: NewTransport = new_transport) -> int:
    """Run the step, or its shutdown hook, as the environment asks, and return the exit status.

    Args:
        environ: The environment.
        root: The component's folder; None for the one that the environment names.
        new_transport: Makes the transport of the step.

    Raises:
        MissingSetting, BadSetting: A variable is missing or wrong; nothing was done.
    """
    installation = Installation.from_environ(environ, root)
    configure_log(environ, installation.redactor)
    sys.setrecursionlimit(max(_RECURSION_LIMIT, sys.getrecursionlimit()))
    if is_shutdown(environ):
        return shut_down(ShutdownSettings.from_environ(environ), installation)
    return Step(StepSettings.from_environ(environ), installation, new_transport).run()


def _collect_garbage_seldom() -> None:
    """Collect garbage less often than Python does: message bodies are large trees without cycles."""
    gc.freeze()  # the objects that were loaded so far stay until the end
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 10, 10)


def shut_down(settings: ShutdownSettings, installation: Installation) -> int:
    """Run the shutdown hook, and return the exit status. Source: contract §1.4."""
    for number in _STOP:
        signal.signal(number, signal.SIG_IGN)
    flow, environ = settings.flow, installation.environ
    platform = platform_of(environ)
    try:
        cfg = _config(platform().step(flow.flow_id, flow.step_id))
        descriptor = load_component(installation.root)
        register_secrets(installation.redactor, descriptor, cfg, environ)
        hook = component.Modules(descriptor).hook(descriptor.function(flow.function), "shutdown")
        stored = platform().startup_data(flow.flow_id)
        installation.redactor.add_mapping(stored)
        _run_hook("shutdown", hook, dict(cfg), stored)
        platform().delete_startup_data(flow.flow_id)
    except BaseException as error:  # the author's hook may raise anything, sys.exit included
        _log_start_failure(error)
        return 1
    return 0


def _run_hook(name: str, hook: Callable[..., Any] | None, *args: Any) -> Any:
    if hook is None:
        _log.debug("the module has no hook %s", name)
        return None
    return run_hook(hook, *args)


def _log_start_failure(error: BaseException) -> None:
    """Log the error that ends the process."""
    if isinstance(error, ShipmateError):
        name = type(error).__name__
        err = {"message": str(error), "name": name, "stack": f"{name}: {error}", "code": error.code}
        _log.critical("%s", error, extra={"err": err})
    else:
        _log.critical("%s: %s", type(error).__name__, error_text(error), exc_info=error)


def _log_threads() -> None:
    """Log the names of the component's threads that the end of the process cuts off."""
    threads = [each for each in threading.enumerate() if not each.daemon and each is not threading.main_thread()]
    if names := [each.name for each in threads if not each.name.startswith("shipmate")]:
        _log.info("threads of the component end with the process: %s", ", ".join(sorted(names)))


def _config(data: Mapping[str, Any]) -> Mapping[str, Any]:
    config = data.get("config")
    return config if isinstance(config, Mapping) else {}
