"""One thread leads; others take over what keeps it."""

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from queue import Empty, SimpleQueue

import pytest

from shipmate import workers as module
from shipmate.workers import Workers

SECONDS = 10


class World:
    """Threads that process functions, and I/O that consists of what a test sends."""

    def __init__(self, count: int) -> None:
        self.workers: Workers[Callable[[], None]] = Workers(count, self._work, self._turn, self._wake)
        self.done: SimpleQueue[str] = SimpleQueue()
        self._arriving: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._working = 0
        self.most_working = 0
        self.leaders: list[int] = []

    def __enter__(self) -> "World":
        self.workers.start()
        return self

    def __exit__(self, *exc: object) -> None:
        ended = threading.Event()

        def end() -> None:
            ended.set()
            raise StopIteration

        self.send(end)
        assert ended.wait(SECONDS)

    def send(self, action: Callable[[], object]) -> None:
        """Have something done as I/O."""
        self._arriving.put(action)

    def submit(self, *items: Callable[[], None]) -> None:
        """Let items arrive."""
        self.send(lambda: [self.workers.submit(item) for item in items])

    def has_turn(self) -> None:
        """Wait until there was I/O."""
        done = threading.Event()
        self.send(done.set)
        assert done.wait(SECONDS)

    def names(self, count: int) -> list[str]:
        """Return who processed the next items."""
        return [self.done.get(timeout=SECONDS) for _ in range(count)]

    def note(self) -> None:
        """Process an item: note who does."""
        self.done.put(str(threading.get_ident()))

    def _work(self, item: Callable[[], None]) -> None:
        with self._lock:
            self._working += 1
            self.most_working = max(self.most_working, self._working)
        item()
        with self._lock:
            self._working -= 1

    def _turn(self, may_wait: bool) -> bool:
        self.leaders.append(threading.get_ident())
        try:
            action = self._arriving.get(may_wait)
        except Empty:
            return True
        try:
            if action is not None:
                action()
        except StopIteration:
            return False
        return True

    def _wake(self) -> None:
        self._arriving.put(None)


class Gate:
    """An item that waits, for an API as it were, until it may go on."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def __call__(self) -> None:
        self.entered.set()
        assert self.go_on.wait(SECONDS)


class Spin(Gate):
    """One that computes until it may go on."""

    def __call__(self) -> None:
        self.entered.set()
        until = time.monotonic() + SECONDS
        while not self.go_on.is_set():
            assert time.monotonic() < until


class Looks:
    """Counts the looks at a thread that an item keeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._count = threading.Semaphore(0)
        used = module._Thread.used_seconds

        def counted(thread: module._Thread) -> float:
            self._count.release()
            return used(thread)

        monkeypatch.setattr(module._Thread, "used_seconds", counted)

    def wait_for(self, count: int) -> None:
        while self._count.acquire(blocking=False):
            pass
        for _ in range(count):
            assert self._count.acquire(timeout=SECONDS)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    return Looks(monkeypatch)


