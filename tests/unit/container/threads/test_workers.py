"""One thread leads and does the I/O; others take over when an item keeps it."""

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from types import SimpleNamespace

import pytest

from shipmate.container.threads.clocks import Clocks
from shipmate.container.threads.pace import Pace
from shipmate.container.threads.workers import Workers

SECONDS = 10


class World:
    """Threads that process functions as items; their I/O consists of actions that a test sends."""

    def __init__(self, count: int, clocks: Clocks | None = None, pace: Pace | None = None) -> None:
        self.failures: SimpleQueue[BaseException] = SimpleQueue()
        self.workers: Workers[Callable[[], None]] = Workers(
            count, self._work, self._turn, wake=self._wake, on_failure=self.failures.put, clocks=clocks, pace=pace
        )
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
        """Run an action as I/O."""
        self._arriving.put(action)

    def submit(self, *items: Callable[[], None]) -> None:
        """Let items arrive."""
        self.send(lambda: [self.workers.submit(item) for item in items])

    def has_turn(self) -> None:
        """Wait until the present leader has done I/O."""
        done = threading.Event()
        self.send(done.set)
        assert done.wait(SECONDS)

    def names(self, count: int) -> list[str]:
        """Return the threads that processed the next items."""
        return [self.done.get(timeout=SECONDS) for _ in range(count)]

    def note(self) -> None:
        """Process an item: note the thread."""
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
    """An item that waits, as for an API, until a test lets it continue."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def __call__(self) -> None:
        self.entered.set()
        assert self.go_on.wait(SECONDS)


class Looks:
    """Looks at a busy thread: counted, and answered with "computes" or "waits", however busy the machine is."""

    def __init__(self) -> None:
        self.is_computing = True
        self.clocks = Clocks(cpu_of=self._look)
        self._cpu_seconds = 0.0
        self._count = threading.Semaphore(0)

    def _look(self, _ident: int) -> float:
        self._count.release()
        self._cpu_seconds += Pace().look_seconds if self.is_computing else 0
        return self._cpu_seconds

    def wait_for(self, count: int) -> None:
        while self._count.acquire(blocking=False):
            pass
        for _ in range(count):
            assert self._count.acquire(timeout=SECONDS)


@pytest.fixture
def looks() -> Looks:
    return Looks()


class StoppedClock:
    """A clock that only a test advances: every item is quick, however busy the machine is."""

    def __init__(self) -> None:
        self.now = 0.0

    def clocks(self, looks: Looks | None = None) -> Clocks:
        """Return clocks that show this time, and no CPU time except at looks."""
        return Clocks(lambda: self.now, lambda: 0.0, looks.clocks.cpu_of if looks else lambda ident: 0.0)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


class Unwatched(World):
    """A world without looks at busy threads: a thread changes its role only when it is asked to."""

    def __enter__(self) -> "Unwatched":
        super().__enter__()
        # The second thread starts with the first item; as long as it does not sleep it may take the next one.
        self.submit(lambda: None)
        self.has_turn()
        while not self.workers._asleep:
            self.has_turn()
        return self


def unwatched(count: int, clock: StoppedClock | None = None) -> World:
    """Return a world that is unwatched, and whose time only the test changes."""
    return Unwatched(count, (clock or StoppedClock()).clocks(), Pace(look_seconds=3600.0))


def test_the_thread_that_does_the_io_processes_quick_items() -> None:
    """One after the other, in order, on one thread."""
    order: list[int] = []

    def item(number: int) -> Callable[[], None]:
        def work() -> None:
            order.append(number)
            world.note()

        return work

    with unwatched(8) as world:
        for start in range(0, 200, 20):
            world.submit(*(item(number) for number in range(start, start + 20)))
        names = world.names(200)
        assert order == list(range(200))
        assert set(names) == {str(world.leaders[0])}
        assert len(set(world.leaders)) == 1


@pytest.mark.parametrize("is_computing", [True, False])
def test_io_continues_while_an_item_keeps_the_leader(looks: Looks, is_computing: bool) -> None:
    """Another thread takes over the lead: confirms and heartbeats do not wait for a function."""
    looks.is_computing = is_computing
    item = Gate()
    with World(1, looks.clocks) as world:
        world.submit(item)
        assert item.entered.wait(SECONDS)
        world.has_turn()
        assert len(set(world.leaders)) == 2
        item.go_on.set()
        world.submit(world.note)
        world.names(1)


def test_waiting_items_are_processed_at_the_same_time() -> None:
    """Up to the limit, once the pace shows that items wait."""
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


def test_items_that_all_wait_for_each_other_are_all_processed_at_once() -> None:
    """None ends before the last one has begun, so that no end can tell that they wait."""
    gates = [Gate() for _ in range(70)]
    with World(count=70) as world:
        world.submit(*gates)
        for gate in gates:
            assert gate.entered.wait(SECONDS)
        for gate in gates:
            gate.go_on.set()


def test_no_more_items_are_processed_at_once_than_allowed() -> None:
    """Even if all of them wait."""
    gates = [Gate() for _ in range(12)]
    with World(3) as world:
        world.submit(*gates)
        for gate in gates:
            assert gate.entered.wait(SECONDS)
            gate.go_on.set()
        world.submit(world.note)
        world.names(1)
        assert world.most_working <= 3


def test_items_wait_for_one_that_computes(looks: Looks) -> None:
    """Threads that all compute only slow each other down; I/O continues meanwhile."""
    item = Gate()
    with World(8, looks.clocks) as world:
        world.submit(item, world.note, world.note)
        assert item.entered.wait(SECONDS)
        world.has_turn()
        looks.wait_for(5)
        assert world.done.empty()
        item.go_on.set()
        world.names(2)
        assert world.most_working == 1


def test_items_that_compute_for_long_stay_on_one_thread(looks: Looks) -> None:
    """Otherwise each of them would begin on the leader, and another thread would have to take over the lead."""
    names: list[str] = []

    def long() -> None:
        until = time.perf_counter() + 2 * Pace().quick_seconds
        while time.perf_counter() < until:
            pass
        world.note()

    def first() -> None:
        names.append(str(threading.get_ident()))
        item()

    item = Gate()
    with World(8, looks.clocks) as world:
        world.submit(first, *[long] * 20)
        assert item.entered.wait(SECONDS)
        world.has_turn()
        item.go_on.set()
        assert world.names(20) == names * 20
        assert names[0] != str(world.leaders[-1])


def test_items_do_not_wait_for_one_that_has_computed_and_now_waits(looks: Looks) -> None:
    """The watcher notices the change."""
    item = Gate()
    with World(8, looks.clocks) as world:
        world.submit(item, world.note)
        assert item.entered.wait(SECONDS)
        world.has_turn()
        looks.is_computing = False
        world.names(1)
        item.go_on.set()


def test_quick_items_return_to_the_leader_after_one_that_computed(looks: Looks, clock: StoppedClock) -> None:
    """While quick items come, the leader takes them."""
    item = Gate()
    with World(8, clock.clocks(looks)) as world:
        world.submit(item, *[world.note] * 50)
        assert item.entered.wait(SECONDS)
        world.has_turn()
        item.go_on.set()
        world.names(50)
        world.submit(*[world.note] * 50)
        assert str(world.leaders[-1]) in world.names(50)


def test_a_leader_that_waits_for_io_does_the_io_itself() -> None:
    """As when a function emits: a change of the leader takes longer than the broker's confirm."""
    seen: list[str | None] = []
    variable: ContextVar[str | None] = ContextVar("variable", default=None)

    def item() -> None:
        variable.set("of the item")
        for _ in range(3):
            arrived = threading.Event()
            world.send(lambda arrived=arrived: (seen.append(variable.get()), arrived.set()))
            world.workers.wait(arrived.is_set, lambda: pytest.fail("another thread led"))
        world.note()

    with unwatched(2) as world:
        world.submit(item)
        (name,) = world.names(1)
        assert set(world.leaders) == {int(name)}
    assert seen == [None] * 3, "what I/O logs is not about the item's message"


