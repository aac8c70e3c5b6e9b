"""The requests session below ours: it lets the token travel to the API's own hosts only."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# What may accompany a redirect to a host that is not the API's: nothing that could be a secret.
_HARMLESS_HEADERS: Final = frozenset(
    {"accept", "accept-encoding", "accept-language", "connection", "content-length", "content-type", "range"}
    | {"transfer-encoding", "user-agent", "if-match", "if-none-match", "if-modified-since"}
    # rebuilt by requests for each hop, for the proxy's eyes only
    | {"proxy-authorization"}
)

Origin = tuple[str, str, int]


def origin(url: str) -> Origin | None:
    """Return scheme, host and port of a URL, None when it has none.

    >>> origin("https://API.example/a")
    ('https', 'api.example', 443)
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.hostname or port is None:
        return None
    return parts.scheme, parts.hostname.lower(), port


class TokenAuth(AuthBase):
    """Puts the access token into its header; remembers where it may go."""

    def __init__(self, header: str, value: str, allowed: frozenset[Origin]) -> None:
        """Hold the header's name, its filled value, and the origins that may see it."""
        self.header = header
        self.value = value
        self._allowed = allowed

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the header."""
        request.headers[self.header] = self.value
        return request

    def may_follow(self, old_url: str, new_url: str) -> bool:
        """Tell whether the token may go along with a redirect; never from https to http."""
        old, new = origin(old_url), origin(new_url)
        if old is None or new is None or (old[0] == "https" and new[0] != "https"):
            return False
        is_upgrade = (old[0], old[2], new[0], new[2]) == ("http", 80, "https", 443) and old[1] == new[1]
        return new in self._allowed or (is_upgrade and old in self._allowed)

    def was_sent(self, response: requests.Response) -> bool:
        """Tell whether the request that got this answer carried the token."""
        return response.request.headers.get(self.header) == self.value


class ApiTransport(requests.Session):
    """A requests session that strips what could be a secret from redirects to foreign hosts."""

    def __init__(self, adapter: requests.adapters.HTTPAdapter) -> None:
        """Share the connections of ``adapter``; cookies and everything else are this session's own."""
        super().__init__()
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        self.token_auth: TokenAuth | None = None

    def rebuild_auth(self, prepared_request: Any, response: Any) -> None:
        """Decide which headers go along with a redirect; called by requests for each one."""
        if self.token_auth is not None and self.token_auth.may_follow(response.request.url, prepared_request.url):
            return
        headers = prepared_request.headers
        for name in list(headers):
            if name.lower() not in _HARMLESS_HEADERS:
                del headers[name]


def fill_url(url: str, members: Mapping[str, Any]) -> str:
    """Return the URL with each ``{name}`` filled from the token's members.

    Raises:
        KeyError: There is no such member; its only argument is the name.
    """
    return re.sub(r"\{([A-Za-z_]\w*)\}", lambda match: str(members[match[1]]), url)
