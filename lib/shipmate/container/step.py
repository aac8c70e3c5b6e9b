"""The container's step mode: start, process messages until told to stop, end with the right status.

Source: contract §1, §3.3.
"""

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from shipmate import component
from shipmate.container.amqp import Broker, Delivery
from shipmate.container.delivery_sink import DeliverySink, StepResources, start_error
from shipmate.container.messages.cipher import Undecodable
from shipmate.container.messages.codec import Incoming, MessageCodec
from shipmate.container.messages.lightweight import BodyStore, forget_ids
from shipmate.container.startup import configure_log, load_component
from shipmate.container.state import StepState
from shipmate.container.throttle import Throttle
from shipmate.errors import BrokerLost, ShipmateError
from shipmate.invocation.events import Event
from shipmate.invocation.executor import Ids, Outcome, process_later, run_hook
from shipmate.invocation.failure import error_text, format_error
from shipmate.invocation.services import LazyOAuth2, Services, platform_of, register_secrets
from shipmate.jsonvalue import encode, from_json
from shipmate.logs.log import Redactor, delivery_fields
from shipmate.oauth2.storage.platform import PlatformTokenStore
from shipmate.settings import StepSettings
from shipmate.signals import SignalQueue, end_process

_log: Final = logging.getLogger("shipmate.step")
_STOP: Final = (signal.SIGTERM, signal.SIGINT)
_START_ERROR_SECONDS: Final = 5.0
# How long a broker may confirm nothing while the process stops, before the messages are left to it.
_UNCONFIRMED_SECONDS: Final = 0.4
# A level of JSON is two calls; the official runtime takes thousands of levels, and a thread has the stack for these.
_CALLS: Final = 6000
_OBJECTS_BETWEEN_COLLECTIONS: Final = 20_000
_LOOK_SECONDS: Final = 0.1
_REFRESH_SECONDS: Final = 60.0
_CONSUMING: Final = "consuming"


