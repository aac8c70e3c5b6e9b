"""URLs that receive secrets: their origins, and the values that are filled into them.

A URL is read with the parser of urllib3, because that one decides where requests sends it; other parsers find another
host in texts such as ``http://a\\@b/``.

Source: RFC 3986 §3; RFC 6750 §5.3.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlsplit

Origin = tuple[str, str, int]
"""Scheme, host and port: ``("https", "api.example", 443)``."""

MEMBER: Final = re.compile(r"\{([A-Za-z_]\w*)\}")
"""A member of the account in the URL of a request."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_NAME: Final = re.compile(r"[a-z0-9_][a-z0-9_.-]*")
_NEVER: Final = re.compile(r"[\x00-\x20\x7f-\xa0\\\ud800-\udfff]")
"""Characters that no URL has, and that parsers read in different ways."""
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_END_OF_AUTHORITY: Final = re.compile(r"[/?#\\]")
_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_ONE_LABEL: Final = re.compile(_LABEL)
_LABELS: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_HOST: Final = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_HOST_PATTERN: Final = re.compile(
    rf"(?:(?P<scheme>https?)://)?(?:(?P<wildcard>\*\.)(?={_LABEL}\.))?"
    rf"(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{{1,5}}))?/?",
    re.IGNORECASE,
)
_DOT_SEGMENTS: Final = frozenset({".", ".."})


class WrongUrl(ValueError):
    """A URL would lead elsewhere than its template or its base; the text quotes no value that was filled in."""


@lru_cache(maxsize=256)
def origin(url: str) -> Origin | None:
    """Return the origin that requests sends a URL to, None if it has no clear one.

    >>> origin("https://API.example/a"), origin("http://a.example\\\\@127.0.0.1/"), origin("/a")
    (('https', 'api.example', 443), ('http', 'a.example', 80), None)
    """
    from urllib3.util import parse_url

    try:
        parts = parse_url(url.lstrip())  # as requests does
    except ValueError:
        return None
    host, port = (parts.host or "").lower(), _DEFAULT_PORTS.get(parts.scheme or "")
    is_clear = _NAME.fullmatch(host) is not None or (host.startswith("[") and host.endswith("]"))
    if not is_clear or port is None:
        return None
    return parts.scheme or "", host.strip("[]"), port if parts.port is None else parts.port


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Tell whether a host name is this machine's own.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "127.0.0.1.example.com")]
    [True, True, True, False]
    """
    import ipaddress

    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_private_origin(place: Origin) -> bool:
    """Tell whether a connection to an origin is private: over TLS, or on this machine."""
    scheme, host, _ = place
    return scheme == "https" or is_loopback(host)


def is_private(url: str) -> bool:
    """Tell whether a connection to a URL is private: over TLS, or on this machine; False for an unclear URL.

    >>> [is_private(url) for url in ("https://a.example", "http://[::1]:80/", "http://a.example\\\\@127.0.0.1/")]
    [True, True, False]
    """
    place = origin(url)
    return place is not None and is_private_origin(place) and _NEVER.search(url) is None


@dataclass(frozen=True, slots=True)
class HostPattern:
    """Origins that an author allows: ``api.example.com``, ``*.example.com``, ``https://api.example.com:8443``."""

    scheme: str | None
    """None for http and https."""
    host: str
    """The name, or its end with the dot before it: ``.example.com``."""
    port: int | None
    """None for the default port of the scheme."""

    @classmethod
    def parse(cls, text: str) -> "HostPattern | None":
        """Return the pattern in a text, None if it is none."""
        match = _HOST_PATTERN.fullmatch(text)
        if match is None:
            return None
        host = match["host"].lower().strip("[]")
        scheme = match["scheme"].lower() if match["scheme"] else None
        port = int(match["port"]) if match["port"] else None
        return cls(scheme, f".{host}" if match["wildcard"] else host, port)

    def matches(self, place: Origin) -> bool:
        """Tell whether the pattern has an origin.

        >>> pattern = HostPattern(None, ".a.example", None)
        >>> [pattern.matches(("https", host, 443)) for host in ("x.a.example", "a.example")]
        [True, False]
        """
        scheme, host, port = place
        is_host = host.endswith(self.host) if self.host.startswith(".") else host == self.host
        is_port = port == (self.port or _DEFAULT_PORTS[scheme])
        return is_host and is_port and self.scheme in (None, scheme)


def shown(url: str) -> str:
    """Return a URL for messages: without user, password, query and fragment, which may hold secrets.

    >>> shown("https://user:pass@api.example/contacts?key=1")
    'https://api.example/contacts'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    start = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""
    return start + parts.path


def segment(value: str | int) -> str:
    """Return an id as one percent-encoded segment of a path.

    >>> segment("a/b c"), segment(7)
    ('a%2Fb%20c', '7')

    Raises:
        WrongUrl: The id would change the path: it is empty, ``.`` or ``..``; or it is neither a text nor a number.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise WrongUrl(f"expected an id, found {'none' if value is None else type(value).__name__}")
    if not value or value in _DOT_SEGMENTS:
        raise WrongUrl(f"expected an id, found {value!r}")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise WrongUrl("expected an id, found a text that is not Unicode") from None


