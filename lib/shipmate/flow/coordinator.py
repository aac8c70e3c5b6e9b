"""Begins, watches, drains and ends one run of a flow."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from shipmate.container.messages.codec import new_id
from shipmate.errors import BadInput, TransientError
from shipmate.flow.collector import Collected
from shipmate.flow.containers import MOST_DEATHS, Container, readable
from shipmate.flow.counting import Tally
from shipmate.flow.gateway import Gateway, Hook, hook_of, is_webhook, reply_from, webhook_url
from shipmate.flow.gateway.storage import EmulatedStorage
from shipmate.flow.graph import Flow
from shipmate.flow.machinery import Machinery
from shipmate.flow.observer import Observer
from shipmate.flow.pass_through_process import PassThroughEnded
from shipmate.flow.progress import QUIET_SECONDS, Quiet, StationCounts, counts_of, outstanding
from shipmate.flow.queue_limit import QueueLimit
from shipmate.flow.queues import BrokerUnreachable
from shipmate.flow.retry import StepInput
from shipmate.flow.schedule import DEFAULT, parse_schedule
from shipmate.flow.ticker import Ticker, new_tick
from shipmate.flow.topology import REPLY
from shipmate.flow.trace import TraceFile
from shipmate.flow.zone import local_zone
from shipmate.logs.redaction import Redactor

_log: Final = logging.getLogger("shipmate.flow")
_LOOK_SECONDS: Final = 0.05
"""The time between two looks at the counts while nothing happens."""
_BUSY_SECONDS: Final = 0.2
"""The same while messages are processed."""
_SELDOM_SECONDS: Final = 0.5
"""The time between two looks at the lengths of the queues while nobody waits for the end."""
_BROKER_SECONDS: Final = 120.0
"""The time after which a broker that does not come back ends the run."""
_HOW_TO_END: Final = "Ctrl-C or SIGTERM: process what is in the flow, and end; a second one: end at once"
_Fed = TypeVar("_Fed")
DONE: Final = 0
FAILED: Final = 1
INTERRUPTED: Final = 130


class FlowStopped(TransientError):
    """The flow cannot go on; the text says why."""

    code = "flow_stopped"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says about a run."""

    amqp_uri: str | None = None
    """The broker's address, None for a private RabbitMQ."""
    amqp_origin: str = "--amqp"
    """The option or the variable with the address."""
    is_once: bool = False
    """Whether the run ends when the first step's trigger has run once and everything is done."""
    for_seconds: float | None = None
    """The time after which the run is drained, None for no limit."""
    linger_seconds: float = 0.0
    """The time without any message before the run ends: some steps emit later than they settle their input."""
    messages: Iterable[Mapping[str, Any]] | None = field(default=None, repr=False)
    """Messages for the first step, in place of ticks; the run ends when they are processed."""
    inputs: Iterable[StepInput] | None = field(default=None, repr=False)
    """Messages for any steps, in place of ticks and of messages for the first step."""
    trace: TraceFile | None = None
    """The file for the path of each message, which is open."""
    is_fresh: bool = False
    """Whether to forget the snapshots of earlier runs."""
    webhook_port: int = 0
    state: Path | None = None
    """The folder for snapshots and logs, None for ``.shipmate`` beside the flow file."""


