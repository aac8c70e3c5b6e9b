"""The threads of a process that takes messages: one of them leads, which means that it does the I/O.

To hand every message to another thread costs more than a quick function does. So the leader processes what it has
received itself, and does I/O now and then. When a function keeps it for longer, another thread leads on: I/O does not
wait for functions. Where functions usually wait for something, an API, each message gets a thread at once. Where one
computes, the next messages wait for it: threads that all compute only keep each other from it.

Source: the pattern Leader/Followers (Schmidt, Stal, Rohnert, Buschmann: Pattern-Oriented Software Architecture 2).
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")

_QUICK_SECONDS: Final = 0.0003
_NEWEST_SHARE: Final = 0.2
"""How much the last item counts in what items usually wait."""
_LONGEST_SECONDS: Final = 0.0014
"""No single item counts for more, or decides alone: a thread may have to wait for a processor, too."""
_BURST_ITEMS: Final = 32
_BURST_SECONDS: Final = 0.002
"""After so many items, or so long, the leader does I/O again; what it has made goes out together."""
_LOOK_SECONDS: Final = 0.003
_COMPUTING_SECONDS: Final = 0.0005
"""Who uses a processor for as long between two looks computes; who waits does not use any."""
_FEWEST_THREADS: Final = 2
_QUIET_LOOKS: Final = 20
"""After so many looks that found nothing to do, nobody looks any more until there is an item again."""


class _Thread:
    """One of the threads, as the others see it."""

    __slots__ = ("cpu_seconds", "helped_seconds", "ident", "wake")

    def __init__(self) -> None:
        """Prepare for its start."""
        self.ident = 0
        self.cpu_seconds = 0.0
        """What it had used of a processor when its last item that was not quick ended."""
        self.helped_seconds = 0.0
        """How long it has done I/O in the middle of its item."""
        self.wake = threading.Lock()
        """What it waits for when it sleeps."""
        self.wake.acquire()

    def used_seconds(self) -> float:
        """Return, on any thread, how much it has used of a processor so far."""
        try:
            return time.clock_gettime(time.pthread_getcpuclockid(self.ident))
        except (AttributeError, OSError):  # a system without such clocks
            return 0.0


class Workers(Generic[_T]):
    """Lets one thread at a time do the I/O, and hands items to threads in order; they end with the process."""

    def __init__(
        self,
        count: int,
        work: Callable[[_T], None],
        turn: Callable[[bool], bool],
        *,
        wake: Callable[[], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        """Start nothing yet.

        Args:
            count: The most items that are in work at once.
            work: Processes one item.
            turn: Does what I/O there is to do, and tells whether there will be more; may wait for it if it is told so.
            wake: Ends such a wait.
            on_failure: Told of what any of them raises: the process must end.
        """
        self._count = count
        self._burst_items = min(max(1, count // 2), _BURST_ITEMS)
        """Half of what there can be: the broker has something to do with the other half meanwhile."""
        self._work = work
        self._turn = turn
        self._wake = wake
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self._items: deque[_T] = deque()
        self._asleep: list[_Thread] = []
        """The threads without work; the last one to fall asleep is woken first."""
        self._threads = 0
        self._most_threads = count + 1  # the leader need not be in work
        self._working = 0
        self._taken = 0
        self._leader: _Thread | None = None
        self._is_bursting = False
        """Whether the leader is going to take the items that there are."""
        self._kept: _Thread | None = None
        """Who has to be watched: the leader while it processes an item, or one that led and is still computing."""
        self._kept_by = 0
        """What keeps it, as a number."""
        self._watcher: _Thread | None = None
        self._usual_seconds = 0.0
        """How long items usually wait for something."""
        self._bare = Context()
        """For I/O in the middle of an item, so that nothing of it is logged as that of the item's message."""
        self._is_over = False

    def start(self) -> None:
        """Begin with the I/O."""
        with self._lock:
            self._rouse(1)

    def submit(self, item: _T) -> None:
        """Have an item processed; called within a turn."""
        with self._lock:
            self._items.append(item)
            if not self._is_quick:
                self._rouse(1)

    def wait(self, is_done: Callable[[], bool], wait: Callable[[], object]) -> None:
        """Return when something is done that I/O brings about; on any thread.

        A leader does the I/O itself as long as there is nothing else that it should do.

        Args:
            is_done: Tells whether it is.
            wait: Waits for that without I/O.
        """
        me = self._leader
        if me is not None and self.is_led_here and self._lead_until(me, is_done):
            return
        self.let_lead()
        wait()

    @property
    def is_led_here(self) -> bool:
        """Whether the calling thread leads."""
        leader = self._leader
        return leader is not None and leader.ident == threading.get_ident()

    def let_lead(self) -> None:
        """See to it that I/O goes on at once while the calling thread waits."""
        with self._lock:
            leader = self._leader
            is_free = leader is not None and leader is not self._kept and not self.is_led_here
            if leader is not None and not is_free:
                self._leader = self._kept = None
                self._rouse(1)
        if is_free:
            self._wake()

    def _lead_until(self, me: _Thread, is_done: Callable[[], bool]) -> bool:
        """Do I/O in the middle of an item until something is done; tell whether that is so."""
        with self._lock:
            if self._leader is not me:
                return False
            self._kept = None
        begun = time.perf_counter()
        while not self._items and self._bare.run(self._has_turn, may_wait=True):
            if is_done():
                me.helped_seconds += time.perf_counter() - begun
                with self._lock:
                    self._keep(me)
                return True
        return False

    def _has_turn(self, *, may_wait: bool) -> bool:
        """Do I/O, and tell whether there will be more; if not, nobody leads any more."""
        if self._turn(may_wait):
            return True
        with self._lock:
            self._is_over, self._leader = True, None
        return False

    def _keep(self, me: _Thread) -> None:
        """Note, with the lock held, that the leader cannot do any I/O."""
        self._kept = me
        self._kept_by += 1

    @property
    def _is_quick(self) -> bool:
        return self._usual_seconds < _QUICK_SECONDS

    def _rouse(self, count: int) -> None:
        """Wake idle threads, or start new ones, with the lock held."""
        for _ in range(count):
            if self._asleep:
                thread = self._asleep.pop()
                if thread is self._watcher:
                    self._watcher = None
                thread.wake.release()
            elif self._threads < self._most_threads:
                self._start(_Thread())
            else:
                return

    def _start(self, thread: _Thread) -> bool:
        """Start a thread, with the lock held; where the system allows no more, the others do its work."""
        try:
            threading.Thread(target=self._run, args=(thread,), name="shipmate-worker", daemon=True).start()
        except RuntimeError:
            if self._threads < _FEWEST_THREADS:
                raise
            self._most_threads = self._threads
            return False
        self._threads += 1
        return True

    def _run(self, me: _Thread) -> None:
        me.ident = threading.get_ident()
        me.cpu_seconds = time.thread_time()
        try:
            self._take_part(me)
        except BaseException as error:  # the top of the thread, without which nobody might lead
            self._on_failure(error)

    def _take_part(self, me: _Thread) -> None:
        """Lead, work, watch or sleep, whatever is to be done."""
        while True:
            item: _T | None = None
            with self._lock:
                leads = self._leader is None and not self._is_over
                takes = not leads and bool(self._items) and not self._is_bursting and self._kept in (None, me)
                if not takes and self._kept is me:
                    self._kept = None
                if leads:
                    self._leader = me
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
                self._follow(me, item)  # type: ignore[arg-type]  # an item may well be None
            elif watches:
                self._watch(me)
            else:
                me.wake.acquire()

    def _take(self) -> _T:
        """Take an item, with the lock held."""
        self._taken += 1
        self._working += 1
        return self._items.popleft()

    def _lead(self, me: _Thread) -> None:
        """Do I/O, and quick items in between, until another thread leads."""
        while True:
            with self._lock:
                if self._leader is not me:
                    return
                was_bursting, self._is_bursting = self._is_bursting, self._leader_takes()
                if was_bursting and not self._is_bursting and self._kept is None:
                    self._rouse(len(self._items))
                may_wait = not self._is_bursting
            if not self._has_turn(may_wait=may_wait):
                return
            self._burst(me)

    def _leader_takes(self) -> bool:
        """Tell, with the lock held, whether the leader is to process items itself."""
        return bool(self._items) and self._is_quick and self._kept is None and self._working < self._count

    def _burst(self, me: _Thread) -> None:
        """Process some items as the leader."""
        until = time.perf_counter() + _BURST_SECONDS
        for _ in range(self._burst_items):
            with self._lock:
                if not self._leader_takes():
                    return
                self._is_bursting = True
                item = self._take()
                self._keep(me)
                if self._watcher is None:
                    self._call_watcher()
            self._process(me, item)
            del item  # a large message must not live until the next one comes
            with self._lock:
                self._working -= 1
                if self._leader is not me:
                    return
                self._kept = None
            if time.perf_counter() > until:
                return

    def _follow(self, me: _Thread, item: _T) -> None:
        """Process an item while another thread leads."""
        seconds = self._process(me, item)
        del item
        with self._lock:
            self._working -= 1
            if self._kept is me and seconds < _QUICK_SECONDS:
                self._kept = None  # the leader takes what has waited for this thread

    def _process(self, me: _Thread, item: _T) -> float:
        """Process an item, and return how many seconds that took."""
        begun = time.perf_counter()
        self._work(item)
        del item
        seconds, waited = time.perf_counter() - begun - me.helped_seconds, 0.0
        me.helped_seconds = 0.0
        if seconds >= _QUICK_SECONDS:
            # What is left when every thread that is awake has computed for as long. The quick items since the last
            # look are among that: this thread has not been looked at for each of them.
            me.cpu_seconds, before = time.thread_time(), me.cpu_seconds
            rivals = self._threads - len(self._asleep)
            waited = min(max(0.0, seconds - rivals * (me.cpu_seconds - before)), _LONGEST_SECONDS)
        self._usual_seconds += _NEWEST_SHARE * (waited - self._usual_seconds)
        return seconds

    def _call_watcher(self) -> None:
        """Have an idle thread watch, with the lock held; if there is none, the next one that becomes idle will."""
        if self._asleep:
            self._watcher = self._asleep.pop()
            self._watcher.wake.release()
        elif self._threads < self._most_threads:
            thread = _Thread()
            if self._start(thread):
                self._watcher = thread

    def _watch(self, me: _Thread) -> None:
        """Look from time to time whether an item keeps a thread, until there is something else to do for this one."""
        taken, kept_by, used, quiet = 0, 0, 0.0, 0
        while not me.wake.acquire(timeout=_LOOK_SECONDS):
            with self._lock:
                if self._watcher is not me:  # it has just been woken
                    continue
                if (kept := self._kept) is None:
                    quiet = quiet + 1 if taken == self._taken else 0
                    taken = self._taken
                    if quiet < _QUIET_LOOKS:
                        continue
                    self._watcher = None
                    break
                used_before, used = used, kept.used_seconds()
                if kept_by != self._kept_by:
                    kept_by = self._kept_by
                elif self._relieve(me, kept, is_computing=used - used_before > _COMPUTING_SECONDS):
                    return
        else:
            return
        me.wake.acquire()

    def _relieve(self, me: _Thread, kept: _Thread, *, is_computing: bool) -> bool:
        """Do what a kept thread cannot do, with the lock held; tell whether this one is needed for that."""
        if not is_computing:
            self._kept = None
            self._usual_seconds = _LONGEST_SECONDS
        if kept is not self._leader:
            if not is_computing:
                self._rouse(len(self._items))
            return False
        self._leader = self._watcher = None
        self._asleep.remove(me)
        if is_computing:
            self._call_watcher()
        return True