@pytest.fixture
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens happens because it was asked for."""
    monkeypatch.setattr(module, "_LOOK_SECONDS", 3600.0)


def test_the_thread_that_does_the_io_processes_quick_items(nobody_looks: None) -> None:
    """One after the other, in order: nothing is handed from thread to thread."""
    order: list[int] = []

    def item(number: int) -> Callable[[], None]:
        def work() -> None:
            order.append(number)
            world.note()

        return work

    with World(8) as world:
        for start in range(0, 200, 20):
            world.submit(*(item(number) for number in range(start, start + 20)))
        names = world.names(200)
        assert order == list(range(200))
        assert set(names) == {str(world.leaders[0])}
        assert len(set(world.leaders)) == 1


def test_io_goes_on_while_an_item_waits_or_computes() -> None:
    """Another thread leads then; confirms and heartbeats do not wait for a function."""
    for item in (Gate(), Spin()):
        with World(1) as world:
            world.submit(item)
            assert item.entered.wait(SECONDS)
            world.has_turn()
            assert len(set(world.leaders)) == 2
            item.go_on.set()
            world.submit(world.note)
            world.names(1)


def test_items_that_wait_are_in_work_together() -> None:
    """As many as may be; whether functions wait is learned."""
    for _ in range(3):
        together = threading.Barrier(16, timeout=SECONDS)

        def item(together: threading.Barrier = together) -> None:
            together.wait()
            world.note()

        with World(16) as world:
            for _ in range(4):
                world.submit(*[item] * 16)
                world.names(16)
            assert world.most_working == 16


def test_no_more_items_are_in_work_than_are_allowed() -> None:
    """Whatever they wait for."""
    gates = [Gate() for _ in range(12)]
    with World(3) as world:
        world.submit(*gates)
        for gate in gates:
            assert gate.entered.wait(SECONDS)
            gate.go_on.set()
        world.submit(world.note)
        world.names(1)
        assert world.most_working <= 3


def test_the_next_items_wait_for_one_that_computes(looks: Looks) -> None:
    """Threads that all compute only keep each other from it; I/O goes on all the same."""
    item = Spin()
    with World(8) as world:
        world.submit(item, world.note, world.note)
        assert item.entered.wait(SECONDS)
        world.has_turn()
        looks.wait_for(5)
        assert world.done.empty()
        item.go_on.set()
        world.names(2)
        assert world.most_working == 1


def test_items_that_compute_for_long_stay_with_their_thread(looks: Looks) -> None:
    """So that each need not be taken away from the leader first."""

    def long() -> None:
        until = time.thread_time() + 2 * module._QUICK_SECONDS
        while time.thread_time() < until:
            pass
        world.note()

    item = Spin()
    names: list[str] = []

    def first() -> None:
        names.append(str(threading.get_ident()))
        item()

    with World(8) as world:
        world.submit(first, *[long] * 20)
        assert item.entered.wait(SECONDS)
        world.has_turn()
        item.go_on.set()
        assert world.names(20) == names * 20
        assert names[0] != str(world.leaders[-1])


def test_items_do_not_wait_for_one_that_has_computed_and_now_waits(looks: Looks) -> None:
    """It was left alone because it computed."""
    spin, gate = Spin(), Gate()

    def both() -> None:
        spin()
        gate()

    with World(8) as world:
        world.submit(both, world.note)
        assert spin.entered.wait(SECONDS)
        world.has_turn()
        spin.go_on.set()
        world.names(1)
        gate.go_on.set()


def test_quick_items_go_back_to_the_leader_after_one_that_computed() -> None:
    """Soon, at least: nobody else takes any as long as they come."""
    item = Spin()
    with World(8) as world:
        world.submit(item, *[world.note] * 50)
        assert item.entered.wait(SECONDS)
        world.has_turn()
        item.go_on.set()
        world.names(50)
        world.submit(*[world.note] * 50)
        assert world.names(50)[-1] == str(world.leaders[-1])


def test_a_leader_that_waits_for_io_does_it_itself(nobody_looks: None) -> None:
    """As when a function emits: to hand the lead over and back takes longer than the broker does."""
    seen: list[str | None] = []
    variable: ContextVar[str | None] = ContextVar("variable", default=None)

    def item() -> None:
        variable.set("of the item")
        for _ in range(3):
            arrived = threading.Event()
            world.send(lambda arrived=arrived: (seen.append(variable.get()), arrived.set()))
            world.workers.wait(arrived.is_set, lambda: pytest.fail("another thread led"))
        world.note()

    with World(2) as world:
        world.submit(item)
        (name,) = world.names(1)
        assert set(world.leaders) == {int(name)}
    assert seen == [None] * 3, "what I/O logs is not about the item's message"


def test_a_leader_that_waits_for_io_is_replaced_when_items_come(nobody_looks: None) -> None:
    """They do not wait for the broker as well."""
    arrived = threading.Event()

    def item() -> None:
        world.note()
        world.workers.wait(arrived.is_set, lambda: arrived.wait(SECONDS))
        world.note()

    with World(2) as world:
        world.submit(item)
        world.names(1)
        world.submit(world.note)
        world.names(1)
        world.send(arrived.set)
        world.names(1)
        assert world.most_working == 2


def test_io_in_the_middle_of_an_item_is_no_waiting(nobody_looks: None) -> None:
    """Items that wait for nothing else stay with the leader."""

    def item() -> None:
        arrived = threading.Event()
        threading.Timer(10 * module._QUICK_SECONDS, lambda: world.send(arrived.set)).start()
        world.workers.wait(arrived.is_set, lambda: pytest.fail("another thread led"))
        world.note()

    with World(2) as world:
        for _ in range(20):
            world.submit(item)
            world.names(1)
        assert len(set(world.leaders)) == 1


def test_whoever_waits_for_io_does_not_wait_for_the_item_that_keeps_the_leader(nobody_looks: None) -> None:
    """As an event loop's thread that emits does: its function may be what keeps the leader."""
    gate = Gate()
    with World(2) as world:
        world.submit(gate)
        assert gate.entered.wait(SECONDS)
        arrived = threading.Event()
        world.send(arrived.set)
        world.workers.wait(lambda: pytest.fail("this thread led"), lambda: arrived.wait(SECONDS))
        assert arrived.is_set()
        gate.go_on.set()


def test_io_that_somebody_waits_for_ends_the_wait_for_io(nobody_looks: None) -> None:
    """Else it would be done when something arrives."""
    with World(1) as world:
        world.has_turn()
        before = len(world.leaders)
        world.workers.let_lead()
        world.has_turn()
        assert len(world.leaders) >= before + 2


def test_an_item_that_comes_when_all_is_quiet_is_processed_at_once() -> None:
    """Also long after the last one: nobody looks any more by then."""
    with World(4) as world:
        for _ in range(2000):
            world.submit(world.note)
            world.names(1)
        watcher = world.workers._watcher
        assert watcher is not None
        until = time.monotonic() + SECONDS
        while world.workers._watcher is not None:
            assert time.monotonic() < until
        item = Gate()
        world.submit(item)
        assert item.entered.wait(SECONDS)
        world.has_turn()
        item.go_on.set()


def test_items_of_all_kinds_are_each_processed_once() -> None:
    """Whoever leads, watches or follows meanwhile."""
    lock = threading.Lock()
    counts: dict[int, int] = {}

    def item(number: int) -> Callable[[], None]:
        def work() -> None:
            if number % 7 == 0:
                until = time.thread_time() + 0.001 * (number % 5)
                while time.thread_time() < until:
                    pass
            elif number % 11 == 0:
                arrived = threading.Event()
                world.send(arrived.set)
                if number % 2:
                    world.workers.wait(arrived.is_set, lambda: arrived.wait(SECONDS))
                elif number % 4:
                    world.workers.let_lead()
                assert arrived.wait(SECONDS)
            with lock:
                counts[number] = counts.get(number, 0) + 1
            world.note()

        return work

    with World(6) as world:
        for start in range(0, 3000, 6):
            world.submit(*(item(number) for number in range(start, start + 6)))
            if start % 60 == 54:
                world.names(60)
    assert counts == dict.fromkeys(range(3000), 1)
    assert world.most_working <= 6


def test_nobody_leads_any_more_when_io_has_ended() -> None:
    """The process closes its connections and ends."""
    with World(2) as world:
        world.has_turn()
    before = len(world.leaders)
    world.workers.let_lead()
    world.submit(world.note)
    assert len(world.leaders) == before
    assert world.done.empty()
