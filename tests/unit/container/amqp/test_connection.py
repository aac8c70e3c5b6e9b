"""The connection that is opened again, with addresses behind which no broker is."""

import socket
from typing import Any

import pytest
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.channel import Channel
from pika.exceptions import AMQPConnectionError, ConnectionClosedByBroker

from shipmate.container.amqp.adapter import TurnLoop
from shipmate.container.amqp.connection import Connection, ReconnectPolicy, connection_parameters, describe
from shipmate.errors import BadSetting, BrokerLost


class NoUser:
    """A user of channels that gets none."""

    variable = "VARIABLE"
    may_wait_for_it = True

    def prepare(self, channel: Channel, ready: Any) -> None:
        pytest.fail("there is no broker")

    def channel_ready(self, channel: Channel) -> None:
        pytest.fail("there is no broker")

    def channel_lost(self, reason: BaseException) -> None:
        pytest.fail("there was no channel")


def test_options_have_their_names_in_the_official_runtimes_client() -> None:
    """Contract 2: the same address serves both runtimes; options that pika does not know are dropped."""
    uri = "amqp://user:p%40ss@broker:5673/a%2Fb?heartbeat=7&frameMax=8192&channelMax=3&keepAlive=true#part"
    parameters = connection_parameters(uri, "host-read")
    assert (parameters.host, parameters.port, parameters.virtual_host) == ("broker", 5673, "a/b")
    assert parameters.credentials.password == "p@ss"  # type: ignore[union-attr]
    assert (parameters.heartbeat, parameters.frame_max, parameters.channel_max) == (7, 8192, 3)
    assert parameters.client_properties == {"connection_name": "host-read"}


@pytest.mark.parametrize(
    "uri", ["", "http://user:secret@broker", "amqp://", "amqp://user:secret@broker:port", "amqp://b/?heartbeat=secret"]
)
def test_an_invalid_address_is_reported_without_any_part_of_it(uri: str) -> None:
    """It contains a password."""
    with pytest.raises(BadSetting) as caught:
        connection_parameters(uri, "host-read")
    assert str(caught.value) == "ELASTICIO_AMQP_URI: expected amqp://user:password@host:port/vhost"
    assert caught.value.__cause__ is None


def given_up(port: int, attempts: int) -> tuple[BrokerLost, float]:
    """Return the error of a connection to a local port, and the pauses that it planned in total."""
    loop = TurnLoop()
    loop.activate_poller()
    errors: list[BrokerLost] = []
    pauses: list[float] = []
    call_later = loop.call_later

    def counted(delay: float, callback: Any) -> object:
        if callback != connection._connect:
            return call_later(delay, callback)
        pauses.append(delay)
        return call_later(0, callback)

    loop.call_later = counted
    uri = f"amqp://user:secret@127.0.0.1:{port}/?heartbeat=0"
    connection = Connection(
        loop,
        connection_parameters(uri, "host-read"),
        ReconnectPolicy(attempts, 0.25),
        user=NoUser(),
        on_given_up=errors.append,
    )
    connection.start()
    while not errors:
        loop.turn(may_wait=True)
    connection.close()
    loop.close()
    return errors[0], sum(pauses)


@pytest.mark.parametrize("attempts", [0, 2])
def test_a_broker_that_cannot_be_reached_is_given_up_after_the_last_attempt(attempts: int) -> None:
    """Contract 3.6: one attempt and the configured number of retries, with a pause before each."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error, paused_seconds = given_up(port := unused.getsockname()[1], attempts)
    text = str(error)
    assert text.startswith(f"cannot reach the broker ({attempts + 1} attempts): 127.0.0.1:{port}, ")
    assert "secret" not in text
    assert "refused" in text.lower()
    assert paused_seconds == 0.25 * attempts


def test_the_reason_of_a_failure_is_the_innermost_exception() -> None:
    """pika wraps exceptions in several ways."""
    refused = ConnectionRefusedError(111, "Connection refused")
    listed = AMQPConnectorException("several")
    listed.exceptions = [OSError("first"), AMQPConnectionError(refused)]  # type: ignore[attr-defined]
    for wrapped in (refused, AMQPConnectionError(refused), AMQPConnectionError(AMQPConnectionError(refused)), listed):
        assert describe(wrapped) == "ConnectionRefusedError: [Errno 111] Connection refused"
    assert describe(ConnectionClosedByBroker(320, "FORCED")).startswith("ConnectionClosedByBroker: (320")
    assert describe(ValueError("two\nlines")) == "ValueError: two lines"
