"""The failures that a test can ask the emulated sailor proxy for."""

import json
from collections.abc import Iterator

import pytest
from hyperframe.frame import GoAwayFrame

from shipmate.emulator import ProxyFault, SailorProxy
from shipmate.emulator.sailor_proxy import WireRules
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


@pytest.fixture
def sent(proxy: SailorProxy, client: RawClient) -> str:
    """A message that the client has in work."""
    message_id = proxy.publish({"body": {}})
    assert client.message() == message_id
    return message_id


def post(client: RawClient, sent: str) -> tuple[int, int | None]:
    """Post a snapshot, and return the status and the code of a reset."""
    answer = client.done(client.post("snapshot", b'{"a":1}', sent))
    return answer.status, answer.reset


def test_a_stopped_proxy_refuses_connections(proxy: SailorProxy) -> None:
    proxy.stop()
    with pytest.raises(ConnectionRefusedError):
        RawClient(proxy)
    proxy.start()
    with RawClient(proxy) as client:
        client.poll()
        proxy.wait_for("poll")


def test_a_connection_may_be_accepted_and_closed(proxy: SailorProxy) -> None:
    proxy.script("connect", ProxyFault(cut=True), times=2)
    for _ in range(2):
        with RawClient(proxy) as client:
            client.closed()
    with RawClient(proxy) as client:
        client.until(lambda: bool(client.settings))
    assert (proxy.accepted, len(proxy.requests)) == (3, 0)


def test_the_next_requests_get_a_status(proxy: SailorProxy, client: RawClient, sent: str) -> None:
    proxy.script("post", ProxyFault(status=503), ProxyFault(status=413, body=b"too large"))
    first, second = (client.done(client.post("snapshot", b"{}", sent)) for _ in range(2))
    assert (first.status, first.body) == (503, b"")
    assert (second.status, second.body) == (413, b"too large")
    assert proxy.depth("snapshot") == 0
    assert post(client, sent) == (200, None)


def test_a_fault_may_be_for_one_type_of_event(proxy: SailorProxy, client: RawClient, sent: str) -> None:
    proxy.script("data", ProxyFault(status=503))
    assert post(client, sent) == (200, None)
    assert client.done(client.post("data", b"", sent)).status == 503


@pytest.mark.parametrize("code", [0, 2, 7, 8, 11])
def test_a_stream_may_be_reset(proxy: SailorProxy, client: RawClient, sent: str, code: int) -> None:
    proxy.script("post", ProxyFault(reset=code))
    assert post(client, sent) == (0, code)
    assert post(client, sent) == (200, None)


def test_an_event_may_be_accepted_and_its_answer_lost(proxy: SailorProxy, client: RawClient, sent: str) -> None:
    proxy.script("post", ProxyFault(at="done", reset=2))
    assert post(client, sent) == (0, 2)
    assert proxy.depth("snapshot") == 1


@pytest.mark.parametrize("moment", ["headers", "body", "request", "done", "answer", "middle"])
def test_the_connection_may_be_cut_at_each_moment(
    proxy: SailorProxy, client: RawClient, sent: str, moment: str
) -> None:
    if moment in ("answer", "middle"):
        proxy.script("post", ProxyFault(body=b"0123456789"))
    proxy.script("post", ProxyFault(at=moment, cut=True))  # type: ignore[arg-type]
    headers = {"content-length": "4", "message-metadata": json.dumps(metadata(sent))}
    answer = client.begin("POST", f"/message?incomingMessageId={sent}&type=snapshot", headers, ends=False)
    if moment != "headers":
        client.send(answer, b"{}", ends=False)
    if moment not in ("headers", "body"):
        client.send(answer, b"  ")
    client.closed()
    assert proxy.depth("snapshot") == (moment in ("done", "answer", "middle"))
    assert answer.status == (200 if moment in ("answer", "middle") else 0)
    assert answer.body == (b"01234" if moment == "middle" else b"")


def metadata(sent: str) -> dict[str, object]:
    """Return the metadata of a snapshot."""
    fixed = ("execId", "taskId", "workspaceId", "containerId", "userId", "stepId", "compId", "function", "threadId")
    return {**dict.fromkeys(fixed, "x"), "parentMessageId": sent, "start": 1, "snapshotEvent": "snapshot"}


def test_a_poll_that_is_cut_keeps_its_message_for_the_client(proxy: SailorProxy, client: RawClient) -> None:
    proxy.script("poll", ProxyFault(at="middle", cut=True))
    sent = proxy.publish({"body": "x" * 100})
    answer = client.poll()
    client.closed()
    assert 0 < len(answer.body) < 100
    assert proxy.in_work == [sent]


