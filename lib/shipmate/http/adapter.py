"""The adapter and the session of requests whose answers keep limits of bytes and time."""

import codecs
import json
import math
from collections.abc import Iterator
from functools import cache
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import requote_uri
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.exceptions import LocationValueError

from shipmate.errors import ResponseTooLarge
from shipmate.http.certificates import extra_certificates
from shipmate.http.contexts import share_context
from shipmate.http.limits import LimitedReader, current, within
from shipmate.settings import MAX_RESPONSE_BYTES
from shipmate.urls import origin

_CHUNK_BYTES: Final = 64 * 1024


class LimitedAdapter(HTTPAdapter):
    """An adapter whose connections and responses keep the limits of `within`; without any it is like the others.

    Its connections also trust the authorities of `extra_certificates`.
    """

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the connection pools."""
        super().init_poolmanager(*args, **kwargs)
        _keep_limits(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Return the connection pools for a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        _keep_limits(manager)
        return manager

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request, as requests does.

        Raises:
            requests.exceptions.InvalidURL: The address has a host that no machine has, such as ``a..b``; requests
                itself lets an error of urllib3 pass.
        """
        try:
            return super().send(*args, **kwargs)
        except LocationValueError:
            # Without the cause: its text quotes the address.
            text = "the address of the request or of its proxy: expected a valid host, found another text"
            raise requests.exceptions.InvalidURL(text) from None

    def build_response(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Return a response that keeps the limit of bytes."""
        response: requests.Response = super().build_response(*args, **kwargs)
        limits = current()
        if limits is not None:
            response.__class__ = LimitedResponse  # requests offers no choice of the class
            response.limits = limits  # type: ignore[attr-defined]
        return response


class LimitedSession(requests.Session):
    """A session with this adapter, in which a redirect to a malformed address is one clear error.

    requests lets errors of parsers pass, even for a redirect that it does not follow, and leaves the connection open.
    """

    def __init__(self, adapter: HTTPAdapter) -> None:
        """Send with an adapter, which sessions may share; cookies and settings belong to this session."""
        super().__init__()
        for scheme in ("https://", "http://"):
            self.mount(scheme, adapter)

    def resolve_redirects(
        self, resp: requests.Response, req: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> Iterator[Any]:
        """Yield the responses of redirects; requests also calls this to look at a redirect that it does not follow."""
        if kwargs.get("yield_requests"):
            try:
                self.get_redirect_target(resp)
            except requests.RequestException:
                return
        try:
            yield from super().resolve_redirects(resp, req, *args, **kwargs)
        except requests.exceptions.InvalidURL as error:
            if error.response is not None:  # nobody else would close it
                error.response.close()
            raise

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return the address that a response redirects to, None without one.

        Raises:
            requests.exceptions.InvalidURL: The address is malformed, or not http or https; the text does not quote it,
                because it may contain a token.
        """
        try:
            target = super().get_redirect_target(resp)
            is_valid = not target or origin(urljoin(resp.url, requote_uri(target))) is not None
        except ValueError:  # of requests and of urllib, which read it, too
            target, is_valid = None, False
        if is_valid:
            return target
        host = urlsplit(resp.url).hostname
        raise requests.exceptions.InvalidURL(
            f"a redirect of {host}: expected an http or https address, found something else", response=resp
        )


class LimitedResponse(requests.Response):
    """A response whose body has a limit; the text of errors has no path and no query."""

    limits: within

    def iter_content(self, chunk_size: int | None = 1, decode_unicode: bool = False) -> Iterator[Any]:
        """Yield the body in pieces, as requests does; all other ways to read it but ``raw`` lead here.

        Raises:
            ResponseTooLarge: The body exceeds the limit.
            ResponseTooSlow: The body is incomplete when the time is over.
        """
        # The author reads streamed bodies; those of redirects are read by requests itself.
        most = MAX_RESPONSE_BYTES if self.limits.max_bytes is None and self.is_redirect else self.limits.max_bytes
        pieces = super().iter_content(_CHUNK_BYTES if chunk_size is None else chunk_size, decode_unicode)
        return self._limited(pieces, math.inf if most is None else most)

    def json(self, **kwargs: Any) -> Any:
        """Return the JSON value in the body; unlike requests, also after a BOM in an answer that names its charset."""
        if self.content.startswith(codecs.BOM_UTF8):
            try:
                return json.loads(self.content.decode("utf-8-sig"), **kwargs)
            except ValueError as error:
                document, position = getattr(error, "doc", ""), getattr(error, "pos", 0)
                raise requests.exceptions.JSONDecodeError(str(error), document, position) from None
        return super().json(**kwargs)

    def _limited(self, pieces: Iterator[Any], most: float) -> Iterator[Any]:
        size = 0
        try:
            for piece in pieces:
                size += len(piece)
                if size > most:
                    self.close()
                    raise too_large(urlsplit(self.url).hostname, most, size)
                yield piece
        except requests.RequestException as error:
            self.limits.require_time(error)
            raise


def too_large(host: str | None, most: float, size: int) -> ResponseTooLarge:
    """Return the error for an answer with at least ``size`` bytes, of which ``most`` are allowed."""
    return ResponseTooLarge(
        f"the answer of {host}: expected at most {most} decoded bytes, found {size} or more: the limit is max_bytes of "
        "the request or SHIPMATE_MAX_RESPONSE_BYTES"
    )


class _LimitedPool(HTTPConnectionPool):
    """A part of the classes that `_limited_pool` makes."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        # An attribute and no subclass of the connection: recorders of test libraries bring connections of their own.
        connection.response_class = LimitedReader
        if self.scheme == "https":
            certificates = extra_certificates()
            if certificates:
                connection.ca_cert_data = certificates
            share_context(self, connection, certificates)
        return connection


@cache
def _limited_pool(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """Return a class of pools whose connections keep the limits; a proxy with SOCKS has its own classes."""
    return pool if issubclass(pool, _LimitedPool) else type(pool.__name__, (_LimitedPool, pool), {})


def _keep_limits(manager: PoolManager) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _limited_pool(pool) for scheme, pool in pools.items()}
