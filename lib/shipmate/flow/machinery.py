"""All that works for one run of a flow: broker, platform, queues, steps. It is torn down in reverse order."""

import logging
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from shipmate.component import Function
from shipmate.emulator import RabbitMQNode
from shipmate.flow.builtin import descriptor_of, mapper, process_of, router
from shipmate.flow.collector import Collector, Receiver
from shipmate.flow.components import Implementation, implementation_of, is_router
from shipmate.flow.containers import Container, Containers, Line, Start, command_of
from shipmate.flow.counting import Tally
from shipmate.flow.expressions import Expression
from shipmate.flow.folder import Note, RunFolder
from shipmate.flow.graph import Flow, Node
from shipmate.flow.guard import Guard
from shipmate.flow.identity import Run
from shipmate.flow.local_steps import LocalStep, Shared, errors_not_logged
from shipmate.flow.mapping import Mapping as CompiledMapping
from shipmate.flow.pass_through_process import PassThroughProcess
from shipmate.flow.platform import OBJECTS, FlowPlatform
from shipmate.flow.queues import BrokerRefuses, BrokerUnreachable, FlowQueues, broker_address, place_of, through
from shipmate.flow.shutdown import may_have_hook, run_hook
from shipmate.flow.tap import Tap
from shipmate.flow.topology import Station, Topology
from shipmate.flow.trace import TraceFile
from shipmate.local.dotenv import read_env_file
from shipmate.logs.redaction import Redactor

_log: Final = logging.getLogger("shipmate.flow")
_API_KEY_CHARACTERS: Final = 32
_MAPPING: Final = Function("jsonataMap", "action", main="mapper:jsonataMap")


