"""The emulated sailor proxy, against a small client: messages, events, finishes, claims."""

from collections.abc import Iterator

import pytest

from shipmate.emulator import SailorProxy
from tests.unit.emulator.raw_client import RawClient


@pytest.fixture
def proxy() -> Iterator[SailorProxy]:
    """A proxy whose clients break no rule."""
    with SailorProxy() as started:
        yield started
        assert started.problems == []


@pytest.fixture
def client(proxy: SailorProxy) -> Iterator[RawClient]:
    """A client."""
    with RawClient(proxy) as connected:
        yield connected


def test_a_message_is_delivered_answered_and_finished(proxy: SailorProxy, client: RawClient) -> None:
    sent = proxy.publish({"body": {"hello": "world"}}, headers={"reply_to": "rk"})
    answer = client.done(client.poll())
    assert answer.metadata["messageId"] == sent
    assert answer.metadata["reply_to"] == "rk"
    assert proxy.cipher.decode(answer.body, 1) == b'{"body":{"hello":"world"}}'
    body = proxy.cipher.encode(b'{"body":1}', 1)
    assert client.done(client.post("data", body, sent)).status == 200
    assert client.done(client.finish(sent)).status == 200
    (data,) = proxy.take("data")
    assert data.message == {"body": 1}
    assert proxy.outcome(sent)
    assert proxy.is_idle


def test_a_poll_waits_for_a_message(proxy: SailorProxy, client: RawClient) -> None:
    answer = client.poll()
    proxy.wait_for("poll")
    sent = proxy.publish({"body": {}})
    assert client.done(answer).metadata["messageId"] == sent
    client.done(client.finish(sent, "error"))
    assert not proxy.outcome(sent)
    (dead,) = proxy.take("dead")
    assert dead.headers["messageId"] == sent


def test_a_lost_client_claims_its_message(proxy: SailorProxy, client: RawClient) -> None:
    sent = proxy.publish({"body": {}})
    assert client.message() == sent
    proxy.cut()
    client.closed()
    with RawClient(proxy, client.authorization) as again:
        assert again.done(again.claim(sent)).status == 200
        assert again.done(again.finish(sent)).status == 200
    assert proxy.outcomes == {sent: [True]}
