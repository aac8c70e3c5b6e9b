"""Builds the URLs of requests: always on the origin of the base URL, because each request has the token."""

import re
from typing import Any, Final
from urllib.parse import quote, urldefrag, urljoin, urlsplit

# Scheme and host, or a member of the token with both, like {instance_url}; then an optional path.
_BASE_URL: Final = re.compile(r"(?P<host>https?://[^/?#@\\\s]+|\{\w+\})(?P<path>/[^?#\s]*)?", re.IGNORECASE)
_ABSOLUTE: Final = re.compile(r"([a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# All characters of URLs, and %, so that escaped characters stay unchanged. Without braces: in a message or a response
# they are no placeholders for members of the token.
_UNTOUCHED: Final = "%:/?#[]@!$&'()*+,;=-._~"


class WrongUrl(ValueError):
    """The text is no URL, or the token must not be sent to it."""


def resolve(cfg: dict[str, Any], target: str) -> str:
    """Return the URL for a path below the base URL, or for an absolute URL on the same origin.

    The target comes from a message; the token must not go to another host.

    >>> resolve({"base_url": "https://api.example/v2"}, "/contacts?page=2")
    'https://api.example/v2/contacts?page=2'
    """
    host, path = _base(cfg)
    target = urldefrag(target.strip()).url
    if not _ABSOLUTE.match(target):
        return f"{host}{path}/{_escaped(target.lstrip('/'))}" if target.strip("/") else host + path
    token = cfg.get("oauth")
    members = token if isinstance(token, dict) else {}
    own = re.sub(r"\{(\w+)\}", lambda match: str(members.get(match[1], match[0])), host)
    target = urljoin(own, target)
    if _origin(target) != _origin(own):
        raise WrongUrl(f"url: expected a path, or a URL on {_origin(own)}, found one on {_origin(target)}")
    return host + _escaped(_path(target))


def hosts(cfg: dict[str, Any]) -> list[str]:
    """Return the only origin that may receive the token, for the option ``hosts`` of the session.

    >>> hosts({"base_url": "https://api.example/v2"}), hosts({"base_url": "{instance_url}/v2"})
    (['https://api.example'], ['{instance_url}'])
    """
    return [_base(cfg)[0]]


def on_host(cfg: dict[str, Any], path: str) -> str:
    """Return the URL for an absolute path, as `following` returns it.

    >>> on_host({"base_url": "https://api.example/v2"}, "/v2/contacts?page=2")
    'https://api.example/v2/contacts?page=2'
    """
    if not path.startswith("/"):
        # In a snapshot that somebody has changed: behind the host it would be a part of the host.
        raise WrongUrl("the position in the snapshot: expected a path that begins with /, found another text")
    return _base(cfg)[0] + _escaped(path)


def following(url: str, link: str) -> str:
    """Return path and query of a link in the response of a URL; the link may be relative.

    >>> following("https://api.example/v2/contacts", "?page=2")
    '/v2/contacts?page=2'
    """
    target = urljoin(url, link.strip())
    # An API behind a proxy may write http:// into its links. That is harmless, since only the path is used.
    same = re.sub(r"^http://", "https://", target) if url.startswith("https://") else target
    if _origin(same) != _origin(url):
        raise WrongUrl(f"the next page: expected a path, or a URL on {_origin(url)}, found one on {_origin(target)}")
    return _path(target)


def shown(url: str) -> str:
    """Return a URL for error texts: without user, password and query, which may hold secrets.

    >>> shown("https://user:pass@api.example/contacts?key=1")
    'https://api.example/contacts'
    """
    return _origin(url) + urlsplit(url).path


def _base(cfg: dict[str, Any]) -> tuple[str, str]:
    match = _BASE_URL.fullmatch(str(cfg.get("base_url") or "").strip())
    if match is None:
        raise WrongUrl("base_url in the credentials: expected a URL such as https://api.example.com/v1")
    return match["host"], (match["path"] or "").rstrip("/")


def _escaped(target: str) -> str:
    return quote(target, safe=_UNTOUCHED)


def _path(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _origin(url: str) -> str:
    """Return scheme, host and port in one spelling."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "an address that cannot be read"
    is_default = port in (None, _DEFAULT_PORTS.get(parts.scheme))
    return f"{parts.scheme}://{parts.hostname or ''}{'' if is_default else f':{port}'}"
