"""Decides whether an API's answer means that the access token has expired. Pure; no I/O.

Source: RFC 6750 §3.1.
"""

import re
from collections.abc import Callable
from typing import Final

_FORBIDDEN: Final = 403
_AMBIGUOUS_STATUSES: Final = frozenset({400, 403, 404})
_CHALLENGE_PARAMETER: Final = re.compile(
    r'(?<![\w-])([A-Za-z][\w-]*+)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)|([^\s,"]++))'
)


def asks_for_refresh(
    status: int,
    www_authenticate: str | None,
    *,
    is_expired: Callable[[], bool] | None,
    is_past: bool,
    is_age_unknown: bool = False,
) -> bool:
    """Tell whether an API's answer means that the access token has expired.

    401 does. 400, 403 and 404 do if the known expiry is past, unless the author's predicate decides. With a token of
    unknown age only 403 does, because 400 and 404 are about the request as a rule. A valid token that lacks a scope is
    not refreshed: that would not help.

    Args:
        status: The HTTP status.
        www_authenticate: The header of this name. Source: RFC 6750 §3.1.
        is_expired: The author's predicate, bound to the response.
        is_past: Whether the known expiry of the token is past.
        is_age_unknown: Whether the token may have expired, because only its life is known.
    """
    if www_authenticate and _challenge_error(www_authenticate) == "insufficient_scope":
        return False
    if status == 401:
        return True
    if is_expired is not None:
        return bool(is_expired())
    return (status in _AMBIGUOUS_STATUSES and is_past) or (status == _FORBIDDEN and is_age_unknown)


def _challenge_error(www_authenticate: str) -> str | None:
    for name, quoted, plain in _CHALLENGE_PARAMETER.findall(www_authenticate):
        if name.lower() == "error":
            return str(quoted or plain).lower()
    return None
