"""HTTP redirects of an API: a redirect to a foreign host gets no secret."""

from typing import Any, Final

import requests

from shipmate.http.adapter import LimitedSession
from shipmate.http.token_auth import TokenAuth

# Headers that a redirect to a foreign host keeps: none of them can hold a secret.
_HARMLESS_HEADERS: Final = frozenset(
    {"accept", "accept-encoding", "accept-language", "connection", "content-length", "content-type", "range"}
    | {"transfer-encoding", "user-agent", "if-match", "if-none-match", "if-modified-since"}
    # requests sets it anew for each hop, and only the proxy reads it
    | {"proxy-authorization"}
)


class RedirectSafeSession(LimitedSession):
    """A requests session that removes headers with secrets from redirects to foreign hosts."""

    def __init__(self, adapter: requests.adapters.HTTPAdapter) -> None:
        """Share the connections of ``adapter``; cookies and settings belong to this session."""
        super().__init__(adapter)
        self.token_auth: TokenAuth | None = None

    def rebuild_auth(self, prepared_request: Any, response: Any) -> None:
        """Remove headers from a redirected request; requests calls this for each redirect."""
        auth = self.token_auth
        if auth is not None and auth.may_follow(response.request.url, prepared_request.url):
            auth.complete_query(prepared_request)
            return
        headers = prepared_request.headers
        for name in list(headers):
            if name.lower() not in _HARMLESS_HEADERS:
                del headers[name]
