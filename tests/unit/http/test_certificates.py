"""Private authorities: each variable counts for https and for the broker."""

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from shipmate.container.amqp.connection import connection_parameters
from shipmate.errors import PlatformUnavailable
from shipmate.oauth2.token_endpoint import post
from shipmate.oauth2.token_request import TokenRequest
from shipmate.oauth2.token_response import Granted, Unusable
from shipmate.platform.http_service import NO_AUTH, HttpService, RetryPolicy
from tests.scripted import server_context

VARIABLES = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
TOKEN = b'{"access_token": "a"}'


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def port(authority: trustme.CA) -> Iterator[int]:
    """Return the port of a server with a certificate of the authority, which answers every request with a token."""
    context = server_context(authority)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                        secure.recv(65536)
                        secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(TOKEN), TOKEN))

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*VARIABLES, *(name for name in os.environ if name.lower().endswith("_proxy"))]:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", VARIABLES)
def test_a_private_authority_is_trusted_everywhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authority: trustme.CA, port: int, name: str
) -> None:
    """By the token endpoint, the platform's services and the broker, whichever variable names it."""
    url = f"https://localhost:{port}/x"
    service = HttpService("service", NO_AUTH, RetryPolicy(attempts=1))
    assert isinstance(post(TokenRequest(url, {}), tls={}), Unusable)
    with pytest.raises(PlatformUnavailable):
        service.send("GET", url)

    file = tmp_path / "ca.pem"
    file.write_bytes("# Größe\n".encode() + authority.cert_pem.bytes())
    monkeypatch.setenv(name, str(file))
    assert post(TokenRequest(url, {}), tls={}) == Granted({"access_token": "a"})
    assert service.send("GET", url).json() == {"access_token": "a"}
    parameters = connection_parameters(f"amqps://localhost:{port}", "test")
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        parameters.ssl_options.context.wrap_socket(plain, server_hostname="localhost"),
    ):
        pass


@pytest.mark.parametrize(
    "content", [None, b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
@pytest.mark.parametrize("name", ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"])
def test_a_file_that_is_none_is_told_and_ignored(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    port: int,
    name: str,
    content: bytes | None,
) -> None:
    """The variable may be left over from another image."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv(name, str(file))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert isinstance(post(TokenRequest(f"https://localhost:{port}/x", {}), tls={}), Unusable)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [name]