def fill(template: str, placeholder: re.Pattern[str], value_of: Callable[[str], str]) -> str:
    """Return a URL with its placeholders filled; no value can change the template's scheme or authority.

    A value in the authority must be a host label; labels with dots are allowed if the template goes on with a dot, and
    host and port if the placeholder is the whole authority. A placeholder at the start is a URL with scheme and
    authority of its own, which the rest of the template cannot change.

    Args:
        template: The URL: ``"https://{{subdomain}}.api.example/token"``.
        placeholder: The pattern of a placeholder; its first group is the name.
        value_of: Returns the value for a name.

    Raises:
        WrongUrl: A value cannot stand in its place.

    >>> fill("https://{a}.api.example/{b}", re.compile(r"\\{(\\w+)\\}"), {"a": "eu", "b": "v1"}.__getitem__)
    'https://eu.api.example/v1'
    """
    matches = list(placeholder.finditer(template))
    if not matches:
        return template
    filling = _Filling()
    end = 0
    for match in matches:
        filling.add_text(template[end : match.start()])
        end = match.end()
        filling.add_value(match[0], value_of(match[1]), rest=template[end : end + 3])
    filling.add_text(template[end:])
    return filling.finished()


class _Filling:
    """A URL that is filled from left to right."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        # The part that the next piece continues: start, base, scheme, authority, path or query; nowhere in a URL that
        # lacks scheme and host.
        self._part = "start"
        self._authority = ""
        self._base = ""
        self._has_value_in_path = False

    def add_text(self, text: str) -> None:
        """Add a part of the template."""
        if not text:
            return
        self._pieces.append(text)
        if self._part == "base":
            if text[0] not in "/?#":
                raise WrongUrl("expected a / after the placeholder of a whole URL, found other text")
            self._part = "path"
        if self._part == "start":
            scheme = _SCHEME.match(text)
            if scheme is None:
                self._part = "nowhere"
            else:
                self._part, text = "authority", text[scheme.end() :]
                self._authority = scheme[0]
        elif self._part == "scheme":
            self._part, text = "authority", text[len("://") :]
            self._authority += "://"
        if self._part == "authority":
            end = _END_OF_AUTHORITY.search(text)
            self._authority += text if end is None else text[: end.start()]
            if end is not None:
                self._part, text = "path", text[end.start() :]
        if self._part == "path" and "?" in text:
            self._part = "query"

    def add_value(self, name: str, value: str, *, rest: str) -> None:
        """Add a value.

        Args:
            name: The placeholder, for messages.
            value: The value.
            rest: The next three characters of the template, fewer at its end.
        """
        if not value or _NEVER.search(value):
            raise WrongUrl(f"{name}: expected a part of a URL, found {'other characters' if value else 'nothing'}")
        self._pieces.append(value)
        if self._part == "start":
            self._start(name, value, rest)
        elif self._part in ("authority", "base"):
            self._extend_authority(name, value, rest[:1])
        elif self._part == "nowhere":
            raise WrongUrl(f"{name}: expected scheme and host before it, found neither")
        else:
            if "#" in value or ("?" in value and self._part == "path" and rest):
                raise WrongUrl(f"{name}: expected a part of a path, found a text with ? or #")
            self._has_value_in_path |= self._part == "path"

    def _start(self, name: str, value: str, rest: str) -> None:
        if rest == "://":
            if value not in _DEFAULT_PORTS:
                raise WrongUrl(f"{name}: expected http or https, found another text")
            self._part, self._authority = "scheme", value
            return
        if origin(value) is None or (rest and ("?" in value or "#" in value)):
            raise WrongUrl(f"{name}: expected a URL with scheme and host, found another text")
        self._part, self._base = "base", value

    def _extend_authority(self, name: str, value: str, following: str) -> None:
        if self._part == "base":
            raise WrongUrl(f"{name}: expected a / before it, found the placeholder of a whole URL")
        is_last = following in ("", "/", "?", "#")
        if self._authority.endswith("://") and is_last:
            expected, pattern = "a host, or host and port", _HOST
        elif self._authority.endswith("://") and following == ":":
            expected, pattern = "a host", _LABELS
        elif self._authority.endswith(":") and is_last:
            expected, pattern = "a port", _PORT
        elif following == ".":
            expected, pattern = "a host label", _LABELS
        else:
            expected, pattern = "a host label", _ONE_LABEL
        if not pattern.fullmatch(value):
            raise WrongUrl(f"{name}: expected {expected}, found a text with other characters")
        self._authority += value

    def finished(self) -> str:
        """Return the URL."""
        url = "".join(self._pieces)
        if self._has_value_in_path and _has_dot_segment(url):
            raise WrongUrl("expected names in the path, found . or ..")
        start = self._base or self._authority
        if start and origin(url) != origin(start):
            raise WrongUrl("expected the scheme and the host of the template, found others")
        return url


def _has_dot_segment(url: str) -> bool:
    path = re.split(r"[?#]", url, maxsplit=1)[0]
    return not _DOT_SEGMENTS.isdisjoint(re.sub("%2e", ".", path, flags=re.IGNORECASE).split("/"))
