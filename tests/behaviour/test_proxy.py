"""What a step does at the sailor proxy alone: requests, statuses, repeats, claims, and what the proxy does itself."""

import json
from pathlib import Path
from typing import Any

import pytest

from shipmate.emulator import Platform, ProxyFault, SailorProxy
from shipmate.emulator.sailor_proxy import WireRules
from tests.container import fifo
from tests.station import ProxyStation, StartAtProxy, commands

DATA = {"body": {"return": {"body": 1}}}
QUICK = {"PROXY_RECONNECT_INITIAL_DELAY": 10, "PROXY_OBJECT_REQUEST_RETRY_DELAY": 10}


def test_the_metadata_of_an_event_is_that_of_the_contract(start_at_proxy: StartAtProxy) -> None:
    """Proxy 6.2, 18.3: additional variables are in snake case, below the fixed fields."""
    station = start_at_proxy(ADDITIONAL_VARS_FOR_HEADERS="ELASTICIO_A1_B2", A1_B2="ö", PROTOCOL_VERSION=2)
    headers = {"messageId": "in-1", "threadId": "t", "parentMessageId": "p", "X-Eio-Meta-Foo": "bar", "execId": "other"}
    (data,) = station.deliver(DATA, headers=headers).data
    own = {name: data.headers[name] for name in ("messageId", "start", "end")}
    assert dict(data.headers) == {
        **own,
        "a_1_b_2": "ö",
        "stepId": "step",
        "x-eio-meta-foo": "bar",
        "threadId": "t",
        "parentMessageId": "in-1",
        "protocolVersion": 2,
        "execId": "exec",
        "taskId": "flow",
        "workspaceId": "workspace",
        "containerId": "container",
        "userId": "user",
        "compId": "component",
        "function": "commands",
    }


def test_a_routing_key_goes_into_the_query(start_at_proxy: StartAtProxy) -> None:
    """Proxy 7: a form; the value of a header may be anything."""
    station = start_at_proxy()
    station.deliver({"body": {"return": {"body": 1, "headers": {"x-eio-routing-key": "my route/ä"}}}})
    (post,) = station.proxy.wait_for("post")
    assert post.target.endswith("&type=data&customRoutingKey=my+route%2F%C3%A4")
    assert station.proxy.take("my route/ä")


def test_a_rebound_is_its_reason_and_the_proxy_sends_the_message_again(start_at_proxy: StartAtProxy) -> None:
    """Proxy 7.5: no body; the limit is the proxy's."""
    station = start_at_proxy(REBOUND_INITIAL_EXPIRATION=1, REBOUND_LIMIT=1)
    station.proxy.publish(commands(["emit", "rebound", "später"]), headers={"messageId": "m1"})
    station.wait_until_settled(2)
    (rebound,), (error,) = station.proxy.take("rebound"), station.proxy.take("error")
    assert (rebound.body, rebound.headers["reboundReason"]) == (b"", "später")
    assert "reboundIteration" not in rebound.headers
    assert error.error["message"] == "Rebound limit exceeded"
    assert station.proxy.finished == [("m1", True), ("m1", False)]


def test_an_error_is_sent_once_and_the_proxy_copies_it(start_at_proxy: StartAtProxy) -> None:
    """Proxy 7.3."""
    station = start_at_proxy()
    station.deliver(commands(["raise", "it failed"]), headers={"reply_to": "caller"})
    assert len(station.proxy.wait_for("post")) == 1
    (copy,) = station.proxy.take("caller")
    assert json.loads(station.cipher.decode(copy.body, 1))["message"] == "it failed"


def test_an_answer_that_nobody_waits_for_is_sent(start_at_proxy: StartAtProxy) -> None:
    """Proxy 17, Q13: the proxy may know where it goes; its refusal raises into the component."""
    station = start_at_proxy()
    reply = {"statusCode": 200, "body": "x", "headers": {}}
    assert station.deliver(commands(["emit", "httpReply", reply])).is_success
    assert station.proxy.take("http-reply")[0].message == reply
    station.proxy.script("http-reply", ProxyFault(status=404, body=b"nobody waits"))
    done = station.deliver(commands(["try", "httpReply", reply]))
    assert "nobody waits" in done.bodies[0]["caught"]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_what_is_refused_for_now_is_sent_again_byte_for_byte(start_at_proxy: StartAtProxy, status: int) -> None:
    """Proxy 8.2: path, metadata and body; the proxy can see that it is the same event."""
    station = start_at_proxy(**QUICK)
    station.proxy.script("data", ProxyFault(status=status), times=2)
    assert station.deliver(DATA).is_success
    posts = station.proxy.wait_for("data", 3)
    assert len({(each.target, each.headers["message-metadata"], each.body) for each in posts}) == 1


