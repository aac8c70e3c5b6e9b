"""What stands between requests and the network is noticed."""

import functools
import http.client
import subprocess
import sys
import textwrap
from typing import Any
from unittest import mock

import pytest
import requests
import requests.adapters
import urllib3.connection
import urllib3.connectionpool

from shipmate.http import genuine
from shipmate.http.adapter import LimitedAdapter
from shipmate.http.genuine import is_untouched

PLACES: list[tuple[Any, str]] = [
    *[(requests.Session, name) for name in ["__init__", "mount", "request", "prepare_request", "send", "get_adapter"]],
    (requests.Session, "resolve_redirects"),
    (requests.Session, "merge_environment_settings"),
    (requests.PreparedRequest, "prepare"),
    (requests.adapters.HTTPAdapter, "send"),
    (requests.adapters.HTTPAdapter, "build_response"),
    (requests.adapters.HTTPAdapter, "get_connection_with_tls_context"),
    (LimitedAdapter, "send"),
    (urllib3.connectionpool.HTTPConnectionPool, "urlopen"),
    (urllib3.connectionpool.HTTPConnectionPool, "_make_request"),
    (urllib3.connectionpool.HTTPConnectionPool, "ConnectionCls"),
    (urllib3.connectionpool.HTTPSConnectionPool, "ConnectionCls"),
    (urllib3.connectionpool, "HTTPConnection"),
    (urllib3.connectionpool, "HTTPSConnection"),
    (urllib3.PoolManager, "connection_from_host"),
    (urllib3.connection.HTTPConnection, "request"),
    (urllib3.connection.HTTPSConnection, "connect"),
    (http.client.HTTPConnection, "send"),
    (http.client.HTTPConnection, "putrequest"),
    (http.client.HTTPConnection, "getresponse"),
    (http.client, "HTTPConnection"),
    (http.client, "HTTPSConnection"),
]


@pytest.mark.parametrize(("owner", "name"), PLACES, ids=lambda each: getattr(each, "__name__", each))
def test_a_replaced_function_is_noticed_until_it_is_back(owner: Any, name: str) -> None:
    """A wrapper that takes over the name and the module is one as well."""
    assert is_untouched()
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs)

    for replacement in (wrapper, mock.Mock(), type("Other", (), {})):
        with mock.patch.object(owner, name, replacement):
            assert not is_untouched()
    assert is_untouched()


def test_a_person_who_watches_http_client_sees_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """It prints requests then."""
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    assert not is_untouched()


def test_what_was_replaced_before_the_first_look_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first request of a process may be a mocked one; afterwards the lean path is open."""
    monkeypatch.setattr(genuine, "_genuine", None)
    for replacement in (mock.Mock(), lambda *args: None, type("Other", (), {})):
        with mock.patch.object(requests.Session, "send", replacement):
            assert not is_untouched()
            assert not is_untouched()
    assert is_untouched()


@pytest.mark.parametrize(
    "start",
    [
        "import responses; m = responses.RequestsMock(); m.start(); stop = lambda: m.stop(allow_assert=False)",
        "import requests_mock; m = requests_mock.Mocker(); m.start(); stop = m.stop",
        "import vcr; m = vcr.use_cassette('/dev/null', record_mode='none'); m.__enter__(); "
        "stop = lambda: m.__exit__(None, None, None)",
    ],
    ids=["responses", "requests-mock", "vcrpy"],
)
def test_a_mock_that_is_active_at_the_import_is_noticed(start: str) -> None:
    program = f"""
    {start}
    from shipmate.http.genuine import is_untouched
    assert not is_untouched()
    stop()
    assert is_untouched()
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=15)