def test_a_leader_that_waits_for_io_is_replaced_when_items_come() -> None:
    """The items do not wait for the broker."""
    arrived = threading.Event()

    def item() -> None:
        world.note()
        world.workers.wait(arrived.is_set, lambda: arrived.wait(SECONDS))
        world.note()

    with unwatched(2) as world:
        world.submit(item)
        world.names(1)
        world.submit(world.note)
        world.names(1)
        world.send(arrived.set)
        world.names(1)
        assert world.most_working == 2


def test_io_in_the_middle_of_an_item_does_not_count_as_waiting(clock: StoppedClock) -> None:
    """Items that wait for I/O only stay on the leader; items that wait for something else get their own threads."""

    def pass_time() -> None:
        clock.now += 1

    def emitting() -> None:
        arrived = threading.Event()
        world.send(pass_time)
        world.send(arrived.set)
        world.workers.wait(arrived.is_set, lambda: pytest.fail("another thread led"))
        world.note()

    def waiting() -> None:
        pass_time()
        world.note()

    with unwatched(2, clock) as world:
        for _ in range(5):
            world.submit(emitting)
            (name,) = world.names(1)
            assert name == str(world.leaders[-1])
        for _ in range(5):
            world.submit(waiting)
            (name,) = world.names(1)
        assert name != str(world.leaders[-1])


