"""Paths below Graph's address, the only address that gets the token."""

from typing import Final
from urllib.parse import quote, urlsplit

from outlook.errors import GraphError

BASE_URL: Final = "https://graph.microsoft.com/v1.0"
# All characters of URLs, and %, so that escaped characters stay unchanged. Without braces: in an answer they are no
# placeholders for members of the token.
_UNTOUCHED: Final = "%:/?#[]@!$&'()*+,;=-._~"


def path_of(*segments: str) -> str:
    """Return the path of some segments; ids may have any characters.

    Raises:
        GraphError: A segment is empty, ``.`` or ``..``: it would lead to another path.

    >>> path_of("me", "messages", "AAMk/AD=")
    '/me/messages/AAMk%2FAD%3D'
    """
    for segment in segments:
        if segment in ("", ".", ".."):
            raise GraphError(f"expected an id that can stand in a URL, found {segment!r}")
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def path_in(link: object) -> str:
    """Return path and query of a link in an answer.

    >>> path_in("https://graph.microsoft.com/v1.0/me/messages/delta?$skiptoken=a")
    '/me/messages/delta?$skiptoken=a'

    Raises:
        GraphError: The link leads to another address, which must not get the token.
    """
    base = urlsplit(BASE_URL)
    try:
        parts = urlsplit(link) if isinstance(link, str) else None
    except ValueError:
        parts = None
    if parts is None or (parts.scheme, parts.netloc.lower()) != (base.scheme, base.netloc):
        raise GraphError(f"the next page: expected a URL at {base.netloc}, found {'another one' if link else 'none'}")
    if not parts.path.startswith(f"{base.path}/"):
        raise GraphError(f"the next page: expected a path below {base.path}, found another one")
    path = parts.path.removeprefix(base.path)
    return f"{path}?{parts.query}" if parts.query else path


def escaped(path: str) -> str:
    """Return a path with all other characters escaped; escaped characters stay unchanged."""
    return quote(path, safe=_UNTOUCHED)


def shown(path: str) -> str:
    """Return a path for error texts: without its query, which may have a delta token."""
    return path.partition("?")[0]
