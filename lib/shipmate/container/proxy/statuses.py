"""The meaning of the proxy's answers. Pure; no I/O.

Source: proxy §8.1, §17 (Q5).
"""

from typing import Final

# Request Timeout, Too Early, Too Many Requests.
_TEMPORARY: Final = frozenset({408, 425, 429})


def is_accepted(status: int) -> bool:
    """Tell whether the proxy has accepted a request.

    >>> [is_accepted(status) for status in (0, 200, 204, 301, 409)]
    [False, True, True, False, False]
    """
    return 200 <= status < 300


def is_temporary(status: int) -> bool:
    """Tell whether the same request may succeed later; 0 stands for no answer.

    >>> [is_temporary(status) for status in (0, 400, 408, 425, 429, 500, 503)]
    [True, False, True, True, True, True, True]
    """
    return not status or status in _TEMPORARY or status >= 500