class Machinery:
    """Broker, platform, queues and steps of one run; a context manager."""

    def __init__(
        self,
        flow: Flow,
        receiver: Receiver,
        *,
        amqp_uri: str | None,
        amqp_origin: str,
        is_fresh: bool,
        redactor: Redactor,
        on_line: Callable[[Line], None],
        trace: TraceFile | None = None,
        state: Path | None = None,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            flow: The flow.
            receiver: Gets what the steps publish to the platform.
            amqp_uri: The broker's address, None for a private one.
            amqp_origin: The option or the variable with the address.
            is_fresh: Whether to forget the snapshots of earlier runs.
            redactor: Hides secrets.
            on_line: Gets the errors in the logs of containers.
            trace: Gets everything that is published.
            state: The folder for snapshots and logs, None for the default.

        Raises:
            ComponentProblem: Nothing can run a step.
        """
        self.flow = flow
        self.folder = RunFolder(flow, state)
        run_id = uuid.uuid4().hex[:12]
        self.topology = Topology(flow, run_id)
        self.implementations = {node.id: implementation_of(flow, node) for node in flow.nodes}
        self.guard = Guard()
        self.node: RabbitMQNode | None = None
        self.local_steps: list[LocalStep] = []
        self._run_id = run_id
        self._receiver, self._on_line = receiver, on_line
        self._amqp_uri, self._amqp_origin = amqp_uri, amqp_origin
        self._is_fresh, self._trace = is_fresh, trace
        self._shared = Shared(redactor)
        self._stack = ExitStack()

    def __enter__(self) -> "Machinery":
        """Start everything.

        Raises:
            BadInput: Another process runs this flow, or a file or the broker's address is wrong.
            BrokerUnreachable: The broker does not accept a connection.
            RabbitMQNotInstalled, RabbitMQNotStarted: There is no broker.
        """
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End everything; nothing remains but logs and snapshots."""
        self._stack.close()

    @property
    def tallies(self) -> list[Tally]:
        """The counts of all containers and local steps."""
        return [*(each.tally for each in self.containers.all), *(each.tally for each in self.local_steps)]

    def tallies_of(self, station: Station) -> list[Tally]:
        """Return the counts of one station."""
        local = [each.tally for each in self.local_steps if each.station is station]
        return local or [each.tally for each in self.containers.of(station)]

    def running(self, station: Station) -> int:
        """Return the number of containers of a station that run; 1 for a local step."""
        containers = self.containers.of(station)
        return sum(each.is_running for each in containers) if containers else 1

    @property
    def failed(self) -> BaseException | None:
        """The error after which a connection of this process to the broker does not come back, None without one."""
        return next(
            (each for each in (self.collector.failed, *(step.failed for step in self.local_steps)) if each), None
        )

    def watch_groups(self) -> None:
        """Tell the guard which processes there are now."""
        groups = [each.group for each in self.containers.all]
        if self.node is not None:
            groups.append(self.node.group)
        self.guard.watch(group for group in groups if group is not None)

    def shut_down(self, is_stopped: Callable[[], bool]) -> None:
        """Run the hook ``shutdown`` of the first step, if its container has begun and it may have one.

        Args:
            is_stopped: Returns whether to end at once.
        """
        first = self.flow.first
        data = self.platform.startup_data.get(self.flow.id)
        if data is None or not may_have_hook(self.implementations[first.id], first.function, data):
            return
        run_hook(self.containers.of(self.topology.first)[0], on_started=self.watch_groups, is_stopped=is_stopped)

    def _start(self, stack: ExitStack) -> None:
        stack.enter_context(errors_not_logged())
        self.folder.acquire()
        stack.callback(self.folder.release)
        self.containers = Containers(self._on_line)
        uri = self._broker(stack)
        run_key = uuid.uuid4().hex
        self.platform = FlowPlatform(self.flow, self.folder.path, key=run_key, is_fresh=self._is_fresh)
        for known in (*self.platform.accounts.values(), self.flow.secrets, {"password": urlsplit(uri).password or ""}):
            self._shared.redactor.add_mapping(known)
        self.platform.on_keys = self._shared.redactor.add_mapping
        stack.callback(self.platform.forget_objects)
        stack.enter_context(self.platform)
        stack.callback(self.platform.save_snapshots)
        self.run = Run(self.topology, self.platform, self._run_id)
        self.queues = FlowQueues(uri, self.topology, origin=None if self._amqp_uri is None else self._amqp_origin)
        self.queues.connect()
        stack.callback(self.queues.close)
        _log.info("connected to the broker at %s", place_of(uri))
        self._delete_leftovers(uri)
        self.folder.leave(Note(place_of(uri), self.topology.exchange, self.topology.queues, self.node is not None))
        self._declare_queues()
        stack.callback(self._delete_queues)
        if self._trace is not None:
            tap = Tap(uri, self.topology.exchange, self._trace.writer(self.topology, self.run))
            stack.callback(tap.stop)
            tap.start()
        self.collector = Collector(self.run, uri, self._receiver)
        stack.callback(self.collector.stop)
        self.collector.start()
        self._start_local_steps(stack, uri)
        self.pass_through = PassThroughProcess(broker_address(uri), uri)
        self.pass_through.start()
        stack.callback(self.pass_through.close)
        stack.callback(self.containers.close)
        self._plan_containers(uri)

    def _broker(self, stack: ExitStack) -> str:
        """Return the broker's address, and start the guard."""
        objects = self.folder.path / OBJECTS
        if self._amqp_uri is not None:
            self.guard.start([objects])
            stack.callback(self.guard.release)
            return self._amqp_uri
        self.node = RabbitMQNode()
        self.guard.start([self.node.folder, objects])
        stack.callback(self.guard.release)
        stack.callback(self.node.close)
        _log.info("starting a private RabbitMQ")
        self.node.start()
        self.watch_groups()
        return self.node.uri

    def _delete_leftovers(self, uri: str) -> None:
        """Delete the queues of a run that was killed."""
        found = self.folder.found()
        if found is None:
            return
        if found.broker == place_of(uri):
            self.queues.delete_names(found.exchange, found.queues)
            _log.info("deleted the queues of a run that was killed")
        elif self._amqp_uri is not None and not found.is_private:
            _log.warning(
                "a run that was killed has left queues at %s; that broker deletes them within an hour", found.broker
            )

    def _declare_queues(self) -> None:
        """Declare exchange and queues: all of them, or none."""
        try:
            self.queues.declare()
        except BrokerUnreachable as error:
            with suppress(BrokerUnreachable):
                self.queues.connect()
                self.queues.delete()
                self.folder.forget()
            if isinstance(error, BrokerRefuses):  # then it has refused the first one, and there are none
                self.folder.forget()
            raise

    def _delete_queues(self) -> None:
        """Delete the queues, and the note about them; a private broker's end with it."""
        try:
            try:
                self.queues.delete()
            except BrokerUnreachable:
                self.queues.connect()
                self.queues.delete()
        except BrokerUnreachable as error:
            if self.node is None:
                _log.warning("the queues of this run remain until the next one: %s", error)
                return
        self.folder.forget()

    def _start_local_steps(self, stack: ExitStack, uri: str) -> None:
        for station in self.topology.stations:
            made = self._local_process(station)
            if made is not None:
                step = LocalStep(self.run, station, *made, self._shared)
                stack.callback(step.stop)
                step.start(uri)
                self.local_steps.append(step)

    def _local_process(self, station: Station) -> tuple[Function, Callable[..., Any]] | None:
        """Return the function of a station inside this process, None for a container."""
        if station.edge is not None:
            edge = station.edge
            mapping = CompiledMapping.compile(
                edge.mapper, f"{edge.pointer}/config/mapper", edge=f"{edge.source or 'errors'} to {edge.target}"
            )
            return _MAPPING, mapper.function(mapping, edge.source)
        implementation = self.implementations[station.id]
        if implementation.standard is None:
            return None
        if station.node is not None and is_router(self.flow, station.node):
            return descriptor_of(implementation.standard), router.function(self._branches(station.node))
        return descriptor_of(implementation.standard), process_of(implementation.standard)

    def _branches(self, node: Node) -> list[router.Branch]:
        return [
            router.Branch(
                edge.target,
                Expression.compile(edge.condition) if edge.condition is not None else None,
                self.topology.branch_key(edge),
            )
            for edge in self.flow.edges_from(node.id)
        ]

    def _plan_containers(self, uri: str) -> None:
        for station in self.topology.stations:
            implementation = self.implementations.get(station.id)
            if station.node is None or implementation is None or implementation.standard is not None:
                continue
            for number in range(1, station.containers + 1):
                tally = Tally()
                address = through(uri, self.pass_through.open(tally))
                start = Start(
                    command_of(implementation),
                    implementation.path or self.flow.path.absolute().parent,
                    self.run.process_environ(station, address, container=number, own=self._env_file(implementation)),
                    has_startup=station.node.is_first,
                )
                log = self.folder.log(station.id, number)
                self.containers.all.append(Container(station, number, start, tally, log))

    def _env_file(self, implementation: Implementation) -> Mapping[str, str]:
        """Return the variables in the file ``.env`` of a component."""
        if implementation.path is None:
            return {}
        return read_env_file(implementation.path, partial(_log.warning, "%s"))
