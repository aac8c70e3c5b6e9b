"""Connections share what they check a server with, and none is checked less for it."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import requests
import trustme

from shipmate.http import contexts
from shipmate.http.adapter import LimitedAdapter, LimitedSession
from shipmate.http.client import LeanClient
from shipmate.http.limits import within
from tests.scripted import ScriptedServer, read_request, scripted_server, server_context

CHANGES = ["load_verify_locations", "set_alpn_protocols"]


@pytest.fixture(autouse=True)
def no_other_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore the authorities that this machine names."""
    for name in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def other() -> trustme.CA:
    return trustme.CA()


def answering(sock: socket.socket, number: int) -> None:
    """Answer one request, and close the connection."""
    read_request(sock)
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[ScriptedServer]:
    with scripted_server(answering, tls=server_context(authority)) as server:
        yield server


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The changes of each context that was made to be shared; none is known at the start."""
    found: list[Any] = []
    make = contexts.create_urllib3_context

    def noted(**options: Any) -> ssl.SSLContext:
        context = make(**options)
        changes = Mock(wraps=context)
        context.load_verify_locations = changes.load_verify_locations  # type: ignore[method-assign]
        context.set_alpn_protocols = changes.set_alpn_protocols  # type: ignore[method-assign]
        found.append(changes)
        return context

    monkeypatch.setattr(contexts, "create_urllib3_context", noted)
    contexts._context.cache_clear()
    return found


class Caller:
    """Sends requests on the lean path or through requests; each opens a connection."""

    def __init__(self, is_lean: bool) -> None:
        self.adapter = LimitedAdapter()
        self.is_lean = is_lean

    def call(self, url: str, **arguments: Any) -> str:
        """Return the answer."""
        if self.is_lean:
            client = LeanClient(self.adapter)
            prepared = client.prepare("GET", url, {"timeout": 5, **arguments})
            assert prepared is not None
            response = client.send(prepared, within(None, 20))
            assert response is not None
            return response.text
        return LimitedSession(self.adapter).get(url, timeout=5, **arguments).text

    def is_refused(self, url: str, **arguments: Any) -> bool:
        """Tell whether the server is not trusted."""
        try:
            self.call(url, **arguments)
        except requests.exceptions.SSLError:
            return True
        return False


@pytest.fixture(params=[True, False], ids=["lean", "requests"])
def caller(request: pytest.FixtureRequest) -> Iterator[Caller]:
    caller = Caller(request.param)
    yield caller
    caller.adapter.close()


def saved(authority: trustme.CA, file: Path) -> str:
    authority.cert_pem.write_to_path(str(file))
    return str(file)


def test_connections_that_trust_the_same_share_a_context(
    server: ScriptedServer, authority: trustme.CA, caller: Caller, made: list[Any], tmp_path: Path
) -> None:
    """Of any adapter; no connection changes it, since others may be using it."""
    file = saved(authority, tmp_path / "ca.pem")
    assert [caller.call(server.url, verify=file) for _ in range(2)] == ["ok", "ok"]
    assert Caller(not caller.is_lean).call(server.url, verify=file) == "ok"
    assert [[name for name, _, _ in changes.mock_calls] for changes in made] == [CHANGES]


def test_a_file_of_authorities_that_changes_counts_for_the_next_connection(
    server: ScriptedServer, authority: trustme.CA, other: trustme.CA, caller: Caller, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    assert caller.call(server.url, verify=saved(authority, file)) == "ok"
    assert caller.is_refused(server.url, verify=saved(other, file))
    assert caller.call(server.url, verify=saved(authority, file)) == "ok"
    file.write_text("no certificate")
    assert caller.is_refused(server.url, verify=str(file))


def test_an_authority_of_one_request_is_trusted_by_no_other(
    server: ScriptedServer,
    authority: trustme.CA,
    other: trustme.CA,
    caller: Caller,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Nor one that the environment named before; an unchecked connection leaves the others checked."""
    trusted, another = saved(authority, tmp_path / "ca.pem"), saved(other, tmp_path / "other.pem")
    assert caller.call(server.url, verify=trusted) == "ok"
    assert caller.is_refused(server.url, verify=another)
    with pytest.warns(requests.packages.urllib3.exceptions.InsecureRequestWarning):
        assert caller.call(server.url, verify=False) == "ok"
    assert caller.is_refused(server.url, verify=another)
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", trusted)
    assert Caller(caller.is_lean).call(server.url, verify=another) == "ok"
    monkeypatch.delenv("NODE_EXTRA_CA_CERTS")
    assert Caller(caller.is_lean).is_refused(server.url, verify=another)


def test_a_certificate_of_the_client_is_sent_by_no_other_connection(
    authority: trustme.CA, caller: Caller, tmp_path: Path
) -> None:
    file = saved(authority, tmp_path / "ca.pem")
    own = str(tmp_path / "client.pem")
    authority.issue_cert("client@example.com").private_key_and_cert_chain_pem.write_to_path(own)
    context = server_context(authority)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with scripted_server(answering, tls=context) as server:
        assert caller.call(server.url, verify=file, cert=own) == "ok"
        with pytest.raises(requests.RequestException):
            caller.call(server.url, verify=file)
        assert caller.call(server.url, verify=file, cert=own) == "ok"


def test_a_connection_that_checks_no_name_shares_nothing(
    server: ScriptedServer, authority: trustme.CA, caller: Caller, made: list[Any], tmp_path: Path
) -> None:
    """urllib3 turns the check off in the context of the connection."""
    caller.adapter.init_poolmanager(1, 1, assert_hostname=False)
    assert caller.call(server.url, verify=saved(authority, tmp_path / "ca.pem")) == "ok"
    assert made == []
