"""The threads that process messages; one of them, the leader, also does the I/O.

To hand each message to another thread costs more than a quick function does. So the leader processes the messages that
it has received, and does I/O in between. When a function keeps it for long, another thread takes over the lead, so that
I/O does not wait for functions. Where functions usually wait, for an API for example, each message gets a thread of its
own at once. Where a function computes, the next messages wait for it: Python computes on one thread at a time, and more
threads would only slow each other down.

Source: the pattern Leader/Followers (Schmidt, Stal, Rohnert, Buschmann: Pattern-Oriented Software Architecture 2).
docs/decisions/0004-leader-followers.md has the reasons and the measurements.
"""

import math
import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Final, Generic, TypeVar

from shipmate.container.threads.clocks import Clocks
from shipmate.container.threads.pace import Pace
from shipmate.container.threads.thread_limit import ThreadLimit

_T = TypeVar("_T")

_BURST_ITEMS: Final = 32
_BURST_SECONDS: Final = 0.002
"""After so many items, or so long, the leader does I/O again, which sends the results of all of them together."""
_FEWEST_THREADS: Final = 2
_QUIET_LOOKS: Final = 20
"""After so many looks without any work the watcher sleeps until the next item comes."""


class _Thread:
    """One of the threads, as the others see it."""

    __slots__ = ("cpu_seconds", "ident", "io_seconds", "wake")

    def __init__(self) -> None:
        """Prepare for its start."""
        self.ident = 0
        self.cpu_seconds = 0.0
        """Its CPU time at the end of its last slow item."""
        self.io_seconds = 0.0
        """Time that it has spent on I/O in the middle of its item."""
        self.wake = threading.Lock()
        """It sleeps by acquiring this lock; a release wakes it."""
        self.wake.acquire()