@pytest.mark.parametrize("code", [0, 2, 7, 8, 11])
def test_an_event_whose_stream_is_reset_is_sent_again(start_at_proxy: StartAtProxy, code: int) -> None:
    """Proxy 8.3: whatever the code is, also when the proxy had accepted the event."""
    station = start_at_proxy(**QUICK)
    station.proxy.script("data", ProxyFault(reset=code), ProxyFault(at="done", reset=code))
    assert station.deliver(DATA).is_success
    (message_id,) = station.proxy.duplicates
    assert message_id


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413])
@pytest.mark.parametrize("body", [b"", b"no such flow"])
def test_data_that_is_refused_for_good_is_an_error(start_at_proxy: StartAtProxy, status: int, body: bytes) -> None:
    """Proxy 8.1: with the proxy's words; it raises into the component, and counts."""
    station = start_at_proxy(ERROR_RATE_LIMIT=100)
    station.proxy.script("data", ProxyFault(status=status, body=body))
    done = station.deliver(commands(["try", "data", {"body": 1}]))
    text = body.decode() or f"Failed to send message, status code: {status}"
    (error,) = done.errors
    assert error.error["message"] == text
    assert done.bodies == [{"caught": text}]
    assert not done.is_success


def test_a_message_that_is_too_large_is_named_without_a_full_stop(start_at_proxy: StartAtProxy) -> None:
    """Proxy 8.4."""
    done = start_at_proxy(OUTGOING_MESSAGE_SIZE_LIMIT=200).deliver(commands(["emit", "data", {"body": "x" * 200}]))
    assert done.errors[0].error["message"].endswith(" exceeds limit of 200")


def test_an_error_that_is_too_large_with_its_input_goes_without_it(start_at_proxy: StartAtProxy) -> None:
    """Proxy 7.3: it must not prevent the finish."""
    done = start_at_proxy(OUTGOING_MESSAGE_SIZE_LIMIT=2000).deliver(commands(["raise", "no"], more="x" * 2000))
    (error,) = done.errors
    assert (error.error["message"], error.error_input) == ("no", None)
    assert not done.is_success


@pytest.mark.parametrize("fault", [ProxyFault(status=503), ProxyFault(reset=0), ProxyFault(at="done", cut=True)])
def test_a_finish_is_repeated_until_it_is_accepted(start_at_proxy: StartAtProxy, fault: ProxyFault) -> None:
    """Proxy 9.2: once for the proxy, whatever the client has to do for it."""
    station = start_at_proxy(**QUICK)
    station.proxy.script("finish", fault)
    assert station.deliver(DATA).is_success
    assert station.deliver(DATA).is_success
    assert len(station.proxy.finished) == 2


def test_a_finish_that_is_refused_is_not_repeated(start_at_proxy: StartAtProxy) -> None:
    """Proxy 9.2: the next message is taken all the same."""
    station = start_at_proxy()
    station.proxy.script("finish", ProxyFault(status=404))
    station.proxy.publish(DATA)
    station.proxy.wait_for("finish")
    assert station.deliver(DATA).is_success
    assert len(station.proxy.wait_for("finish", 2)) == 2


@pytest.mark.parametrize("moment", ["headers", "body", "request", "done", "answer", "middle"])
def test_a_lost_connection_is_invisible_to_the_component(start_at_proxy: StartAtProxy, moment: Any) -> None:
    """Proxy 10: the claim comes first; the event is sent again if its answer did not arrive."""
    station = start_at_proxy(**QUICK)
    station.proxy.script("data", ProxyFault(at=moment, cut=True))
    done = station.deliver(DATA)
    assert done.is_success
    assert len({each.headers["messageId"] for each in done.data}) == 1
    assert done.bodies == [1] * (2 if moment in ("done", "answer", "middle") else 1)
    assert station.proxy.accepted == 2