class Coordinator:
    """One run of a flow."""

    def __init__(self, flow: Flow, options: RunOptions, observer: Observer, redactor: Redactor) -> None:
        """Prepare; nothing is opened yet.

        Raises:
            BadInput: The first step has nothing to begin with: it is an action without messages, or a webhook without
                messages that is to run once.
            ComponentProblem: Nothing can run a step.
        """
        self.flow = flow
        self.errors = 0
        """The number of errors of messages so far."""
        self._options = options
        self._observer = observer
        self._interrupts = 0
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._feeding = threading.Lock()
        """Held while a message is put into a queue; none is after `_is_fed`."""
        self._is_fed = False
        """Whether everything that the first step is to get is in its queue."""
        self._feed_error: Exception | None = None
        self._depths: Mapping[str, int] = {}
        self._queue_limit = QueueLimit()
        self._looked_at = 0.0
        self._lost_at: float | None = None
        self._losses = 0
        self._losses_at_start: dict[Container, int] = {}
        self._quiet = Quiet()
        self._calm = Quiet()
        self._gateway: Gateway | None = None
        self._ticker: Ticker | None = None
        self.machinery = Machinery(
            flow,
            self,
            amqp_uri=options.amqp_uri,
            amqp_origin=options.amqp_origin,
            is_fresh=options.is_fresh,
            redactor=redactor,
            on_line=observer.line,
            trace=options.trace,
            state=options.state,
        )
        first = self.machinery.implementations[flow.first.id]
        self._is_webhook = is_webhook(flow.first, first)
        if options.messages is None and options.inputs is None:
            begins_with = "a webhook" if options.is_once and self._is_webhook else ""
            if first.kind_of(flow.first.function) == "action":
                begins_with = f"the action {flow.first.function}"
            if begins_with:
                problem = f"expected a message for a flow that begins with {begins_with}, found none"
                raise BadInput(f"{problem}; give it with --msg or --msgs")

    def interrupt(self) -> None:
        """Drain the flow, or end it at once at the second call; safe in a signal handler and on any thread."""
        # Nothing else: the main thread may hold the lock of an event when its handler runs, and would wait for itself.
        self._interrupts += 1

    def run(self) -> int:
        """Run the flow, and return the exit status: 1 if a message had an error, or the flow was stopped.

        Raises:
            ShipmateError: The flow cannot begin, or not go on.
        """
        with self.machinery as machinery:
            try:
                if self._serves_webhook:
                    self._open_gateway()
                url = self._gateway.url if self._gateway is not None else None
                machinery.containers.announce(url or webhook_url(self.flow.id, self._options.webhook_port))
                self._tend(time.monotonic())
                if not self._interrupts:
                    self._begin()
                self._watch()
                self._stop_feeding()
                machinery.containers.stop(is_in_a_hurry=self._is_interrupted_twice)
                self._refresh()
                machinery.shut_down(self._is_interrupted_twice)
            finally:
                self._stop_feeding()
                if self._gateway is not None:
                    self._gateway.close()
                self._observer.counts(self.counts())
        if self._is_interrupted_twice():
            return INTERRUPTED
        return FAILED if self.errors else DONE

    def _is_interrupted_twice(self) -> bool:
        return self._interrupts > 1

    def counts(self) -> list[StationCounts]:
        """Return the counts of all stations."""
        machinery = self.machinery
        return [
            counts_of(
                station,
                machinery.tallies_of(station),
                running=machinery.running(station),
                queued=self._depths.get(machinery.topology.queue(station), 0),
            )
            for station in machinery.topology.stations
        ]

    # What the steps publish; the collector's threads call these.

    def on_result(self, collected: Collected) -> None:
        """Take a message of a last step."""
        self._observer.result(collected)

    def on_error(self, collected: Collected) -> None:
        """Take an error."""
        with self._lock:
            self.errors += 1
        self._observer.error(collected)

    def on_snapshot(self, collected: Collected) -> None:
        """Keep a snapshot."""
        event = str(collected.headers.get("snapshotEvent") or "snapshot")
        self.machinery.platform.keep_snapshot(collected.station.id, event, collected.value)

    def on_rebound(self, collected: Collected, delay_seconds: float) -> None:
        """Take note of a rebound."""
        self._observer.rebound(collected, delay_seconds)

    def on_dead(self, collected: Collected) -> None:
        """Take note of a dead letter: its error has come, or comes, as an event of its own."""

    def on_reply(self, reply_to: str, headers: Mapping[str, Any], value: Any) -> None:
        """Give a reply to the caller of the webhook."""
        if self._gateway is not None and isinstance(value, Mapping):
            self._gateway.on_reply(reply_to, reply_from(headers, value))

    # Beginning

    @property
    def _serves_webhook(self) -> bool:
        """Whether requests begin the flow, and not messages that are given or a schedule."""
        options = self._options
        is_fed = options.inputs is not None or options.messages is not None or options.is_once
        return self._is_webhook and not is_fed

    def _begin(self) -> None:
        options = self._options
        if options.inputs is not None:
            self._feed_in_background(options.inputs, self._send_again)
        elif options.messages is not None:
            self._feed_in_background(options.messages, self._send_first)
        elif options.is_once:
            self._tick()
            self._is_fed = True
        elif not self._serves_webhook:
            self._start_ticker(self.flow.schedule or DEFAULT)
        if not self._ends_by_itself:
            _log.info(_HOW_TO_END)

    def _start_ticker(self, text: str) -> None:
        schedule = parse_schedule(text, local_zone())
        if (moment := schedule.first(datetime.now(UTC))) is not None:
            at = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
            _log.info("the schedule begins the first step", extra={"schedule": text, "at": at})
        self._ticker = Ticker(schedule, self._tick, self._ticks_in_first_step)
        self._ticker.start()

    def _feed_in_background(self, messages: Iterable[_Fed], send: Callable[[_Fed], None]) -> None:
        def feed() -> None:
            try:
                for message in messages:
                    with self._feeding:
                        if self._interrupts or self._is_fed:
                            break
                        send(message)
            except Exception as error:  # raised in the main thread
                self._feed_error = error
            self._is_fed = True
            self._woken.set()

        threading.Thread(target=feed, name="shipmate-feed", daemon=True).start()

    def _send_first(self, message: Mapping[str, Any]) -> None:
        thread_id = new_id()
        headers = {"messageId": new_id(), "threadId": thread_id, "x-eio-meta-trace-id": thread_id}
        headers |= self._reply_address(thread_id)
        whole = {"id": headers["messageId"], "attachments": {}, "headers": {}, "metadata": {}, **message}
        self.machinery.collector.send(self.machinery.topology.first, whole, headers)

    def _send_again(self, given: StepInput) -> None:
        machinery = self.machinery
        headers = {**given.headers, **self._reply_address(str(given.headers.get("threadId")))}
        machinery.collector.send(machinery.topology.station(given.step), given.message, headers)

    def _reply_address(self, thread_id: str) -> dict[str, str]:
        """Return the header without which a step cannot reply; the reply goes to nobody."""
        if self._is_webhook and self._hook().reply_prefix is not None:
            return {"reply_to": f"{REPLY}.{thread_id}"}
        return {}

    def _tick(self) -> None:
        message, headers = new_tick()
        self.machinery.collector.send(self.machinery.topology.first, message, headers)

    def _ticks_in_first_step(self) -> int:
        first = self.machinery.topology.first
        in_work = sum(each.unsettled for each in self.machinery.tallies_of(first))
        return in_work + self._depths.get(self.machinery.topology.queue(first), 0)

    def _hook(self) -> Hook:
        account = self.flow.first.account
        keys = self.machinery.platform.accounts.get(account, {}) if account is not None else {}
        return hook_of(self.flow, keys, REPLY)

    def _open_gateway(self) -> None:
        machinery = self.machinery

        def publish(message: Mapping[str, Any], headers: Mapping[str, Any]) -> bool:
            if self._queue_limit.is_full:
                return False
            self._queue_limit.sent(machinery.collector.send(machinery.topology.first, message, headers))
            return True

        self._gateway = Gateway(
            self._hook(), publish, EmulatedStorage(machinery.platform), port=self._options.webhook_port
        )
        self._gateway.start()
        _log.info("the webhook listens at %s", self._gateway.url)

    def _stop_feeding(self) -> None:
        if self._ticker is not None:
            self._ticker.stop()
        if self._gateway is not None:
            self._gateway.stop_accepting()

    # Watching

    def _watch(self) -> None:
        """Return when everything is done, or at the second interrupt.

        Raises:
            FlowStopped: A step dies again and again, or the broker does not come back.
        """
        until = None if self._options.for_seconds is None else time.monotonic() + self._options.for_seconds
        is_draining = False
        while self._interrupts < 2:
            now = time.monotonic()
            if not is_draining and (self._interrupts or (until is not None and now >= until)):
                is_draining = True
                _log.info("draining: no new messages; those that are in the flow are processed")
                self._stop_feeding()
            if is_draining and not self._is_fed and self._feeding.acquire(blocking=False):
                self._is_fed = True
                self._feeding.release()
            if self._feed_error is not None:
                raise self._feed_error
            self._refresh()
            self._tend(now)
            if now - self._looked_at >= _SELDOM_SECONDS:
                self._look(now)
                self.machinery.platform.save_snapshots()
                self._observer.counts(self.counts())
            calm_seconds = self._calm.seconds(now, self._facts())
            is_calm = calm_seconds >= self._options.linger_seconds
            if is_calm and self._is_fed and (is_draining or self._ends_by_itself) and self._seems_idle(now):
                self._look(now)
                if self._lost_at is None and not any(self._depths.values()) and self._seems_idle(now):
                    return
            self._woken.wait(_LOOK_SECONDS if calm_seconds else _BUSY_SECONDS)
            self._woken.clear()

    @property
    def _ends_by_itself(self) -> bool:
        options = self._options
        return options.is_once or options.messages is not None or options.inputs is not None

    def _refresh(self) -> None:
        """Read the counts of the containers.

        Raises:
            FlowStopped: The process that counts has ended.
        """
        try:
            self.machinery.pass_through.refresh()
        except PassThroughEnded as error:
            raise FlowStopped(str(error)) from None

    def _seems_idle(self, now: float) -> bool:
        """Return whether nothing is in work or on its way, as far as this process knows; the broker may know more."""
        machinery = self.machinery
        tallies, collector = machinery.tallies, machinery.collector
        if self._lost_at is not None or collector.waiting_rebounds or any(each.unsettled for each in tallies):
            return False
        own_facts = self._own_facts()
        self._refresh()
        if self._own_facts() != own_facts or any(each.unsettled for each in tallies):
            return False  # the counts of both processes are not of one moment, or a message has come
        left = outstanding(machinery.topology, tallies, sent=dict(collector.published), collected=collector.settled)
        if left == 0:
            return True
        return self._quiet.seconds(now, self._facts()) >= QUIET_SECONDS

    def _facts(self) -> tuple[int, ...]:
        """Return numbers that change with each message."""
        return (*self._own_facts(), *_numbers(each.tally for each in self.machinery.containers.all))

    def _own_facts(self) -> tuple[int, ...]:
        """Return those of this process."""
        collector = self.machinery.collector
        published = sum(dict(collector.published).values())
        return (collector.settled, published, *_numbers(each.tally for each in self.machinery.local_steps))

    def _look(self, now: float) -> None:
        """Read the lengths of the queues; notice that the broker is lost, or there again."""
        self._looked_at = now
        queues = self.machinery.queues
        try:
            self._depths = queues.depths()
            self._queue_limit.looked(self._depths[self.machinery.topology.queue(self.machinery.topology.first)])
            return
        except BrokerUnreachable as error:
            if self._lost_at is None:
                self._lost_at = now
                self._losses += 1
                _log.warning("%s: waiting for it", error)
        try:
            queues.connect()
            self._depths = queues.depths()
        except BrokerUnreachable as error:
            if now - self._lost_at > _BROKER_SECONDS:
                raise FlowStopped(str(error)) from None
        else:
            self._lost_at = None
            _log.info("the broker is there again")

    def _tend(self, now: float) -> None:
        """Start what has to run, and take note of what has died.

        Raises:
            FlowStopped: A container has died five times in a row.
        """
        containers = self.machinery.containers
        if (failed := self.machinery.failed) is not None:
            raise FlowStopped(f"the broker does not serve this flow any more: {failed}")
        died = [each for each in containers.all if each.reap(now)]
        if died:
            self._look(now)
        for container in died:
            if self._losses != self._losses_at_start[container]:
                container.deaths = 0  # it has lost the broker
                container.due_at = now
                continue
            self._observer.died(container)
            if container.deaths >= MOST_DEATHS:
                raise FlowStopped(_obituary(container))
        due = [each for each in containers.all if not each.is_running and each.due_at <= now]
        if self._lost_at is None:
            for container in due:
                self._losses_at_start[container] = self._losses
                containers.begin(container)
                self._observer.started(container)
        if died or due:
            self.machinery.watch_groups()


def _numbers(tallies: Iterable[Tally]) -> Iterator[int]:
    for tally in tallies:
        yield from (tally.delivered, tally.settled, sum(tally.published.copy().values()))


def _obituary(container: Container) -> str:
    status = container.status or 0
    ending = f"exit status {status}" if status >= 0 else f"signal {-status}"
    text = f"the step {container.station.id} died {MOST_DEATHS} times in a row without a processed message ({ending})"
    return f"{text}; the end of its log:\n{readable(list(container.last_lines))}"
