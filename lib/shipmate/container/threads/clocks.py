"""The clocks by which `Workers` measures items."""

import time
from collections.abc import Callable
from dataclasses import dataclass


def cpu_seconds_of(ident: int) -> float:
    """Return the CPU time of a thread so far, or 0.0 on a system without such clocks.

    Args:
        ident: The thread, as `threading.get_ident` returns it.
    """
    try:
        return time.clock_gettime(time.pthread_getcpuclockid(ident))
    except (AttributeError, OSError):
        return 0.0


@dataclass(frozen=True, slots=True)
class Clocks:
    """Functions that return seconds."""

    wall: Callable[[], float] = time.perf_counter
    cpu: Callable[[], float] = time.thread_time
    """CPU time of the calling thread."""
    cpu_of: Callable[[int], float] = cpu_seconds_of
    """CPU time of any thread."""
    process: Callable[[], float] = time.process_time
    """CPU time of the process."""
