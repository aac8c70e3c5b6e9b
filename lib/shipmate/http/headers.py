"""The rules for names and values of HTTP headers, and the value of Retry-After.

Source: RFC 9110 §5.1, §5.5, §7.6.1, §10.2.3.
"""

import re
from collections.abc import Mapping
from typing import Final

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"(?:[!-~\x80-\xff][\t -~\x80-\xff]*)?")

HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"}
    | {"trailers", "transfer-encoding", "upgrade"}
)
"""Names, in lower case, of headers for the next machine only; ``Connection: authorization`` even removes others."""


class WrongHeader(ValueError):
    """A name or a value cannot be in a header; the text quotes the name and never the value."""


def is_name(text: str) -> bool:
    """Tell whether a text is the name of a header.

    >>> [is_name(text) for text in ("X-Request-Id", "X Id", "", "Größe")]
    [True, False, False, False]
    """
    return _NAME.fullmatch(text) is not None


def is_value(text: str) -> bool:
    """Tell whether a text is the value of a header: no control characters but tabs, and no blank at its start.

    >>> [is_value(text) for text in ("text/csv", "", "a\\tb", " a", "a\\n", "a\\x00", "\\x7f", "€")]
    [True, True, True, False, False, False, False, False]
    """
    return _VALUE.fullmatch(text) is not None


def check(headers: Mapping[str, str | bytes | None]) -> None:
    """Raise an error for headers that cannot be sent; None as a value removes a header.

    Raises:
        WrongHeader: A name or a value is invalid.
    """
    for name, value in headers.items():
        text = _text(name)
        if not is_name(text):
            raise WrongHeader(f"header {text!r}: expected a name of letters, digits and -, found other characters")
        if value is not None and not is_value(_text(value)):
            raise WrongHeader(
                f"header {text}: expected a value without control characters, characters beyond Latin-1 and a blank "
                "at its start, found one of them"
            )


def retry_after_seconds(value: str | None, wall_clock: float) -> float | None:
    """Return the seconds that a Retry-After header asks to wait, None for a missing or malformed header.

    Args:
        value: The header: seconds, or a date.
        wall_clock: Epoch seconds.

    Source: RFC 9110 §10.2.3.
    """
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - wall_clock)


def _text(value: object) -> str:
    # Names and values may be bytes in requests.
    return value.decode("latin-1") if isinstance(value, bytes) else value if isinstance(value, str) else "\x00"
