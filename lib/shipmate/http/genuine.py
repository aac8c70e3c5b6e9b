"""Tells whether a mock, a recorder or a tracer stands between requests and the network.

They replace functions of requests, urllib3 or http.client, and expect that each request calls them.
"""

import http.client
from types import FunctionType
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3 import connection, connectionpool

from shipmate.http.adapter import LimitedAdapter


def _places() -> tuple[Any, ...]:
    """Return the functions and classes that such libraries replace, as they are now."""
    session, pool = requests.Session, connectionpool.HTTPConnectionPool
    plain, secure, client = connection.HTTPConnection, connection.HTTPSConnection, http.client.HTTPConnection
    return (
        session.__init__, session.mount, session.request, session.prepare_request, session.send, session.get_adapter,
        session.resolve_redirects, session.merge_environment_settings, requests.PreparedRequest.prepare,
        HTTPAdapter.__init__, LimitedAdapter.send, HTTPAdapter.send, HTTPAdapter.build_response,
        HTTPAdapter.get_connection_with_tls_context, pool.urlopen, pool._make_request,
        urllib3.PoolManager.connection_from_host, plain.request, plain.getresponse, plain.connect, secure.connect,
        client.putrequest, client.endheaders, client.send, client.getresponse, client.connect,
        http.client.HTTPResponse.begin, http.client.HTTPConnection, http.client.HTTPSConnection,
        pool.ConnectionCls, vars(connectionpool)["HTTPConnection"], vars(connectionpool)["HTTPSConnection"],
        connectionpool.HTTPSConnectionPool.ConnectionCls,
    )  # fmt: skip


_HOMES: Final = {"requests", "urllib3", "http"}
_genuine: tuple[Any, ...] | None = None


def is_untouched() -> bool:
    """Tell whether requests, urllib3 and http.client are as their authors wrote them, and print nothing."""
    global _genuine
    try:
        if http.client.HTTPConnection.debuglevel:
            return False
        places = _places()
    except AttributeError:  # a class was replaced by one that lacks a method
        return False
    if places == _genuine:
        return True
    if _genuine is None and all(map(_is_at_home, places)):
        # The first look, and none of them is replaced: a mock may be active when this module is imported.
        _genuine = places
        return True
    return False


def _is_at_home(place: Any) -> bool:
    if isinstance(place, FunctionType):
        # A wrapper takes over the names of what it wraps, but not its code.
        home = place.__globals__.get("__name__", "")
        return home.partition(".")[0] in _HOMES or home == LimitedAdapter.__module__
    return isinstance(place, type) and place.__module__.partition(".")[0] in _HOMES
