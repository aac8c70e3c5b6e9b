"""Steps without a runtime: one process opens the connections of many steps, with a fraction of their memory.

A step has two connections: one with a prefetch and a consumer, one with confirms for its exchange. The frames are those
of the runtime. After a loss they are opened again as the runtime does: at once, then after the pause between attempts.

The process reads commands from standard input, a JSON list in each line, and answers with a line of JSON. It ends when
its standard input is closed.

    ["open"]                 open all connections; the answer comes when all are open
    ["reopened"]             wait until all connections are open again, after a restart of the broker
    ["refresh", 0.3, 0.05]   let all steps, as containers of one account, meet an expired token at once: one of them
                             refreshes in 0.3 s; to look at the stored keys takes 0.05 s
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import Any, Final
from urllib.parse import urlsplit

from pika import frame, spec

from shipmate.container.amqp import lease

_HEADER: Final = b"AMQP\x00\x00\x09\x01"
_FRAME: Final = Struct(">BHL")
_METHOD: Final = Struct(">HH")
_AROUND_BYTES: Final = 8
_HEARTBEAT_SECONDS: Final = 60
_BEAT_SECONDS: Final = _HEARTBEAT_SECONDS / 2
_BEAT: Final = _FRAME.pack(spec.FRAME_HEARTBEAT, 0, 0) + bytes((spec.FRAME_END,))
_GIVE_UP_SECONDS: Final = 15.0
"""pika's longest time until a new connection can be used."""
_LOCK: Final = "bench.lock"
_LOCK_CHANNEL: Final = 2
_CHANNEL_OPEN_OK: Final = (20, 11)
_CHANNEL_CLOSE: Final = (20, 40)
_DECLARE_OK: Final = (50, 11)
_END_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Light:
    """Light steps, and how they connect again."""

    uri: str
    steps: int
    queue: str
    """The format of the names of their queues: ``"step-{}"``."""
    exchange: str
    pause_seconds: float = 1.0
    """The pause between two attempts."""


