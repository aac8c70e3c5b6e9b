"""A broker that cannot be used is one line: what is wrong, where its address comes from, and what to do."""

import socket
import ssl

import pytest
from pika.exceptions import (
    AMQPConnectionError,
    IncompatibleProtocolError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
    StreamLostError,
)

from shipmate.errors import BadInput
from shipmate.flow.broker_problems import connection_problem
from shipmate.flow.queues import BrokerUnreachable, FlowQueues
from tests.unit.flow.runs import two_steps


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (AMQPConnectionError(ConnectionRefusedError(111, "Connection refused")),
         "connection refused; start a broker there, or correct --amqp"),
        (socket.gaierror(-2, "Name or service not known"),
         "the name of its host is not found; correct the host in --amqp"),
        (ProbableAuthenticationError("(403) ACCESS_REFUSED"),
         "access refused for its user or password; correct both in --amqp"),
        (ProbableAccessDeniedError("(530) NOT_ALLOWED"),
         "access refused: the vhost does not exist, or is not allowed for the user; permit it by rabbitmqctl "
         "set_permissions, or correct the vhost in --amqp"),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"),
         "its certificate is not trusted; name its authority in NODE_EXTRA_CA_CERTS, or correct --amqp"),
        (ssl.SSLError(1, "wrong version number"),
         "no TLS; write amqp:// in place of amqps://, or correct the port in --amqp"),
        (IncompatibleProtocolError("the stream is lost"), "no AMQP; correct host and port in --amqp"),
        (TimeoutError(), "no answer in time; correct host and port in --amqp"),
        (OSError(101, "Network is unreachable"), "network is unreachable; correct --amqp"),
        (StreamLostError("no more"), "it ended the connection; correct --amqp"),
    ],
)  # fmt: skip
def test_each_problem_has_its_advice(error: Exception, problem: str) -> None:
    assert connection_problem(error, "--amqp") == problem
    assert connection_problem(error, None) == problem.rpartition(";")[0]


def test_a_closed_port_is_one_line_without_the_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    queues = FlowQueues(f"amqp://ada:s3cret@127.0.0.1:{port}/v", two_steps(), origin="SHIPMATE_AMQP_URI")

    with pytest.raises(BrokerUnreachable) as raised:
        queues.connect()
    assert str(raised.value) == (
        f"cannot connect to the broker at amqp://127.0.0.1:{port}/v: connection refused; start a broker there, or "
        "correct SHIPMATE_AMQP_URI"
    )


@pytest.mark.parametrize("address", ["http://broker", "127.0.0.1:5672", "amqp://", "amqp://broker:99999/"])
def test_an_address_that_is_none_names_its_origin(address: str) -> None:
    with pytest.raises(BadInput, match=r"found other text: SHIPMATE_AMQP_URI\Z"):
        FlowQueues(address, two_steps(), origin="SHIPMATE_AMQP_URI")
