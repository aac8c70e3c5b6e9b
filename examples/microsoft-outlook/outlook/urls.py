"""Paths below Graph's address, the only address that gets the token."""

from typing import Final
from urllib.parse import quote, urlsplit

from shipmate import ApiError
from shipmate.urls import segment, shown

__all__ = ["BASE_URL", "escaped", "path_in", "path_of", "shown"]

BASE_URL: Final = "https://graph.microsoft.com/v1.0"
# All characters of URLs, and %, so that escaped characters stay unchanged. Without braces: in an answer they are no
# placeholders for members of the token.
_UNTOUCHED: Final = "%:/?#[]@!$&'()*+,;=-._~"


def path_of(*segments: str) -> str:
    """Return the path of some segments; ids may have any characters.

    Raises:
        ValueError: A segment is empty, ``.`` or ``..``: it would lead to another path.

    >>> path_of("me", "messages", "AAMk/AD=")
    '/me/messages/AAMk%2FAD%3D'
    """
    return "".join(f"/{segment(each)}" for each in segments)


def path_in(link: object) -> str:
    """Return path and query of a link in an answer.

    >>> path_in("https://graph.microsoft.com/v1.0/me/messages/delta?$skiptoken=a")
    '/me/messages/delta?$skiptoken=a'

    Raises:
        ApiError: The link leads to another address, which must not get the token.
    """
    base = urlsplit(BASE_URL)
    try:
        parts = urlsplit(link) if isinstance(link, str) else None
    except ValueError:
        parts = None
    if parts is None or (parts.scheme, parts.netloc.lower()) != (base.scheme, base.netloc):
        raise ApiError(f"the next page: expected a URL at {base.netloc}, found {'another one' if link else 'none'}")
    if not parts.path.startswith(f"{base.path}/"):
        raise ApiError(f"the next page: expected a path below {base.path}, found another one")
    path = parts.path.removeprefix(base.path)
    return f"{path}?{parts.query}" if parts.query else path


def escaped(path: str) -> str:
    """Return a path with all other characters escaped; escaped characters stay unchanged."""
    return quote(path, safe=_UNTOUCHED)