class LightSteps:
    """Light steps in a process of their own; a context manager that ends it."""

    def __init__(self, light: Light) -> None:
        """Start the process, without connections."""
        self._process = subprocess.Popen(
            [sys.executable, __file__, json.dumps(asdict(light))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parent,
            start_new_session=True,
        )

    def __enter__(self) -> "LightSteps":
        """Return the running steps."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the process by closing its standard input."""
        try:
            self._process.communicate(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def ask(self, *command: Any) -> dict[str, Any]:
        """Send a command, and wait for its answer.

        Raises:
            ConnectionError: The process has ended.
        """
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        assert self._process.stdout is not None  # noqa: S101
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise ConnectionError("the process of the light steps has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


class _Connection(asyncio.Protocol):
    """One connection of a step: it sends the next frames of its script after each method of the broker."""

    def __init__(self, fleet: "_Fleet", script: Sequence[bytes]) -> None:
        self._fleet = fleet
        self._script = script
        self._received = b""
        self._methods = 0
        """The number of methods since the connection was made."""
        self._attempts = 0
        """The number of attempts since it was open."""
        self._transport: asyncio.Transport | None = None
        self.on_method: Callable[[tuple[int, int]], None] = lambda _: None
        """Called with the class and number of each method on the channel of the lock."""

    @property
    def is_open(self) -> bool:
        return self._methods > len(self._script)

    async def connect(self) -> None:
        loop, parts = asyncio.get_running_loop(), urlsplit(self._fleet.light.uri)
        while True:
            if self._attempts:
                await asyncio.sleep(self._fleet.light.pause_seconds)
            self._attempts += 1
            try:
                await loop.create_connection(lambda: self, parts.hostname or "", parts.port or 5672)
            except OSError:
                self._fleet.refused += 1
            else:
                loop.call_later(_GIVE_UP_SECONDS, self._give_up, self._transport)
                return

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport, self._received, self._methods = transport, b"", 0
        self.send(_HEADER)

    def connection_lost(self, exc: Exception | None) -> None:
        was_open, self._transport, self._methods = self.is_open, None, 0
        self._fleet.lost(was_open=was_open)
        if not self._fleet.is_over:
            self._fleet.spawn(self.connect())

    def data_received(self, data: bytes) -> None:
        received, at = self._received + data, 0
        while len(received) - at >= _AROUND_BYTES:
            kind, channel, length = _FRAME.unpack_from(received, at)
            end = at + _AROUND_BYTES + length
            if end > len(received):
                break
            if kind == spec.FRAME_METHOD:
                method = _METHOD.unpack_from(received, at + _FRAME.size)
                self.on_method(method) if channel == _LOCK_CHANNEL else self._go_on()
            at = end
        self._received = received[at:]

    def _go_on(self) -> None:
        if self._methods < len(self._script):
            self.send(self._script[self._methods])
        self._methods += 1
        if self._methods == len(self._script) + 1:
            self._attempts = 0
            self._fleet.opened()

    def _give_up(self, transport: asyncio.Transport | None) -> None:
        if transport is not None and transport is self._transport and not self.is_open:
            self._fleet.given_up += 1
            transport.abort()

    def send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


class _Waiter:
    """One step that needs new keys: it refreshes under the lock, or adopts them, as the runtime does."""

    def __init__(self, connection: _Connection, keys: "_Keys") -> None:
        self._connection = connection
        self._keys = keys
        self._began = time.perf_counter()
        self.done: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        """The seconds until this step had the new keys."""
        connection.on_method = self._on_method
        self._try()

    def _try(self) -> None:
        self._keys.tries += 1
        self._connection.send(_method(_LOCK_CHANNEL, spec.Channel.Open()))

    def _on_method(self, method: tuple[int, int]) -> None:
        if method == _CHANNEL_OPEN_OK:
            declare = spec.Queue.Declare(queue=_LOCK, exclusive=True, auto_delete=True)
            self._connection.send(_method(_LOCK_CHANNEL, declare))
        elif method == _CHANNEL_CLOSE:
            self._connection.send(_method(_LOCK_CHANNEL, spec.Channel.CloseOk()))
            self._keys.fleet.spawn(self._look())
        elif method == _DECLARE_OK:
            self._keys.fleet.spawn(self._refresh())

    async def _look(self) -> None:
        await asyncio.sleep(lease.pause_seconds(time.perf_counter() - self._began))
        if await self._keys.are_new():
            self.done.set_result(time.perf_counter() - self._began)
        else:
            self._try()

    async def _refresh(self) -> None:
        if not await self._keys.are_new():
            await self._keys.refresh()
        delete = _method(_LOCK_CHANNEL, spec.Queue.Delete(queue=_LOCK))
        close = spec.Channel.Close(200, "", 0, 0)
        self._connection.send(delete + _method(_LOCK_CHANNEL, close))
        self.done.set_result(time.perf_counter() - self._began)


class _Keys:
    """The stored keys of an account, and the counts of one expiry."""

    def __init__(self, fleet: "_Fleet", refresh_seconds: float, look_seconds: float) -> None:
        self.fleet = fleet
        self.tries = self.looks = self.refreshes = self.most_looks_at_once = 0
        self._refresh_seconds = refresh_seconds
        self._look_seconds = look_seconds
        self._looking = 0

    async def are_new(self) -> bool:
        """Read the stored keys, and return whether they are new."""
        self.looks += 1
        self._looking += 1
        self.most_looks_at_once = max(self.most_looks_at_once, self._looking)
        await asyncio.sleep(self._look_seconds)
        self._looking -= 1
        return self.refreshes > 0

    async def refresh(self) -> None:
        """Refresh and store them."""
        await asyncio.sleep(self._refresh_seconds)
        self.refreshes += 1


class _Fleet:
    """All connections of the light steps."""

    def __init__(self, light: Light) -> None:
        self.light = light
        self.is_over = False
        self.refused = self.given_up = self.broken = 0
        self._moments: list[float] = []
        """When each connection was opened."""
        self._open = 0
        self._all_open = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._readers = [_Connection(self, self._reading(number)) for number in range(light.steps)]
        self._connections = [*self._readers, *(_Connection(self, self._writing()) for _ in range(light.steps))]

    def _begin(self) -> list[bytes]:
        parts = urlsplit(self.light.uri)
        proof = f"\x00{parts.username}\x00{parts.password}"
        start_ok = spec.Connection.StartOk(client_properties={}, response=proof, locale="en_US")
        tune_ok = spec.Connection.TuneOk(channel_max=2047, frame_max=131_072, heartbeat=_HEARTBEAT_SECONDS)
        opened = spec.Connection.Open(virtual_host=parts.path[1:] or "/")
        return [
            _method(0, start_ok),
            _method(0, tune_ok) + _method(0, opened),
            _method(1, spec.Channel.Open()),
        ]

    def _reading(self, number: int) -> list[bytes]:
        consume = spec.Basic.Consume(queue=self.light.queue.format(number))
        return [*self._begin(), _method(1, spec.Basic.Qos(prefetch_count=1)), _method(1, consume)]

    def _writing(self) -> list[bytes]:
        look = spec.Exchange.Declare(exchange=self.light.exchange, passive=True)
        return [*self._begin(), _method(1, look), _method(1, spec.Confirm.Select())]

    def opened(self) -> None:
        """Count a usable connection."""
        self._open += 1
        self._moments.append(time.perf_counter())
        if self._open == len(self._connections):
            self._all_open.set()

    def lost(self, *, was_open: bool) -> None:
        """Count a connection that has ended."""
        if was_open:
            self._open -= 1
            self._all_open.clear()
        else:
            self.broken += 1

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task beside the others."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def serve(self) -> None:
        """Answer commands until standard input is closed."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        self.spawn(self._beat())
        while line := await reader.readline():
            self.spawn(self._answer(*json.loads(line)))
        self.is_over = True

    async def _answer(self, name: str, *arguments: Any) -> None:
        commands: dict[str, Callable[..., Coroutine[Any, Any, dict[str, Any]]]] = {
            "open": self._open_all,
            "reopened": self._reopened,
            "refresh": self._refresh,
        }
        answer = await commands[name](*arguments)
        print(json.dumps(answer), flush=True)

    async def _open_all(self) -> dict[str, Any]:
        for each in self._connections:
            self.spawn(each.connect())
        return await self._reopened()

    async def _reopened(self) -> dict[str, Any]:
        await self._all_open.wait()
        moments, self._moments = sorted(self._moments), []
        counts = {"refused": self.refused, "given_up": self.given_up, "broken": self.broken}
        self.refused = self.given_up = self.broken = 0
        return {"seconds": moments[-1] - moments[0] if moments else 0.0, **counts}

    async def _refresh(self, refresh_seconds: float, look_seconds: float) -> dict[str, Any]:
        keys = _Keys(self, refresh_seconds, look_seconds)
        waiters = [_Waiter(each, keys) for each in self._readers]
        waits = sorted(await asyncio.gather(*(each.done for each in waiters)))
        names = ("tries", "looks", "refreshes", "most_looks_at_once")
        return {"waits_seconds": waits, **{name: getattr(keys, name) for name in names}}

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            for each in self._connections:
                each.send(_BEAT)


def _method(channel: int, content: Any) -> bytes:
    return bytes(frame.Method(channel, content).marshal())


async def _main() -> None:
    await _Fleet(Light(**json.loads(sys.argv[1]))).serve()


if __name__ == "__main__":
    asyncio.run(_main())
