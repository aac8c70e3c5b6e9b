"""The requests session below an OAuth2 session: it sends the token to the API's own origins only."""

from typing import Any, Final

import requests
from requests.auth import AuthBase

from shipmate.urls import Origin, origin

# Headers that a redirect to a foreign host keeps: none of them can hold a secret.
_HARMLESS_HEADERS: Final = frozenset(
    {"accept", "accept-encoding", "accept-language", "connection", "content-length", "content-type", "range"}
    | {"transfer-encoding", "user-agent", "if-match", "if-none-match", "if-modified-since"}
    # requests sets it anew for each hop, and only the proxy reads it
    | {"proxy-authorization"}
)


class TokenAuth(AuthBase):
    """Sets the header with the access token, and knows the origins that may receive it."""

    def __init__(self, header: str, value: str, allowed: frozenset[Origin]) -> None:
        """Set ``header`` to ``value``, for requests to the ``allowed`` origins."""
        self.header = header
        self.value = value
        self._allowed = allowed

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the header."""
        request.headers[self.header] = self.value
        return request

    def may_follow(self, old_url: str, new_url: str) -> bool:
        """Tell whether a redirect keeps the token; never from https to http."""
        old, new = origin(old_url), origin(new_url)
        if old is None or new is None or (old[0] == "https" and new[0] != "https"):
            return False
        is_upgrade = (old[0], old[2], new[0], new[2]) == ("http", 80, "https", 443) and old[1] == new[1]
        return new in self._allowed or (is_upgrade and old in self._allowed)

    def was_sent(self, response: requests.Response) -> bool:
        """Tell whether the last request before this response had the token."""
        return response.request.headers.get(self.header) == self.value


class ApiTransport(requests.Session):
    """A requests session that removes headers with secrets from redirects to foreign hosts."""

    def __init__(self, adapter: requests.adapters.HTTPAdapter) -> None:
        """Share the connections of ``adapter``; cookies and settings belong to this session."""
        super().__init__()
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        self.token_auth: TokenAuth | None = None

    def rebuild_auth(self, prepared_request: Any, response: Any) -> None:
        """Remove headers from a redirected request; requests calls this for each redirect."""
        if self.token_auth is not None and self.token_auth.may_follow(response.request.url, prepared_request.url):
            return
        headers = prepared_request.headers
        for name in list(headers):
            if name.lower() not in _HARMLESS_HEADERS:
                del headers[name]