def test_another_thread_that_waits_for_io_does_not_wait_for_the_item_of_the_leader() -> None:
    """As when the thread of an event loop emits while its function keeps the leader."""
    gate = Gate()
    with unwatched(2) as world:
        world.submit(gate)
        assert gate.entered.wait(SECONDS)
        arrived = threading.Event()
        world.send(arrived.set)
        world.workers.wait(lambda: pytest.fail("this thread led"), lambda: arrived.wait(SECONDS))
        assert arrived.is_set()
        gate.go_on.set()


def test_io_that_another_thread_needs_ends_the_wait_for_io() -> None:
    """Otherwise it would be done only when a message arrives."""
    with unwatched(1) as world:
        world.has_turn()
        before = len(world.leaders)
        world.workers.let_lead()
        world.has_turn()
        assert len(world.leaders) >= before + 2


def test_an_item_after_a_quiet_time_is_processed_at_once() -> None:
    """Even if the watcher sleeps by then."""
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


def test_each_item_is_processed_once() -> None:
    """Quick, computing and waiting ones, while threads change their roles."""
    lock = threading.Lock()
    counts: dict[int, int] = {}

    def item(number: int) -> Callable[[], None]:
        def work() -> None:
            if number % 14 == 0:
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


def test_an_exception_on_a_thread_is_reported() -> None:
    """Otherwise the process would stay alive without a leader, or with a message that is never settled."""
    for error in (MemoryError(), SystemExit(1)):

        def fail(error: BaseException = error) -> None:
            raise error

        world = unwatched(2)
        world.workers.start()
        world.submit(fail)
        assert world.failures.get(timeout=SECONDS) is error
        world = unwatched(2)
        world.workers.start()
        world.send(fail)
        assert world.failures.get(timeout=SECONDS) is error


def test_two_threads_suffice_if_no_more_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may limit the threads of a container."""
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def start_two(thread: threading.Thread) -> None:
        if thread.name == "shipmate-worker":
            started.append(thread)
            if len(started) > 2:
                raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_two)
    gates = [Gate() for _ in range(5)]
    with World(8) as world:
        world.submit(*gates, world.note)
        for gate in gates:
            assert gate.entered.wait(SECONDS)
            world.has_turn()
            gate.go_on.set()
        world.names(1)
        assert world.most_working == 1
    assert len(started) > 2


def test_the_process_ends_if_no_second_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread could do I/O while a function waits."""
    with World(2) as world:
        world.has_turn()
        monkeypatch.setattr(threading.Thread, "start", lambda thread: (_ for _ in ()).throw(RuntimeError("no more")))
        world.submit(world.note)
        assert isinstance(world.failures.get(timeout=SECONDS), RuntimeError)
        monkeypatch.undo()
        world.workers.start()


def test_no_thread_leads_after_the_end_of_io() -> None:
    """The process closes its connections and ends."""
    with World(2) as world:
        world.has_turn()
    until = time.monotonic() + SECONDS
    while len(world.workers._asleep) < world.workers._thread_count:
        assert time.monotonic() < until
    before = len(world.leaders)
    world.workers.let_lead()
    world.submit(world.note)
    assert len(world.leaders) == before
    assert world.done.empty()


def test_no_thread_leads_after_io_has_ended_in_the_middle_of_an_item() -> None:
    """The item waits in vain, and no other thread begins to lead for it."""
    waiting, go_on = threading.Event(), threading.Event()

    def item() -> None:
        def wait() -> None:
            waiting.set()
            assert go_on.wait(SECONDS)

        world.workers.wait(lambda: False, wait)

    world = unwatched(2)
    world.workers.start()
    world.submit(item)
    world.__exit__()
    assert waiting.wait(SECONDS)
    leaders = set(world.leaders)
    until = time.monotonic() + SECONDS
    while len(world.workers._asleep) < world.workers._thread_count - 1:
        assert time.monotonic() < until
    go_on.set()
    world.send(world.note)
    while len(world.workers._asleep) < world.workers._thread_count:
        assert time.monotonic() < until
    assert set(world.leaders) == leaders
    assert world.done.empty()


def test_the_limit_of_threads_learns_the_shortest_time_since_it_was_adapted_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only as many threads as that time needs are of use for sure."""
    now = 0.0
    shortest: list[float] = []

    def measured(*_: object, quickest_seconds: float, **__: object) -> int:
        shortest.append(round(quickest_seconds, 3))
        return 0

    def lasting(seconds: float) -> Callable[[], None]:
        def item() -> None:
            nonlocal now
            now += seconds
            world.note()

        return item

    is_due = iter([True, True, False, False, True, True])  # asked once more with the lock held
    world = World(1, Clocks(wall=lambda: now), Pace(look_seconds=1000.0))
    monkeypatch.setattr(
        world.workers, "_limit", SimpleNamespace(measured=measured, is_due=lambda _: next(is_due), now=1)
    )
    with world:
        for seconds in (0.01, 0.05, 0.03, 0.08):
            world.submit(lasting(seconds))
            world.names(1)
    assert shortest == [0.01, 0.03]
