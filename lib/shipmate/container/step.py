"""The container's step mode: start, and process messages until a signal comes.

Source: contract §1, §3.3.
"""

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol, TypeVar

from shipmate import component, observation
from shipmate.container import graceful_stop
from shipmate.container.delivery_sink import StepResources, start_error
from shipmate.container.hooks import call_hook, shut_down
from shipmate.container.keys_sink import KeysSink
from shipmate.container.messages.codec import MessageCodec
from shipmate.container.messages.lightweight import BodyStore
from shipmate.container.processor import Loaded, Processor
from shipmate.container.startup import Installation, config_of, configure_log, load_component, log_fatal, refuse_start
from shipmate.container.state import StepState
from shipmate.container.transport import Delivery, Publication, Transport
from shipmate.errors import BrokerLost, BrokerRefused, ClaimRefused, ProxyLost, ShipmateError
from shipmate.invocation.events import EVENTS
from shipmate.invocation.failure import format_error
from shipmate.invocation.services import LazyOAuth2, Services, platform_of, register_secrets
from shipmate.invocation.sink import PLATFORM
from shipmate.oauth2.storage.platform import PlatformTokenStore
from shipmate.settings import OperationsSettings, ShutdownSettings, StepSettings, is_shutdown
from shipmate.signals import STOP_SIGNALS, Job, SignalQueue, end_process

