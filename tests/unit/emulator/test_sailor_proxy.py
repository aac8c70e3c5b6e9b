"""The emulated sailor proxy, against a small client: messages, events, finishes, claims, and the choices of a test."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from shipmate.emulator import NotTaken, SailorProxy
from shipmate.emulator.sailor_proxy import MessageRules, WireRules
from tests.unit.emulator.raw_client import RawClient, token

QUICK = MessageRules(keep_seconds=0.05, rebound_delay_ms=10, rebound_limit=1)


@pytest.fixture
def proxy() -> Iterator[SailorProxy]:
    """A proxy whose clients break no rule; it keeps messages for a short time only."""
    with SailorProxy(messages=MessageRules(rebound_delay_ms=10, rebound_limit=1)) as started:
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


def test_a_poll_without_a_message_is_answered_in_the_end() -> None:
    with SailorProxy(poll_seconds=0.01) as proxy, RawClient(proxy) as client:
        assert client.done(client.poll()).status == 204
        sent = proxy.publish({"body": {}})
        assert client.message() == sent


def test_containers_take_turns_whatever_the_number_of_their_polls(proxy: SailorProxy) -> None:
    with RawClient(proxy, prefetch=3) as greedy, RawClient(proxy) as modest:
        polls = [greedy.poll() for _ in range(3)]
        proxy.wait_for("poll", 3)
        other = modest.poll()
        proxy.wait_for("poll", 4)
        first, second = proxy.publish({"body": 1}), proxy.publish({"body": 2})
        assert greedy.done(polls[0]).metadata["messageId"] == first
        assert modest.done(other).metadata["messageId"] == second


def test_a_message_may_come_with_any_metadata(proxy: SailorProxy, client: RawClient) -> None:
    proxy.publish_raw(b"x", None)
    proxy.publish_raw(b"y", b"no JSON")
    first = client.done(client.poll())
    assert (first.body, first.headers) == (b"x", {":status": "200"})
    client.done(client.finish(None))
    assert client.done(client.poll()).headers["message-metadata"] == "no JSON"


def test_an_event_without_an_id_gets_one(proxy: SailorProxy, client: RawClient) -> None:
    client.done(client.post("error", b'{"error":""}', messageId=None))
    (error,) = proxy.take("error")
    assert len(error.headers["messageId"]) == 36


def test_events_are_sorted_by_type_and_routing_key(proxy: SailorProxy, client: RawClient) -> None:
    sent = proxy.publish({"body": {}})
    assert client.message() == sent
    text = proxy.cipher.encode(b'{"body":1}', 1)
    client.done(client.post("data", text, sent, more="&customRoutingKey=my.route"))
    client.done(client.post("http-reply", text, sent, reply_to="caller"))
    client.done(client.post("my-type", text, sent))
    client.done(client.post("snapshot", b'{"a":1}', sent))
    for kind in ("my.route", "caller", "my-type"):
        (event,) = proxy.take(proxy.bind(kind))
        assert (event.message, event.routing_key) == ({"body": 1}, kind)
    (snapshot,) = proxy.drain("snapshot")
    assert snapshot.message == {"a": 1}
    assert proxy.depth("snapshot") == 0


def test_an_error_is_copied_to_the_caller(proxy: SailorProxy, client: RawClient) -> None:
    sent = proxy.publish({"body": {}})
    assert client.message() == sent
    encrypted = proxy.cipher.encode(b'{"message":"no"}', 1).decode()
    client.done(client.post("error", json.dumps({"error": encrypted}).encode(), sent, reply_to="caller"))
    (error,), (copy,) = proxy.take("error"), proxy.take("caller")
    assert error.error == {"message": "no"}
    assert copy.body == encrypted.encode()
    assert copy.headers["x-eio-error-response"] is True
    assert copy.headers["messageId"] != error.headers["messageId"]


def test_the_copy_of_an_error_that_fails_itself_is_not_copied(proxy: SailorProxy, client: RawClient) -> None:
    sent = proxy.publish({"body": {}}, headers={"x-eio-error-response": True})
    assert client.message() == sent
    client.done(client.post("error", b'{"error":""}', sent, reply_to="caller"))
    assert proxy.depth("caller") == 0


def test_a_rebound_comes_back_until_its_limit(proxy: SailorProxy, client: RawClient) -> None:
    sent = proxy.publish({"body": {}})
    assert client.message() == sent
    assert client.done(client.post("rebound", b"", sent, reboundReason="busy")).status == 200
    client.done(client.finish(sent))
    again = client.done(client.poll())
    assert again.metadata["messageId"] == sent
    assert (again.metadata["reboundIteration"], again.metadata["reboundReason"]) == (1, "busy")
    refused = client.done(client.post("rebound", b"", sent, reboundReason="busy"))
    assert (refused.status, refused.body) == (400, b"Rebound limit exceeded")
    client.done(client.finish(sent, "error"))
    assert proxy.finished == [(sent, True), (sent, False)]
    assert proxy.is_idle


def test_too_few_events_are_an_error_that_names_the_failures(proxy: SailorProxy, client: RawClient) -> None:
    encrypted = proxy.cipher.encode(b'{"message":"it failed"}', 1).decode()
    client.done(client.post("error", json.dumps({"error": encrypted}).encode()))
    with pytest.raises(NotTaken, match=r"expected 1 of data, found 0; errors: \['it failed'\]"):
        proxy.take("data", timeout_seconds=0.01)


def test_what_comes_twice_can_be_seen(proxy: SailorProxy, client: RawClient) -> None:
    for _ in range(2):
        client.done(client.post("error", b'{"error":""}', messageId="e1"))
    assert proxy.duplicates == ["e1"]
    assert len(proxy.drain("error")) == 2


def test_everything_can_be_forgotten(proxy: SailorProxy, client: RawClient) -> None:
    client.done(client.post("error", b'{"error":""}'))
    proxy.fill([{"body": 1}, {"body": 2}])
    assert (proxy.depth("input"), proxy.depth("error")) == (2, 1)
    proxy.purge()
    assert (proxy.depth("input"), proxy.depth("error")) == (0, 0)


# A lost connection


def test_a_lost_client_claims_its_message(proxy: SailorProxy, client: RawClient) -> None:
    sent = proxy.publish({"body": {}})
    assert client.message() == sent
    proxy.cut()
    client.closed()
    with RawClient(proxy, client.authorization) as again:
        assert again.done(again.claim(sent)).status == 200
        assert again.done(again.finish(sent)).status == 200
    assert proxy.finished == [(sent, True)]


def test_a_message_without_a_claim_goes_to_the_next_client() -> None:
    with SailorProxy(messages=QUICK) as proxy, RawClient(proxy) as first:
        sent = proxy.publish({"body": {}})
        assert first.message() == sent
        proxy.cut()
        with RawClient(proxy) as other, RawClient(proxy, first.authorization) as again:
            assert other.message() == sent
            assert again.done(again.claim(sent)).status == 409
        assert proxy.problems == []


def test_what_a_claim_leaves_out_may_come_at_once() -> None:
    rules = MessageRules(keep_seconds=60, returns_unclaimed=True)
    with SailorProxy(messages=rules) as proxy, ExitStack() as stack:
        client = stack.enter_context(RawClient(proxy))
        first, second = proxy.fill([{"body": 1}, {"body": 2}])
        assert [client.message(), client.message()] == [first, second]
        proxy.cut()
        again = stack.enter_context(RawClient(proxy, client.authorization))
        assert again.done(again.claim(first)).status == 200
        assert again.message() == second


def test_a_poll_that_was_reset_by_the_client_gets_no_message(proxy: SailorProxy) -> None:
    with RawClient(proxy) as client, RawClient(proxy) as other:
        abandoned = client.poll()
        proxy.wait_for("poll")
        client.h2.reset_stream(abandoned.stream_id)
        client.sync()
        waiting = other.poll()
        sent = proxy.publish({"body": {}})
        assert other.done(waiting).metadata["messageId"] == sent


def test_a_restart_keeps_the_messages_unless_it_forgets_them(proxy: SailorProxy, client: RawClient) -> None:
    sent = proxy.publish({"body": {}})
    assert client.message() == sent
    proxy.restart()
    with RawClient(proxy, client.authorization) as again:
        assert again.done(again.claim(sent)).status == 200
    proxy.restart(forgets=True)
    with RawClient(proxy, client.authorization) as again:
        assert again.done(again.claim(sent)).status == 409


def test_a_finish_whose_answer_was_lost_may_be_repeated(proxy: SailorProxy, client: RawClient) -> None:
    sent = proxy.publish({"body": {}})
    assert client.message() == sent
    assert [client.done(client.finish(sent)).status for _ in range(2)] == [200, 200]
    assert proxy.finished == [(sent, True)]


# The wire


def test_bodies_respect_the_windows_of_both_sides() -> None:
    with SailorProxy(wire=WireRules(window_bytes=500)) as proxy, RawClient(proxy) as client:
        client.until(lambda: client.settings.get(4) == 500)
        sent = proxy.publish({"body": "x" * 200_000})
        answer = client.done(client.poll())
        assert len(answer.body) > 200_000
        assert max(answer.frames) <= 16_384
        body = proxy.cipher.encode(json.dumps({"body": "y" * 20_000}).encode(), 1)
        assert client.done(client.post("data", body, sent)).status == 200
        (data,) = proxy.take("data")
        assert data.body == body


def test_settings_may_change(proxy: SailorProxy, client: RawClient) -> None:
    client.until(lambda: client.settings.get(3) == 100)
    proxy.change_settings(window_bytes=1000, max_streams=2)
    client.until(lambda: client.settings.get(3) == 2)
    assert client.settings[4] == 1000


def test_pings_go_both_ways(proxy: SailorProxy, client: RawClient) -> None:
    client.sync()
    proxy.ping()
    client.read()
    proxy.wait_until(lambda: proxy.pongs == 1)


def test_the_variables_lead_to_the_proxy(proxy: SailorProxy) -> None:
    environ = proxy.environ("f", PROXY_PREFETCH_SAILOR=3)
    assert environ["ELASTICIO_SAILOR_PROXY_URI"] == proxy.uri
    assert environ["SHIPMATE_TRANSPORT"] == "proxy"
    assert (environ["ELASTICIO_FUNCTION"], environ["ELASTICIO_PROXY_PREFETCH_SAILOR"]) == ("f", "3")
    assert "ELASTICIO_AMQP_URI" not in environ


def test_the_claims_of_the_clients_are_known(proxy: SailorProxy) -> None:
    with RawClient(proxy, token(function="upsert")) as client:
        client.poll()
        proxy.wait_for("poll")
    (claims,) = proxy.clients.values()
    assert claims["function"] == "upsert"


def test_what_does_not_happen_in_time_is_an_error(proxy: SailorProxy) -> None:
    with pytest.raises(TimeoutError):
        proxy.wait_for("poll", timeout_seconds=0.01)
    with pytest.raises(TimeoutError):
        proxy.outcome("m1", timeout_seconds=0.01)
