"""Steps that run inside the coordinator: mappings, and the stand-ins for standard components."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from shipmate.component import Component, Function
from shipmate.container.delivery_sink import StepResources
from shipmate.container.messages.codec import MessageCodec
from shipmate.container.messages.lightweight import BodyStore
from shipmate.container.processor import Loaded, Processor
from shipmate.container.startup import config_of
from shipmate.container.state import StepState
from shipmate.container.transport import Delivery, Publication
from shipmate.errors import EmitUnconfirmed
from shipmate.flow.counting import Tally
from shipmate.flow.identity import Run
from shipmate.flow.inline_broker import InlineBroker
from shipmate.flow.topology import Station
from shipmate.invocation.loops import Loops
from shipmate.invocation.services import LazyOAuth2, Services, platform_of
from shipmate.logs.redaction import Redactor
from shipmate.oauth2.storage.platform import PlatformTokenStore
from shipmate.settings import BrokerSettings, StepSettings

_log: Final = logging.getLogger("shipmate.flow")
_ENDLESS: Final = 1_000_000_000
_NO_COMPONENT: Final = Component(
    root=Path(),
    raw=MappingProxyType({}),
    functions=MappingProxyType({}),
    credentials=MappingProxyType({}),
    oauth2=None,
    env_vars=MappingProxyType({}),
)


@contextmanager
def errors_not_logged() -> Iterator[None]:
    """Leave the errors that local steps publish out of the log within the block: the observer of the run logs them."""

    def is_unpublished(record: logging.LogRecord) -> bool:
        return getattr(record, "err", None) is None

    log = logging.getLogger("shipmate.invocation")
    log.addFilter(is_unpublished)
    try:
        yield
    finally:
        log.removeFilter(is_unpublished)


class CountingBroker:
    """A transport that adds what goes through it to a tally, as the pass-through does for a container."""

    error_limit_bytes: int | None = None

    def __init__(self, settings: BrokerSettings, tally: Tally) -> None:
        """Prepare; nothing is opened yet."""
        self._tally = tally
        self._lock = threading.Lock()
        # The coordinator outlives a broker that is restarted.
        broker = replace(settings, reconnect_attempts=_ENDLESS, reconnect_delay_ms=200)
        self._broker = InlineBroker(broker, on_lost=self._lost, on_settled=self._settled)
        self._routes = {
            "data": broker.data_key,
            "error": broker.error_key,
            "rebound": broker.rebound_key,
            "snapshot": broker.snapshot_key,
            "updateSnapshot": broker.snapshot_key,
        }
        self.failed: BaseException | None = None

    @property
    def is_alive(self) -> bool:
        """True while publications can still be confirmed."""
        return self._broker.is_alive

    def consume(self, work: Callable[[Delivery], None]) -> None:
        """Connect, and process messages with ``work``."""
        tally = self._tally

        def counted(delivery: Delivery) -> None:
            with self._lock:
                tally.delivered += 1
                tally.redelivered += delivery.is_redelivered
                tally.unsettled += 1
            work(delivery)

        self._broker.start(counted, self._consuming)

    def publish(self, publication: Publication) -> None:
        """Publish; counted before it can be delivered to the next step."""
        self._count(publication, 1)
        try:
            self._broker.publish(publication)
        except BaseException:
            self._count(publication, -1)
            raise

    def publish_later(self, publication: Publication, then: Callable[[EmitUnconfirmed | None], None]) -> None:
        """Publish without waiting; counted as for `publish`."""
        self._count(publication, 1)

        def confirmed(error: EmitUnconfirmed | None) -> None:
            if error is not None:
                self._count(publication, -1)
            then(error)

        try:
            self._broker.publish_later(publication, confirmed)
        except BaseException:
            self._count(publication, -1)
            raise

    def flush(self) -> None:
        """Send the publications of `publish_later` now."""
        self._broker.flush()

    def settle(self, delivery: Delivery, *, is_success: bool) -> None:
        """Tell the broker that a message has succeeded or failed."""
        self._broker.settle(delivery, is_success=is_success)

    def leave(self, delivery: Delivery) -> None:
        """Give a message back unsettled."""
        with self._lock:
            self._tally.unsettled -= 1
        self._broker.leave(delivery)

    def stop(self) -> None:
        """Take no more messages, and close."""
        self._broker.stop()

    def _count(self, publication: Publication, number: int) -> None:
        key = publication.routing_key or self._routes.get(publication.event)
        if key is not None:
            with self._lock:
                self._tally.published[key] += number

    def _settled(self, delivery: Delivery, is_success: bool) -> None:
        with self._lock:
            tally = self._tally
            tally.unsettled -= 1
            if is_success:
                tally.acknowledged += 1
            else:
                tally.rejected += 1

    def _consuming(self) -> None:
        self._tally.consumers = 1

    def _lost(self, error: BaseException) -> None:
        self.failed = error


@dataclass(frozen=True, slots=True)
class Shared:
    """What the local steps of one process share."""

    redactor: Redactor = field(repr=False)
    loops: Loops = field(default_factory=Loops, repr=False)


class LocalStep:
    """One step, or one mapping, inside this process."""

    def __init__(
        self, run: Run, station: Station, function: Function, process: Callable[..., Any], shared: Shared
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            run: The run of the flow.
            station: The step.
            function: The function as a descriptor has it.
            process: Processes a message, as a component's function does.
            shared: What the local steps of this process share.
        """
        self.station = station
        self.tally = Tally()
        self._run, self._function, self._process = run, function, process
        self._shared = shared
        self._broker: CountingBroker | None = None

    @property
    def failed(self) -> BaseException | None:
        """The error after which the connection does not come back, None without one."""
        return None if self._broker is None else self._broker.failed

    def start(self, amqp_uri: str) -> None:
        """Connect to the broker, and process messages.

        Raises:
            BrokerLost, BrokerRefused: The broker is not there, or has no queue for this step.
        """
        environ = self._run.environ(self.station, amqp_uri)
        settings = StepSettings.from_environ(environ)
        broker = self._broker = CountingBroker(BrokerSettings.from_environ(environ), self.tally)
        broker.consume(Processor(self._load(settings, environ), broker).work)  # type: ignore[arg-type]  # it needs no more

    def stop(self) -> None:
        """Take no more messages, and close the connections."""
        broker, self._broker = self._broker, None
        if broker is not None:
            broker.stop()

    def _load(self, settings: StepSettings, environ: Mapping[str, str]) -> Loaded:
        run, station = self._run, self.station
        platform = platform_of(environ)
        data = run.platform.step_data(run.topology.flow.id, station.id) or {
            "config": {},
            "is_passthrough": True,
            "variables": dict(run.topology.flow.variables),
        }
        config = config_of(data)
        account = config.get("_account")
        keys = PlatformTokenStore(str(account) if account else None, platform=platform)
        codec = MessageCodec(settings.flow, settings.messages)
        resources = StepResources(
            step_id=station.id,
            settings=settings.messages,
            codec=codec,
            bodies=BodyStore(lambda: platform().objects, codec),
            keys=keys,
            state=StepState(config, data.get("snapshot")),
            is_passthrough=data.get("is_passthrough") is True,
        )
        sessions = LazyOAuth2(
            _NO_COMPONENT, environ=environ, redactor=self._shared.redactor, token_store=keys, platform=platform
        )
        services = Services(
            redactor=self._shared.redactor,
            oauth2=sessions,
            platform=platform,
            flow_variables=data["variables"],
            loops=self._shared.loops,
        )
        return Loaded(self._function, self._process, resources, services, sessions)
