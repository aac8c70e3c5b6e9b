"""Puts the proof of an account into requests, for the API's own origins only.

Source: RFC 6750 §2.1, §5.3.
"""

from urllib.parse import parse_qsl, urlsplit

import requests
from requests.auth import AuthBase

from shipmate.errors import UnsafeUrl
from shipmate.http.headers import is_value
from shipmate.http.proof import Proof
from shipmate.urls import HostPattern, Origin, is_private_origin, origin


class TokenAuth(AuthBase):
    """Adds a proof to requests, and knows the origins that may receive it."""

    def __init__(
        self,
        proof: Proof,
        allowed: frozenset[Origin],
        *,
        patterns: tuple[HostPattern, ...] = (),
        allow_http: bool = False,
    ) -> None:
        """Add a proof, for requests to some origins.

        Args:
            proof: The header or the parameter with the token.
            allowed: The origins that may receive it.
            patterns: Further such origins.
            allow_http: Whether the proof may be sent over plain http to other machines.
        """
        self.proof = proof
        self._allowed = allowed
        self._patterns = patterns
        self._allow_http = allow_http

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the proof.

        Raises:
            UnsafeUrl: The proof must not go to the URL of the request.
        """
        self.check(origin(request.url or ""))
        header, value, _ = self.proof
        if header:
            request.headers[header] = value
        self.complete_query(request)
        return request

    def check(self, place: Origin | None) -> None:
        """Raise an error unless the proof may go to an origin; None is a URL without a clear one.

        Raises:
            UnsafeUrl: It must not.
            requests.exceptions.InvalidHeader: The token has characters that no header has.

        Source: RFC 6750 §5.3.
        """
        if place is None:
            raise UnsafeUrl("the URL of the request: expected http or https and a host, found no clear host")
        if not self._knows(place):
            raise UnsafeUrl(f"the URL of the request: expected one of the hosts, found {place[1]}:{place[2]}")
        header, value, parameter = self.proof
        if (header or parameter) and not self._is_private(place):
            raise UnsafeUrl(
                f"the URL of the request: expected https for {place[1]}, found http, which shows the token to others; "
                "allow_http=True sends it all the same"
            )
        if header and not is_value(value):
            # http.client refuses it as well, with the whole token in its text.
            raise requests.exceptions.InvalidHeader(f"header {header}: the token has characters of no token")

    def complete_query(self, request: requests.PreparedRequest) -> None:
        """Add the parameter of the query, if the proof has one and the URL lacks it."""
        name, value = self.proof.parameter, self.proof.value
        if name and not self._has_parameter(request.url):
            request.prepare_url(request.url, {name: value})

    def _knows(self, place: Origin) -> bool:
        return place in self._allowed or any(pattern.matches(place) for pattern in self._patterns)

    def _is_private(self, place: Origin) -> bool:
        return self._allow_http or is_private_origin(place)

    def may_follow(self, old_url: str, new_url: str) -> bool:
        """Tell whether a redirect keeps the proof; never from https to http."""
        old, new = origin(old_url), origin(new_url)
        if old is None or new is None or (old[0] == "https" and new[0] != "https"):
            return False
        is_upgrade = (old[0], old[2], new[0], new[2]) == ("http", 80, "https", 443) and old[1] == new[1]
        return self._is_private(new) and (self._knows(new) or (is_upgrade and self._knows(old)))

    def was_sent(self, response: requests.Response) -> bool:
        """Tell whether the request of this response contained the proof, after its redirects if there were any."""
        header, value, parameter = self.proof
        if header:
            return response.request.headers.get(header) == value
        if not parameter:
            return True
        return self._has_parameter(response.request.url)

    def _has_parameter(self, url: str | None) -> bool:
        pairs = parse_qsl(urlsplit(url or "").query, keep_blank_values=True)
        return (self.proof.parameter, self.proof.value) in pairs