@pytest.mark.parametrize("fault", [ProxyFault(at="done", status=500), ProxyFault(at="done", reset=7)])
def test_a_message_that_was_not_sent_goes_to_the_next_poll(
    proxy: SailorProxy, client: RawClient, fault: ProxyFault
) -> None:
    proxy.script("poll", fault)
    sent = proxy.publish({"body": {}})
    client.done(client.poll())
    assert client.message() == sent


def test_waiting_polls_may_be_reset(proxy: SailorProxy, client: RawClient) -> None:
    answer = client.poll()
    proxy.wait_for("poll")
    proxy.reset_polls(11)
    assert client.done(answer).reset == 11
    sent = proxy.publish({"body": {}})
    assert client.message() == sent


def test_a_goaway_answers_what_is_owed_and_ignores_the_rest(proxy: SailorProxy, client: RawClient, sent: str) -> None:
    owed = client.poll()
    proxy.wait_for("poll", 2)
    proxy.go_away(code=2)
    while client.goaway is None:
        read_all(client)
    assert client.goaway == (2, owed.stream_id)
    message = proxy.publish({"body": {}})
    while not owed.is_ended:
        read_all(client)
    assert owed.metadata["messageId"] == message


def read_all(client: RawClient) -> None:
    """Read frames as a client must that goes on after a GOAWAY, which h2 does not."""

    data = client.sock.recv(65536)
    position = 0
    while position < len(data):
        end = position + 9 + int.from_bytes(data[position : position + 3])
        if data[position + 3] == GoAwayFrame.type:
            last, code = (int.from_bytes(data[position + 9 + skip : position + 13 + skip]) for skip in (0, 4))
            client.goaway = (code, last)
        else:
            for event in client.h2.receive_data(data[position:end]):
                client._on_event(event)
        position = end
    client.flush()


def test_a_request_after_goaway_is_ignored(proxy: SailorProxy, client: RawClient, sent: str) -> None:
    proxy.script("post", ProxyFault(goaway=0, last_stream_id=1))
    late = client.post("snapshot", b"{}", sent)
    while client.goaway is None:
        read_all(client)
    assert client.goaway == (0, 1)
    assert proxy.depth("snapshot") == 0
    assert not late.is_ended


def test_a_goaway_may_come_with_an_answer(proxy: SailorProxy, client: RawClient, sent: str) -> None:
    proxy.script("post", ProxyFault(at="done", goaway=11))
    answer = client.post("snapshot", b"{}", sent)
    while not answer.is_ended:
        read_all(client)
    assert (answer.status, client.goaway) == (200, (11, answer.stream_id))


def test_pings_may_stay_unanswered() -> None:
    with SailorProxy(wire=WireRules(answers_pings=False)) as proxy, RawClient(proxy) as client:
        client.h2.ping(b"12345678")
        client.flush()
        sent = proxy.publish({"body": {}})
        assert client.message() == sent
        assert client.pongs == 0


def test_an_answer_may_come_piece_by_piece(proxy: SailorProxy, client: RawClient) -> None:
    proxy.script("poll", ProxyFault(piece_bytes=10, pause_seconds=0.001, trailing=True))
    proxy.publish_raw(b"0123456789" * 3, {"messageId": "m"})
    answer = client.done(client.poll())
    assert answer.body == b"0123456789" * 3
    assert answer.frames[-1] == 0
    assert max(answer.frames) <= 10


def test_an_accepted_event_may_be_answered_with_a_body(proxy: SailorProxy, client: RawClient, sent: str) -> None:
    proxy.script("finish", ProxyFault(body=b'{"ok":true}', headers={"x-request": "1"}))
    answer = client.done(client.finish(sent))
    assert (answer.status, answer.body, answer.headers["x-request"]) == (200, b'{"ok":true}', "1")
    assert proxy.outcome(sent)


def test_a_request_may_be_held(proxy: SailorProxy, client: RawClient, sent: str) -> None:
    proxy.script("finish", ProxyFault(hold=True))
    answer = client.finish(sent)
    proxy.wait_until(lambda: proxy.held == 1)
    assert proxy.finished == []
    proxy.release()
    assert client.done(answer).status == 200
    assert proxy.finished == [(sent, True)]


def test_a_finish_that_is_refused_ends_the_work_for_the_client(
    proxy: SailorProxy, client: RawClient, sent: str
) -> None:
    proxy.script("finish", ProxyFault(status=404))
    assert client.done(client.finish(sent)).status == 404
    assert proxy.in_work == []
    following = proxy.publish({"body": {}})
    assert client.message() == following


def test_a_claim_may_be_refused_for_now(proxy: SailorProxy, client: RawClient, sent: str) -> None:
    proxy.script("claim", ProxyFault(status=503))
    proxy.cut()
    with RawClient(proxy, client.authorization) as again:
        assert [again.done(again.claim(sent)).status for _ in range(2)] == [503, 200]
        again.done(again.finish(sent))


def test_an_unknown_moment_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected one of headers, body"):
        ProxyFault(at="later")  # type: ignore[arg-type]