def test_a_message_in_work_survives_a_restart_of_the_proxy(start_at_proxy: StartAtProxy, tmp_path: Path) -> None:
    """Proxy 10.2: the function runs on; its events come after the claim."""
    station, pipe = start_at_proxy(**QUICK), fifo(tmp_path, "wait")
    station.proxy.publish(commands(["open", pipe], **{"return": {"body": 1}}), headers={"messageId": "m1"})
    station.proxy.wait_until(lambda: station.proxy.in_work == ["m1"])
    station.proxy.restart()
    (claim,) = station.proxy.wait_for("claim")
    assert json.loads(claim.body) == [{"messageId": "m1", "stepId": "step", "taskId": "flow"}]
    Path(pipe).write_text("go")
    assert station.proxy.outcome("m1")
    assert len(station.proxy.take("data")) == 1


def test_a_goaway_moves_the_work_to_a_new_connection(start_at_proxy: StartAtProxy, tmp_path: Path) -> None:
    """Proxy 4.5: at once; the proxy answers on the old one what it owes."""
    station, pipe = start_at_proxy(**QUICK), fifo(tmp_path, "wait")
    station.proxy.publish(commands(["open", pipe], **{"return": {"body": 1}}), headers={"messageId": "m1"})
    station.proxy.wait_until(lambda: station.proxy.in_work == ["m1"])
    station.proxy.go_away()
    station.proxy.wait_for("claim")
    Path(pipe).write_text("go")
    assert station.proxy.outcome("m1")
    station.proxy.wait_until(lambda: station.proxy.connections == 1)


def test_a_message_that_is_handed_out_again_is_not_processed_twice(
    start_at_proxy: StartAtProxy, tmp_path: Path
) -> None:
    """Proxy 10.4: the running function finishes it, once."""
    station, pipe = start_at_proxy(RABBITMQ_PREFETCH_SAILOR=2, **QUICK), fifo(tmp_path, "wait")
    station.proxy.publish(commands(["open", pipe], **{"return": {"body": 1}}), headers={"messageId": "m1"})
    station.proxy.wait_until(lambda: station.proxy.in_work == ["m1"])
    station.proxy.restart()
    station.proxy.wait_for("claim")
    station.proxy.hand_out_again("m1")
    polls = len(station.proxy.wait_for("poll"))
    station.proxy.wait_for("poll", polls + 1)
    Path(pipe).write_text("go")
    station.wait_until_settled(1)
    assert len(station.proxy.take("data")) == 1


def test_a_slow_message_does_not_keep_the_other_slots(start_at_proxy: StartAtProxy, tmp_path: Path) -> None:
    """Proxy 5.4, without PDEF-1."""
    station, pipe = start_at_proxy(RABBITMQ_PREFETCH_SAILOR=2), fifo(tmp_path, "wait")
    slow = station.proxy.publish(commands(["open", pipe]))
    quick = station.proxy.fill([DATA] * 5)
    for each in quick:
        assert station.proxy.outcome(each)
    assert station.proxy.in_work == [slow]
    Path(pipe).write_text("go")
    assert station.proxy.outcome(slow)


@pytest.mark.parametrize("fault", [ProxyFault(status=401), ProxyFault(status=503), ProxyFault(reset=11)])
def test_polls_that_fail_are_repeated(start_at_proxy: StartAtProxy, proxy: SailorProxy, fault: ProxyFault) -> None:
    """Proxy 5.2, 5.3: after a pause."""
    proxy.script("poll", fault, times=2)
    station = start_at_proxy(**QUICK)
    assert station.deliver(DATA).is_success


def test_answers_may_come_in_any_shape(start_at_proxy: StartAtProxy, proxy: SailorProxy) -> None:
    """Proxy 5.2, 8.1: piece by piece, with an empty frame in the end, with a body that nobody needs."""
    slow = ProxyFault(piece_bytes=7, pause_seconds=0, trailing=True)
    proxy.script("poll", slow, times=5)
    proxy.script("post", ProxyFault(body=b"accepted", trailing=True), times=5)
    proxy.script("finish", ProxyFault(status=202, body=b"x" * 20_000, at="done"), times=5)
    assert start_at_proxy().deliver(DATA).bodies == [1]


def test_the_windows_and_streams_of_the_proxy_are_respected(platform: Platform) -> None:
    """Proxy 4.1, 17 Q11: a window of 500 bytes, and fewer streams than slots; a body of any size arrives."""
    with SailorProxy(wire=WireRules(window_bytes=500, max_streams=6)) as proxy:
        station = ProxyStation(platform, proxy, RABBITMQ_PREFETCH_SAILOR=10)
        body = {"text": "ä" * 100_000}
        done = station.deliver({"body": {"return": {"body": body}}})
        assert done.bodies == [body]
        station.stop()
        assert proxy.problems == []