_log: Final = logging.getLogger("shipmate.step")
_START_ERROR_SECONDS: Final = 5.0
# Each level of nested JSON takes two calls; messages of the official runtime may have thousands of levels, and the
# stack of a thread is large enough for these.
_RECURSION_LIMIT: Final = 6000
_OBJECTS_BETWEEN_COLLECTIONS: Final = 20_000
_CONSUMING: Final = "consuming"
_T = TypeVar("_T")


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
    if settings.broker is not None:
        from shipmate.container.amqp import Broker

        return Broker(
            settings.broker,
            settings.rates,
            on_lost=on_lost,
            on_settled=on_settled,
            size_limit_bytes=settings.messages.size_limit_bytes,
        )
    from shipmate.container.proxy import ProxyTransport

    assert settings.proxy is not None  # noqa: S101 - one of both is always set
    return ProxyTransport(
        settings.proxy,
        settings.rates,
        flow=settings.flow,
        size_limit_bytes=settings.messages.size_limit_bytes,
        on_lost=on_lost,
        on_settled=on_settled,
    )


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
        self._events: SignalQueue[signal.Signals | BaseException | Job[Any] | str] = SignalQueue()
        self._codec = MessageCodec(settings.flow, settings.messages)
        self.transport = new_transport(settings, on_lost=self._events.put)
        installation.redactor.add(*self.transport.secrets)

    def run(self) -> int:
        """Process messages until a signal comes; return the exit status."""
        with self._events.receiving(STOP_SIGNALS, self._on_signal):
            try:
                loaded = self.start()
                _collect_garbage_seldom()
            except BaseException as error:  # the author's hooks may raise anything, sys.exit included
                return self._report_start(error)
            # Again, since the component's modules may have set handlers of their own; before "consuming" is logged,
            # since whoever reads that may send a signal at once.
            with self._events.receiving(STOP_SIGNALS, self._on_signal):
                try:
                    if self._events.is_empty:  # no signal asks the process to stop
                        self.consume(loaded)
                except BaseException as error:
                    return self._report_start(error)
                return self._wait()

    def start(self) -> Loaded:
        """Connect, load the component and run its hooks, in the order of contract §1.2.

        Raises:
            BaseException: A hook of the author failed.
            ShipmateError: The transport or the platform cannot be reached, or the component cannot be loaded.
        """
        return self._load(self._interruptibly(self._step_data))

    def consume(self, loaded: Loaded) -> None:
        """Begin to process messages."""
        self._sessions = loaded.sessions
        processor = Processor(loaded, self.transport)
        self.transport.consume(processor.work, self._on_consuming)

    def _on_consuming(self) -> None:
        """Log it here, before a message can be processed; called on another thread."""
        _log.info("consuming")
        observation.current.phase_began("consuming")
        self._events.put(_CONSUMING)

    def stop(self) -> None:
        """Take no more messages, wait for those in work, and close."""
        observation.current.phase_began("stopping")
        graceful_stop.stop(self.transport, self._sessions, seconds=self._settings.stop_seconds)

    def _wait(self) -> int:
        """Wait for the end; return the exit status."""
        event = self._events.get()
        if event == _CONSUMING:
            event = self._events.get()
        elif isinstance(event, BaseException):
            return self._report_start(event)
        if isinstance(event, signal.Signals):
            _log.info("%s: stopping when the messages in work are done", event.name)
            self.stop()
            graceful_stop.log_threads()
            return self._status_after_stop()
        lost = event if isinstance(event, BaseException) else None
        if isinstance(lost, BrokerRefused | ClaimRefused | ProxyLost):
            log_fatal(lost)
            graceful_stop.finish_refreshes(self._sessions)
            return 1
        _log.critical("the connection to the broker is lost: ending with status 1, for a restart", exc_info=lost)
        graceful_stop.finish_refreshes(self._sessions)
        return 1

    def _status_after_stop(self) -> int:
        """Return 1 if the messages in work were lost while the process was stopping, otherwise 0. Source: proxy §12."""
        while not self._events.is_empty:
            event = self._events.get()
            if isinstance(event, ClaimRefused | ProxyLost):
                log_fatal(event)
                return 1
        return 0

    def _on_signal(self, number: signal.Signals) -> signal.Signals:
        """Return the signal as an event, or end the process at once while it has not begun anything to finish."""
        if self._is_interruptible:
            os._exit(0)
        return number

    def _interruptibly(self, work: Callable[[], _T]) -> _T:
        """Return what the work returns, or raise what it raises; a signal ends the process at once.

        The work waits for locks and sockets, which a signal ends only if it comes neither to another thread nor at the
        moment before the wait.
        """
        job = Job(work, self._events)
        self._is_interruptible = True
        job.start()
        others = []
        while (event := self._events.get()) is not job:
            others.append(event)
        self._is_interruptible = False
        for event in others:
            self._events.put(event)
        return job.result()

    def _step_data(self) -> Mapping[str, Any]:
        """Connect, and return the step data of the platform."""
        self.transport.connect()
        self._platform()  # its imports take place while the broker answers
        self.transport.wait_until_open()
        self._is_open = True
        flow = self._settings.flow
        return self._platform().step(flow.flow_id, flow.step_id)

    def _load(self, data: Mapping[str, Any]) -> Loaded:
        """Load the component and run its hooks.

        Args:
            data: The step data of the platform: ``{"config": {...}, "snapshot": {...}, ...}``. Source: contract §9.1.
        """
        flow, cfg = self._settings.flow, config_of(data)
        root, environ, redactor = self._installation.root, self._installation.environ, self._installation.redactor
        redactor.add_mapping(data)  # before anything can fail and be published
        descriptor = load_component(root)
        register_secrets(redactor, descriptor, cfg, environ)
        function = descriptor.function(flow.function)
        state = StepState(cfg, data.get("snapshot"))
        modules = component.Modules(descriptor)
        process, init = modules.process(function), modules.hook(function, "init")
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
        sink = KeysSink(resources.keys, state.save_keys)
        if self._settings.is_startup:
            hook = modules.hook(function, "startup")
            stored = call_hook("startup", hook, state.config(), sink=sink, services=services)
            self._platform().store_startup_data(flow.flow_id, stored)
        call_hook("init", init, state.config(), sink=sink, services=services)
        return Loaded(function, process, resources, services, sessions)

    def _resources(self, state: StepState, data: Mapping[str, Any]) -> StepResources:
        flow = self._settings.flow
        account = config_of(data).get("_account")
        keys = PlatformTokenStore(
            str(account) if account else None,
            platform=self._platform,
            read_config=lambda: config_of(self._platform().step(flow.flow_id, flow.step_id)),
            lock=self.transport.lock,
        )
        return StepResources(
            step_id=flow.step_id,
            settings=self._settings.messages,
            codec=self._codec,
            bodies=BodyStore(lambda: self._platform().objects, self._codec),
            keys=keys,
            state=state,
            is_passthrough=data.get("is_passthrough") is True,
            rules=replace(PLATFORM, events=(*EVENTS, *self.transport.more_events)),
        )

    def _report_start(self, error: BaseException) -> int:
        """Publish the error that prevented the start, if the transport is open, and return the exit status, 1.

        Source: contract §1.5.
        """
        log_fatal(error)
        if self._is_open:
            formatted = self._installation.redactor.redact_json(format_error(error))
            seconds = 1.0 if isinstance(error, BrokerLost | BrokerRefused | ProxyLost) else _START_ERROR_SECONDS
            self._interruptibly(lambda: self._publish_last(start_error(self._codec, formatted), seconds))
        return 1

    def _publish_last(self, publication: Publication, seconds: float) -> None:
        """Publish, wait for the confirmation at most these seconds, and close."""
        confirmed = threading.Event()
        self.transport.publish_later(publication, lambda _: confirmed.set())
        self.transport.flush()
        confirmed.wait(seconds)
        self.transport.close()


def main(root: Path | None = None, new_transport: NewTransport = new_transport) -> NoReturn:
    """Run the step in the environment of this process, and end the process without waiting for its threads."""
    try:
        status = run(os.environ, root, new_transport)
    except ShipmateError as error:
        refuse_start(error)
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
    settings = StepSettings.from_environ(environ)
    step = Step(settings, installation, new_transport)
    if not _is_watched(settings.operations):
        return step.run()
    from shipmate.container.operations.watch import Watch  # most steps on a developer's machine are not watched

    with Watch(settings, step.transport, installation.redactor.redact):
        return step.run()


def _is_watched(asked: OperationsSettings) -> bool:
    """Tell whether the step is watched, also by an OpenTelemetry SDK that was started before the program."""
    if asked.needs_traces is None and "opentelemetry.trace" in sys.modules:
        return True
    return asked.is_asked_for or asked.needs_traces is True


def _collect_garbage_seldom() -> None:
    """Collect garbage less often than Python does: message bodies are large trees without cycles."""
    gc.freeze()  # the objects that were loaded so far stay until the end
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 10, 10)
