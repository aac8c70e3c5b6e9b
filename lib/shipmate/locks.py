"""Locks files between processes."""

import fcntl


class Locked(Exception):
    """Another process holds the lock of a file."""


def lock(descriptor: int, *, waits: bool = False) -> bool:
    """Lock an open file until it is closed; return False on a file system without locks, as some networks have it.

    Args:
        descriptor: The file.
        waits: Whether to wait for another process that holds the lock.

    Raises:
        Locked: Another process holds the lock.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
    except BlockingIOError:
        raise Locked from None
    except OSError:
        return False
    return True