class Step:
    """One step of a flow in this process."""

    def __init__(self, settings: StepSettings, root: Path, environ: Mapping[str, str], redactor: Redactor) -> None:
        """Prepare; nothing is opened or loaded yet.

        Raises:
            BadSetting: A variable has a value that it cannot have.
        """
        self._settings = settings
        self._root = root
        self._environ = environ
        self._redactor = redactor
        self._platform = platform_of(environ)
        self._sessions: LazyOAuth2 | None = None
        self._is_open = False
        self._is_interruptible = True
        self._happened: SignalQueue[signal.Signals | BaseException | str] = SignalQueue()
        if settings.broker is None or settings.messages is None:
            raise ValueError("a step that processes messages needs a broker")
        self._wire = MessageCodec(settings.flow, settings.messages)
        self._broker = Broker(settings.broker, work=self._work, on_lost=self._happened.put)

    def run(self) -> int:
        """Process messages until a signal comes; return the exit status."""
        with self._happened.hearing(_STOP, self._heard):
            try:
                self._start()
            except BaseException as error:  # the author's hooks may raise anything, sys.exit included
                self._report_start(error)
                return 1
            with self._happened.hearing(_STOP, self._heard):  # again: what was imported may have handlers of its own
                return self._run()

    def _run(self) -> int:
        """Wait for the end; return the exit status."""
        what = self._happened.get()
        if what == _CONSUMING:
            _log.info("consuming")
            what = self._happened.get()
        elif isinstance(what, BaseException):
            self._report_start(what)
            return 1
        if isinstance(what, signal.Signals):
            _log.info("%s: stopping when the messages in work are done", what.name)
            self._stop()
            return 0
        lost = what if isinstance(what, BaseException) else None
        _log.critical("the broker was lost: stopping, to be started again", exc_info=lost)
        self._drain()
        return 1

    def _heard(self, number: signal.Signals) -> signal.Signals:
        """Note a signal, or end at once where nothing has begun that is to be finished."""
        if self._is_interruptible:
            os._exit(0)
        return number

    def _start(self) -> None:
        """Do everything that precedes the first message, in the order of contract §1.2."""
        self._broker.connect()
        self._platform()  # what it imports is loaded while the broker answers
        self._broker.wait_until_open()
        self._is_open = True
        flow = self._settings.flow
        data = self._platform().step(flow.flow_id, flow.step_id)
        cfg = _config(data)
        self._is_interruptible = False  # from now on the author's code runs
        self._component = load_component(self._root)
        register_secrets(self._redactor, self._component, cfg, self._environ)
        self._function = self._component.function(flow.function)
        self._state = StepState(cfg, data.get("snapshot"))
        modules = component.Modules(self._component)
        self._process = modules.process(self._function)
        if self._settings.is_startup:
            startup = modules.hook(self._function, "startup")
            stored = _run_hook("startup", startup, self._state.config())
            self._platform().store_startup_data(flow.flow_id, stored)
        _run_hook("init", modules.hook(self._function, "init"), self._state.config())
        self._services = self._provide(cfg, data)
        _collect_garbage_seldom()
        if self._happened.is_empty:  # else there is no need to begin
            self._broker.consume(lambda: self._happened.put(_CONSUMING))

    def _provide(self, cfg: Mapping[str, Any], data: Mapping[str, Any]) -> Services:
        flow, rates = self._settings.flow, self._settings.rates
        account = cfg.get("_account")
        keys = PlatformTokenStore(
            str(account) if account else None,
            platform=self._platform,
            read_config=lambda: _config(self._platform().step(flow.flow_id, flow.step_id)),
            lock=self._broker.lock,
        )
        self._post = StepResources(
            settings=self._settings,
            broker=self._broker,
            wire=self._wire,
            bodies=BodyStore(lambda: self._platform().objects, self._wire),
            keys=keys,
            state=self._state,
            data=Throttle(rates.data, rates.interval_ms),
            error=Throttle(rates.error, rates.interval_ms),
            snapshot=Throttle(rates.snapshot, rates.interval_ms),
            is_passthrough=data.get("is_passthrough") is True,
        )
        self._sessions = LazyOAuth2(
            self._component, environ=self._environ, redactor=self._redactor, token_store=keys, platform=self._platform
        )
        variables = data.get("variables")
        return Services(
            redactor=self._redactor,
            oauth2=self._sessions,
            platform=self._platform,
            flow_variables=variables if isinstance(variables, Mapping) else {},
        )

    def _drain(self) -> None:
        """Wait for the refreshes that are under way: a rotated token must reach the platform."""
        if self._sessions is not None:
            self._sessions.drain(_REFRESH_SECONDS)

    def _report_start(self, error: BaseException) -> None:
        """Publish why the process could not begin, if there is a broker to tell. Source: contract §1.5."""
        self._is_interruptible = True
        _log_start_failure(error)
        if not self._is_open:
            return
        formatted = self._redactor.redact_json(format_error(error))
        broker = self._settings.broker
        told = threading.Event()
        if broker is not None:
            self._broker.publish_later(start_error(self._wire, broker.error_key, formatted), lambda _: told.set())
            self._broker.flush()
            told.wait(1.0 if isinstance(error, BrokerLost) else _START_ERROR_SECONDS)
        self._broker.close()

    def _work(self, delivery: Delivery) -> None:
        """Process one delivery."""
        incoming = Incoming.from_headers(delivery.headers)
        outbox = DeliverySink(self._post, delivery, incoming)
        with delivery_fields(_place(delivery, incoming)):
            _log.debug("processing a message")
            try:
                self._process_message(delivery, outbox)
            except Undecodable as error:
                _log.error("a message could not be decoded: %s", error)
                outbox.is_decoded = False
                self._refuse(delivery, outbox, error)
            except Exception as error:  # the edge of a delivery: whatever happens, its input is settled
                _log.error("a message could not be processed", exc_info=error)
                self._refuse(delivery, outbox, error)

    def _process_message(self, delivery: Delivery, outbox: DeliverySink) -> None:
        incoming = outbox.incoming
        if not delivery.is_readable:
            raise Undecodable("expected headers as AMQP has them, found something that cannot be read")
        message = self._wire.read(delivery.body, delivery.headers, incoming)
        has_ids = self._function.auto_resolve and self._post.bodies.resolve(message)
        if self._post.is_passthrough:
            outbox.carry(message)
            message = from_json(encode(message))
        if has_ids:
            forget_ids(message)

        def ended(outcome: Outcome) -> None:
            self._end(delivery, outbox, is_success=not (outcome.errors or outbox.errors))

        process_later(
            self._process,
            message,
            self._state.config(),
            self._state.snapshot(),
            sink=outbox,
            services=self._services,
            ids=Ids(incoming.thread_id, incoming.message_id, incoming.parent_message_id),
            on_end=ended,
        )

    def _refuse(self, delivery: Delivery, outbox: DeliverySink, error: Exception) -> None:
        """Publish why a message was not processed, and reject it."""
        try:
            outbox.deliver(Event("error", self._redactor.redact_json(format_error(error))))
        except Exception as cause:  # the message has failed already, and its input is rejected all the same
            _log.error("the error of a message could not be published: %s", self._redactor.redact(error_text(cause)))
        self._end(delivery, outbox, is_success=False)

    def _end(self, delivery: Delivery, outbox: DeliverySink, *, is_success: bool) -> None:
        if outbox.is_left_to_broker:
            self._broker.leave(delivery)
        else:
            self._broker.settle(delivery, is_success=is_success)

    def _stop(self) -> None:
        """Take no more messages, wait for those in work, and close. Source: contract §1.6."""
        self._broker.stop_retrying()
        self._broker.cancel()
        while self._broker.is_alive and not self._broker.wait_until_idle(_LOOK_SECONDS):
            self._broker.abandon(_UNCONFIRMED_SECONDS)
        self._drain()
        self._broker.close()


