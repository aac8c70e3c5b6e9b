"""Puts the access token into requests, for the API's own origins only.

Source: RFC 6750 §2.1, §5.3.
"""

import requests
from requests.auth import AuthBase

from shipmate.errors import UnsafeUrl
from shipmate.http.headers import is_value
from shipmate.urls import HostPattern, Origin, is_private_origin, origin


class TokenAuth(AuthBase):
    """Sets the header with the access token, and knows the origins that may receive it."""

    def __init__(
        self,
        header: str,
        value: str,
        allowed: frozenset[Origin],
        *,
        patterns: tuple[HostPattern, ...] = (),
        allow_http: bool = False,
    ) -> None:
        """Set a header, for requests to some origins.

        Args:
            header: The name of the header.
            value: Its value, with the token.
            allowed: The origins that may receive the token.
            patterns: Further such origins.
            allow_http: Whether the token may be sent over plain http to other machines.
        """
        self.header = header
        self.value = value
        self._allowed = allowed
        self._patterns = patterns
        self._allow_http = allow_http

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the header.

        Raises:
            UnsafeUrl: The token must not go to the URL of the request.
        """
        self.check(origin(request.url or ""))
        request.headers[self.header] = self.value
        return request

    def check(self, place: Origin | None) -> None:
        """Raise an error unless the token may go to an origin; None is a URL without a clear one.

        Raises:
            UnsafeUrl: It must not.
            requests.exceptions.InvalidHeader: The token has characters that no header has.

        Source: RFC 6750 §5.3.
        """
        if place is None:
            raise UnsafeUrl("the URL of the request: expected http or https and a host, found no clear host")
        if not self._knows(place):
            raise UnsafeUrl(f"the URL of the request: expected one of the hosts, found {place[1]}:{place[2]}")
        if not self._is_private(place):
            raise UnsafeUrl(
                f"the URL of the request: expected https for {place[1]}, found http, which shows the token to others; "
                "allow_http=True sends it all the same"
            )
        if not is_value(self.value):
            # http.client refuses it as well, with the whole token in its text.
            raise requests.exceptions.InvalidHeader(f"header {self.header}: the token has characters of no token")

    def _knows(self, place: Origin) -> bool:
        return place in self._allowed or any(pattern.matches(place) for pattern in self._patterns)

    def _is_private(self, place: Origin) -> bool:
        return self._allow_http or is_private_origin(place)

    def may_follow(self, old_url: str, new_url: str) -> bool:
        """Tell whether a redirect keeps the token; never from https to http."""
        old, new = origin(old_url), origin(new_url)
        if old is None or new is None or (old[0] == "https" and new[0] != "https"):
            return False
        is_upgrade = (old[0], old[2], new[0], new[2]) == ("http", 80, "https", 443) and old[1] == new[1]
        return self._is_private(new) and (self._knows(new) or (is_upgrade and self._knows(old)))

    def was_sent(self, response: requests.Response) -> bool:
        """Tell whether the request of this response contained the token, after its redirects if there were any."""
        return response.request.headers.get(self.header) == self.value