class Workers(Generic[_T]):
    """Lets one thread at a time do the I/O, and hands items to threads in order; the threads end with the process."""

    def __init__(
        self,
        count: int,
        work: Callable[[_T], None],
        turn: Callable[[bool], bool],
        *,
        wake: Callable[[], None],
        on_failure: Callable[[BaseException], None],
        pace: Pace | None = None,
        clocks: Clocks | None = None,
    ) -> None:
        """Prepare; no thread is started yet.

        Args:
            count: The most items that are processed at once.
            work: Processes one item.
            turn: Does the I/O that is due, and returns whether there will be more; its argument says whether it may
                wait for some.
            wake: Ends such a wait, from any thread.
            on_failure: Called with what a thread raises: the process must end.
            pace: Decides whether items are quick, wait, or compute.
            clocks: Measure the items.
        """
        self._count = count
        self._burst_items = min(max(1, count // 2), _BURST_ITEMS)
        """Half of the items that can be here: the broker can send and confirm the other half meanwhile."""
        self._work = work
        self._turn = turn
        self._wake = wake
        self._on_failure = on_failure
        self._pace = pace or Pace()
        self._limit = ThreadLimit(count)
        self._clocks = clocks or Clocks()
        self._lock = threading.Lock()
        self._items: deque[_T] = deque()
        self._asleep: list[_Thread] = []
        """The threads without work; the last one to fall asleep is woken first."""
        self._thread_count = 0
        self._most_threads = count + 1  # the leader may do nothing but I/O
        self._items_in_work = 0
        self._items_taken = 0
        self._quickest_seconds = math.inf
        """The shortest time of an item since the limit was adapted last, of those that were not quick."""
        self._leader: _Thread | None = None
        self._is_bursting = False
        """True while the leader itself takes the waiting items."""
        self._busy: _Thread | None = None
        """The thread that the watcher observes: the leader while it processes an item, or a former leader that still
        computes."""
        self._busy_changes = 0
        """Incremented whenever `_busy` is set, so that the watcher can tell one item from the next."""
        self._watcher: _Thread | None = None
        self._io_context = Context()
        """For I/O in the middle of an item: its logs must not carry the ids of the item's message."""
        self._is_over = False

    def start(self) -> None:
        """Start the first thread, which does the I/O."""
        with self._lock:
            self._wake_threads(1)

    def submit(self, item: _T) -> None:
        """Have an item processed; called within a turn."""
        with self._lock:
            self._items.append(item)
            if not self._pace.is_quick:
                self._wake_for_items(1)
            self._watch_limit()

    def wait(self, is_done: Callable[[], bool], wait: Callable[[], object]) -> None:
        """Wait, on any thread, for something that I/O brings about.

        The leader does the I/O itself as long as there are no items to process.

        Args:
            is_done: Returns whether it has come about.
            wait: Waits for it without I/O.
        """
        me = self._leader
        if me is not None and self.is_led_here and self._lead_until(me, is_done):
            return
        self.let_lead()
        wait()

    @property
    def is_led_here(self) -> bool:
        """True if the calling thread is the leader."""
        leader = self._leader
        return leader is not None and leader.ident == threading.get_ident()

    def let_lead(self) -> None:
        """Have I/O done at once while the calling thread waits."""
        with self._lock:
            leader = self._leader
            is_free = leader is not None and leader is not self._busy and not self.is_led_here
            if leader is not None and not is_free:
                self._leader = self._busy = None
                self._wake_threads(1)
        if is_free:
            self._wake()

    def _lead_until(self, me: _Thread, is_done: Callable[[], bool]) -> bool:
        """Do I/O in the middle of an item; return False if another thread must lead before it is done."""
        with self._lock:
            if self._leader is not me:
                return False
            self._busy = None
        begun = self._clocks.wall()
        while not self._items and self._io_context.run(self._do_turn, may_wait=True):
            if is_done():
                me.io_seconds += self._clocks.wall() - begun
                with self._lock:
                    self._set_busy(me)
                return True
        return False

    def _do_turn(self, *, may_wait: bool) -> bool:
        """Do I/O; return False if there will be no more, so that no thread leads any more."""
        if self._turn(may_wait):
            return True
        with self._lock:
            self._is_over, self._leader = True, None
        return False

    def _set_busy(self, me: _Thread) -> None:
        """Note, with the lock held, that the leader processes an item and cannot do I/O."""
        self._busy = me
        self._busy_changes += 1

    def _wake_threads(self, count: int) -> None:
        """Wake sleeping threads, or start new ones, with the lock held."""
        for _ in range(count):
            if self._asleep:
                thread = self._asleep.pop()
                if thread is self._watcher:
                    self._watcher = None
                thread.wake.release()
            elif self._thread_count < self._most_threads:
                self._start(_Thread())
            else:
                return

    def _wake_for_items(self, most: int) -> None:
        """Wake a thread for each waiting item, ``most`` at most and within the limit, with the lock held."""
        self._wake_threads(min(most, len(self._items), self._limit.now - self._items_in_work))

    def _start(self, thread: _Thread) -> bool:
        """Start a thread, with the lock held; return False if the system allows no more and the others suffice."""
        try:
            threading.Thread(target=self._run, args=(thread,), name="shipmate-worker", daemon=True).start()
        except RuntimeError:
            if self._thread_count < _FEWEST_THREADS:
                raise
            self._most_threads = self._thread_count
            return False
        self._thread_count += 1
        return True

    def _run(self, me: _Thread) -> None:
        me.ident = threading.get_ident()
        me.cpu_seconds = self._clocks.cpu()
        try:
            self._take_roles(me)
        except BaseException as error:  # the top of the thread; if it ended silently, maybe no thread would lead
            self._on_failure(error)

    def _take_roles(self, me: _Thread) -> None:
        """Lead, process an item, watch or sleep: whatever is needed next."""
        while True:
            item: _T | None = None
            with self._lock:
                leads = self._leader is None and not self._is_over
                takes = not leads and self._has_free_item() and self._busy in (None, me)
                if not takes and self._busy is me:
                    self._busy = None
                if leads:
                    self._leader = me
                    if self._has_free_item() and not self._pace.is_quick:
                        self._wake_for_items(1)  # for the one that this thread would have taken
                elif takes:
                    item = self._take()
                else:
                    self._asleep.append(me)
                    self._watcher = self._watcher or me
                watches = self._watcher is me
                if watches and (leads or takes):
                    self._watcher = None
            if leads:
                self._lead(me)
            elif takes:
                self._follow(me, item)  # type: ignore[arg-type]  # _T may include None
            elif watches:
                self._watch(me)
            else:
                me.wake.acquire()

    def _has_free_item(self) -> bool:
        """Return, with the lock held, whether a thread other than the leader may take an item."""
        return bool(self._items) and not self._is_bursting and self._items_in_work < self._limit.now

    def _take(self) -> _T:
        """Take an item, with the lock held."""
        self._items_taken += 1
        self._items_in_work += 1
        item = self._items.popleft()
        self._watch_limit()
        return item

    def _lead(self, me: _Thread) -> None:
        """Do I/O, and process quick items in between, until another thread leads."""
        while True:
            with self._lock:
                if self._leader is not me:
                    return
                was_bursting, self._is_bursting = self._is_bursting, self._leader_takes()
                if was_bursting and not self._is_bursting and self._busy is None:
                    self._wake_for_items(len(self._items))
                may_wait = not self._is_bursting
            if not self._do_turn(may_wait=may_wait):
                return
            self._burst(me)

    def _leader_takes(self) -> bool:
        """Return, with the lock held, whether the leader should process items itself."""
        return bool(self._items) and self._pace.is_quick and self._busy is None and self._items_in_work < self._count

    def _burst(self, me: _Thread) -> None:
        """Process some items as the leader."""
        until = self._clocks.wall() + _BURST_SECONDS
        for _ in range(self._burst_items):
            with self._lock:
                if not self._leader_takes():
                    return
                self._is_bursting = True
                item = self._take()
                self._set_busy(me)
                if self._watcher is None:
                    self._appoint_watcher()
            self._process(me, item)
            del item  # else a large message would stay in memory until the next one comes
            with self._lock:
                self._items_in_work -= 1
                if self._leader is not me:
                    return
                self._busy = None
            if self._clocks.wall() > until:
                return

    def _follow(self, me: _Thread, item: _T) -> None:
        """Process an item while another thread leads."""
        seconds = self._process(me, item)
        del item
        with self._lock:
            self._items_in_work -= 1
            if self._busy is me and seconds < self._pace.quick_seconds:
                self._busy = None  # the leader takes the items that have waited for this thread

    def _process(self, me: _Thread, item: _T) -> float:
        """Process an item, and return how many seconds that took."""
        begun = self._clocks.wall()
        self._work(item)
        del item
        ended = self._clocks.wall()
        seconds = ended - begun - me.io_seconds
        me.io_seconds = 0.0
        if seconds < self._pace.quick_seconds:
            self._pace.quick_item_ended()
        else:  # to read the CPU time of a thread is a system call: too slow for quick items
            me.cpu_seconds, before = self._clocks.cpu(), me.cpu_seconds
            awake = self._thread_count - len(self._asleep)
            self._pace.slow_item_ended(seconds, cpu_seconds=me.cpu_seconds - before, running_threads=awake)
            if seconds < self._quickest_seconds:
                self._quickest_seconds = seconds
            if self._limit.is_due(ended):
                with self._lock:
                    self._adapt_limit(ended)
        return seconds

    @property
    def _is_limit_reached(self) -> bool:
        """True, with the lock held, if items wait because enough others are in work."""
        return bool(self._items) and self._items_in_work >= self._limit.now

    def _watch_limit(self) -> None:
        """Have a thread watch, with the lock held, if items wait because enough others are in work."""
        if self._watcher is None and self._is_limit_reached:
            self._appoint_watcher()

    def _grow_if_all_wait(self) -> None:
        """Process more items at once, with the lock held, if none of them ends: functions may wait for each other."""
        if self._is_limit_reached and self._quickest_seconds == math.inf:
            grown = self._limit.stalled(
                self._clocks.wall(), cpu_seconds=self._clocks.process(), items=self._items_taken
            )
            if grown:
                self._wake_for_items(grown)

    def _adapt_limit(self, now_seconds: float) -> None:
        """Adapt the limit, with the lock held."""
        if not self._limit.is_due(now_seconds):  # another thread was faster
            return
        quickest_seconds, self._quickest_seconds = self._quickest_seconds, math.inf
        grown = self._limit.measured(
            now_seconds,
            cpu_seconds=self._clocks.process(),
            items=self._items_taken,
            waiting=len(self._items),
            quickest_seconds=quickest_seconds,
        )
        if grown and not self._pace.is_quick:
            self._wake_for_items(grown)

    def _appoint_watcher(self) -> None:
        """Have a sleeping thread watch, with the lock held; if there is none, the next one without work does."""
        if self._asleep:
            self._watcher = self._asleep.pop()
            self._watcher.wake.release()
        elif self._thread_count < self._most_threads:
            thread = _Thread()
            if self._start(thread):
                self._watcher = thread

    def _watch(self, me: _Thread) -> None:
        """Look at intervals whether one item still keeps the busy thread, until this thread gets something to do."""
        items_taken, busy_changes, cpu_seconds, quiet = 0, 0, 0.0, 0
        while not me.wake.acquire(timeout=self._pace.look_seconds):
            with self._lock:
                if self._watcher is not me:  # it has just been woken
                    continue
                if (busy := self._busy) is None:
                    is_quiet = items_taken == self._items_taken and not self._is_limit_reached
                    quiet = quiet + 1 if is_quiet else 0
                    items_taken = self._items_taken
                    if quiet < _QUIET_LOOKS:
                        self._grow_if_all_wait()
                        continue
                    self._watcher = None
                    break
                before, cpu_seconds = cpu_seconds, self._clocks.cpu_of(busy.ident)
                if busy_changes != self._busy_changes:
                    busy_changes = self._busy_changes
                elif self._take_over(me, busy, is_computing=self._pace.is_computing(cpu_seconds - before)):
                    return
        else:
            return
        me.wake.acquire()

    def _take_over(self, me: _Thread, busy: _Thread, *, is_computing: bool) -> bool:
        """Have the work done that a busy thread cannot do, with the lock held; return whether this thread must lead."""
        if not is_computing:
            self._busy = None
            self._pace.item_is_waiting()
        if busy is not self._leader:
            if not is_computing:
                self._wake_for_items(len(self._items))
            return False
        self._leader = self._watcher = None
        self._asleep.remove(me)
        if is_computing:
            self._appoint_watcher()
        return True