def main(root: Path | None = None) -> NoReturn:
    """Run the step in the environment of this process, and end the process, whatever its threads are doing."""
    try:
        status = run(os.environ, root)
    except ShipmateError as error:
        _log_start_failure(error)
        sys.stderr.write(f"Error: {' '.join(str(error).split())}\n")
        status = 1
    end_process(status)


def run(environ: Mapping[str, str], root: Path | None) -> int:
    """Run the step, or its shutdown hook, that the environment asks for, and return the exit status.

    Args:
        environ: The environment.
        root: The component's folder, that of the environment unless given.

    Raises:
        MissingSetting, BadSetting: A variable is not what it must be; nothing was done.
    """
    redactor = Redactor()
    redactor.add_environment(environ)
    configure_log(environ, redactor)
    settings = StepSettings.from_environ(environ)
    sys.setrecursionlimit(max(_CALLS, sys.getrecursionlimit()))
    root = root or Path.cwd() / settings.component_path.lstrip("/")
    if settings.is_shutdown:
        return shut_down(settings, root, environ, redactor)
    return Step(settings, root, environ, redactor).run()


def _collect_garbage_seldom() -> None:
    """Look for cycles once in many messages: bodies are large trees without any, and 700 objects are soon allocated."""
    gc.freeze()  # what has been loaded until now stays
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 10, 10)


def shut_down(settings: StepSettings, root: Path, environ: Mapping[str, str], redactor: Redactor) -> int:
    """Run the shutdown hook, and return the exit status. Source: contract §1.4."""
    for number in _STOP:
        signal.signal(number, signal.SIG_IGN)
    platform = platform_of(environ)
    flow = settings.flow
    try:
        data = platform().step(flow.flow_id, flow.step_id)
        cfg = _config(data)
        loaded = load_component(root)
        register_secrets(redactor, loaded, cfg, environ)
        hook = component.Modules(loaded).hook(loaded.function(flow.function), "shutdown")
        stored = platform().startup_data(flow.flow_id)
        _run_hook("shutdown", hook, dict(cfg), stored)
        platform().delete_startup_data(flow.flow_id)
    except BaseException as error:  # the author's hook may raise anything, sys.exit included
        _log_start_failure(error)
        return 1
    return 0


def _run_hook(name: str, hook: Callable[..., Any] | None, *args: Any) -> Any:
    if hook is None:
        _log.warning("the module has no hook %s", name)
        return None
    return run_hook(hook, *args)


def _log_start_failure(error: BaseException) -> None:
    """Log why the process ends."""
    if isinstance(error, ShipmateError):
        name = type(error).__name__
        err = {"message": str(error), "name": name, "stack": f"{name}: {error}", "code": error.code}
        _log.critical("%s", error, extra={"err": err})
    else:
        _log.critical("%s: %s", type(error).__name__, error_text(error), exc_info=error)


def _config(data: Mapping[str, Any]) -> Mapping[str, Any]:
    config = data.get("config")
    return config if isinstance(config, Mapping) else {}


def _place(delivery: Delivery, incoming: Incoming) -> dict[str, Any]:
    return {
        "threadId": incoming.thread_id,
        "messageId": incoming.message_id or "unknown",
        "parentMessageId": incoming.parent_message_id or "unknown",
        "consumerTag": delivery.consumer_tag,
        "deliveryTag": delivery.tag,
        "redelivered": delivery.is_redelivered,
        "exchange": delivery.exchange,
        "routingKey": delivery.routing_key,
    }
