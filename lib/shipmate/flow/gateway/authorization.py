"""Checks the credentials of a caller, as those of the webhook's account say."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shipmate.flow.gateway.request import BadRequest, Head
from shipmate.jsonvalue import object_member

SIGNATURE: Final = "x-eio-signature"
_DIGESTS: Final[Mapping[int, str]] = {128: "sha512", 64: "sha256"}
"""The digest of a signature, by the number of its hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """The credentials that a caller needs: ``{"type": "BASIC", "basic": {"username": ..., "password": ...}}``.

    The other types are ``NO_AUTH``, ``API_KEY`` with ``apiKey: {headerName, headerValue}``, and ``HMAC`` with
    ``hmacSecret``, a text or ``{headerName, headerValue}``.
    """

    auth: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def kind(self) -> str:
        """The type of the credentials in lower case."""
        return str(self.auth.get("type") or "no_auth").lower()

    @property
    def signature_header(self) -> str | None:
        """The name of the header with the signature in lower case, None without signatures."""
        if not self.kind.startswith("hmac"):
            return None
        return str(self._member("hmacSecret", "headerName") or SIGNATURE).lower()

    def check_headers(self, head: Head) -> None:
        """Check user and password, or the key: what needs no body.

        Raises:
            BadRequest: They are missing or wrong, with status 401; or the account's own are not usable, with 500.
        """
        if self.kind == "basic":
            expected = f"{self._required('basic', 'username')}:{self._required('basic', 'password')}"
            if not _is_equal(_basic(head.header("authorization")), expected):
                raise BadRequest("expected a valid user name and password", 401)
        elif self.kind == "api_key":
            name = self._required("apiKey", "headerName").lower()
            if not _is_equal(head.header(name), self._required("apiKey", "headerValue")):
                raise BadRequest("expected a valid API key", 401)
        elif self.signature_header is None and self.kind != "no_auth":
            raise BadRequest("the account of the webhook has an unknown type of credentials", 500)

    def check_body(self, head: Head, body: bytes) -> None:
        """Check the signature of the body.

        Raises:
            BadRequest: It is missing or wrong, with status 400; or the account has no secret, with 500.
        """
        if (name := self.signature_header) is None:
            return
        secret = self.auth.get("hmacSecret")
        secret = secret if isinstance(secret, str) and secret else self._required("hmacSecret", "headerValue")
        found = (head.header(name) or "").strip().lower()
        found = found.partition("=")[2] or found  # with or without "sha256="
        digest = _DIGESTS.get(len(found))
        if digest is None or not _is_equal(found, hmac.new(secret.encode(), body, digest).hexdigest()):
            raise BadRequest("expected a valid signature of the body")

    def _member(self, group: str, name: str) -> Any:
        return object_member(dict(self.auth), group).get(name)

    def _required(self, group: str, name: str) -> str:
        value = self._member(group, name)
        if not isinstance(value, str) or not value:
            raise BadRequest(f"the account of the webhook has no auth.{group}.{name}", 500)
        return value


def _basic(header: str | None) -> str | None:
    """Return ``user:password`` of an Authorization header, None without one. Source: RFC 7617 §2."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None


def _is_equal(found: str | None, expected: str) -> bool:
    """Compare in a time that says nothing about the place of the difference, nor about the length."""
    both = [hashlib.sha256((each or "").encode("utf-8", "surrogatepass")).digest() for each in (found, expected)]
    return found is not None and hmac.compare_digest(*both)
