"""The rules of the contract that the emulated sailor proxy checks, each with a client that breaks it."""

import json
from collections.abc import Callable, Iterator

import pytest

from shipmate.emulator import SailorProxy
from shipmate.emulator.sailor_proxy import WireRules
from shipmate.emulator.sailor_proxy.token import BadToken, claims_of
from tests.unit.emulator.raw_client import FIXED, RawClient, token

VECTOR = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VybmFtZSI6InVzZXJAZXhhbXBsZS5jb20iLCJwYXNzd29yZCI6ImFwaS1rZXktMSIsInN0ZX"
    "BJZCI6InN0ZXBfMSIsImNsaWVudElkIjoiMTExMTExMTEtMjIyMi00MzMzLTg0NDQtNTU1NTU1NTU1NTU1IiwiZXhlY0lkIjoiZXhlYy0xIiwiY29udGF"
    "pbmVySWQiOiJjb250LTEiLCJ3b3Jrc3BhY2VJZCI6IndzLTEiLCJ1c2VySWQiOiJ1c2VyLTEiLCJjb21wSWQiOiJjb21wLTEiLCJmdW5jdGlvbiI6InVw"
    "c2VydCIsImlhdCI6MTc5MDAwMDAwMH0.VDtUSCT0sVydNyQCGnA7qxS2oesHsnwytwLE0c6wEmg"
)
AWAITED = "snapshot without snapshotEvent in the metadata"


@pytest.fixture
def proxy() -> Iterator[SailorProxy]:
    """A proxy."""
    with SailorProxy() as started:
        yield started


@pytest.fixture
def client(proxy: SailorProxy) -> Iterator[RawClient]:
    """A client that has a message in work."""
    with RawClient(proxy) as connected:
        proxy.publish({"body": {}}, headers={"messageId": "m1"})
        connected.message()
        yield connected


def test_the_token_of_the_contract_is_accepted() -> None:
    """Vector 18.1."""
    assert claims_of(f"Bearer {VECTOR}", "testProxySecret")["username"] == "user@example.com"


@pytest.mark.parametrize(
    ("authorization", "text"),
    [
        (None, "expected the header authorization"),
        ("Basic eDp5", "expected the header authorization"),
        ("Bearer a.b.c", "another secret"),
        (token("wrong"), "another secret"),
        (token(header={"alg": "HS256"}), "HS256 and JWT only"),
        (token(exp=1), r"too many or too few claims: \['exp'\]"),
        (token(stepId=None), r"too many or too few claims: \['stepId'\]"),
        (token(username=""), r"with a text, found others: \['username'\]"),
        (token(iat=1790000000000), "iat in seconds"),
        (token(clientId="x"), "UUID of version 4"),
    ],
)
def test_a_wrong_token_is_refused_without_its_text(authorization: str | None, text: str) -> None:
    with pytest.raises(BadToken, match=text):
        claims_of(authorization, "emulator-proxy-secret")


def test_a_request_with_a_wrong_token_gets_401(proxy: SailorProxy) -> None:
    with RawClient(proxy, token("wrong")) as client:
        assert client.done(client.poll()).status == 401
    assert proxy.problems == ["the token is signed with another secret"]


def test_a_client_has_one_token(proxy: SailorProxy, client: RawClient) -> None:
    claims = next(iter(proxy.clients.values()))
    client.authorization = token(**{**claims, "iat": claims["iat"] + 1})
    client.done(client.finish("m1"))
    assert proxy.problems == ["a client with a second token"]


def posted(client: RawClient, query: str, metadata: object, body: bytes = b"{}", **headers: str) -> None:
    """Send a request for an event as it is."""
    replaced = {name.replace("_", "-"): value for name, value in headers.items()}
    given = {"message-metadata": json.dumps(metadata), "content-length": str(len(body)), **replaced}
    present = {name: value for name, value in given.items() if value}
    answer = client.begin("POST", f"/message?{query}", present, ends=not body)
    client.send(answer, body)
    client.done(answer)


EVENT = {**FIXED, "messageId": "e", "parentMessageId": "m1", "threadId": "t", "start": 1}
SNAPSHOT = {**EVENT, "snapshotEvent": "snapshot"}
OF_M1 = "incomingMessageId=m1&type=snapshot"


@pytest.mark.parametrize(
    ("send", "problem"),
    [
        (lambda c: c.done(c.begin("GET", "/object/1")), "unknown request GET /object/1"),
        (lambda c: c.begin("GET", "/message"), "poll with the query parameters []"),
        (lambda c: c.begin("GET", "/message?prefetch=x"), "poll without a number as prefetch"),
        (
            lambda c: c.begin("GET", "/message?prefetch=2", {"accept": "*/*"}),
            "poll with the header accept",
        ),
        (lambda c: c.done(c.finish("m1", "done")), "finish with neither success nor error as status"),
        (lambda c: c.done(c.finish("undefined")), "finish with no id but incomingMessageId=undefined"),
        (lambda c: c.done(c.finish("m2")), "finish of a message that is not in work"),
        (lambda c: c.done(c.post("snapshot", b"{}", "m2")), "snapshot of a message that is not in work"),
        (lambda c: posted(c, OF_M1, EVENT), AWAITED),
        (lambda c: posted(c, OF_M1, {**SNAPSHOT, "end": 2}), "snapshot with end in the metadata, or without"),
        (
            lambda c: posted(c, OF_M1, {**SNAPSHOT, "protocolVersion": 1}),
            "snapshot with protocolVersion in the metadata, or without",
        ),
        (
            lambda c: posted(c, OF_M1, {**SNAPSHOT, "parentMessageId": "x"}),
            "snapshot whose parentMessageId is not its incomingMessageId",
        ),
        (
            lambda c: posted(c, OF_M1, {**SNAPSHOT, "threadId": ""}),
            "snapshot without threadId or start in the metadata",
        ),
        (lambda c: posted(c, OF_M1, {**SNAPSHOT, "function": ""}), "snapshot without function in the metadata"),
        (lambda c: posted(c, OF_M1, {**SNAPSHOT, "a": None}), "snapshot with null in the metadata"),
        (lambda c: posted(c, OF_M1, {**SNAPSHOT, "messageId": 7}), "snapshot with a messageId that is no text"),
        (lambda c: posted(c, OF_M1, []), "post without message-metadata that is a JSON object in ASCII"),
        (
            lambda c: posted(
                c, OF_M1, SNAPSHOT, message_metadata=json.dumps(SNAPSHOT | {"a": "ä"}, ensure_ascii=False)
            ),
            "post without message-metadata that is a JSON object in ASCII",
        ),
        (lambda c: posted(c, OF_M1, SNAPSHOT, b"{"), "snapshot with a body that is not JSON"),
        (lambda c: posted(c, OF_M1, SNAPSHOT, content_length=""), "post without content-length"),
        (lambda c: posted(c, OF_M1, SNAPSHOT, content_type="text/plain"), "post with the header content-type"),
        (
            lambda c: posted(c, OF_M1 + "&stepId=s", SNAPSHOT),
            "post with the query parameters ['incomingMessageId', 'stepId', 'type']",
        ),
        (
            lambda c: posted(c, "incomingMessageId=m1&type=a%20b", {**EVENT, "protocolVersion": 2}),
            "post with a query that is not form-encoded",
        ),
        (
            lambda c: posted(c, "incomingMessageId=m1&type=rebound", {**EVENT, "end": 2}, b""),
            "rebound without reboundReason in the metadata",
        ),
        (
            lambda c: posted(c, "incomingMessageId=m1&type=rebound", {**EVENT, "end": 2, "reboundReason": "r"}, b"{}"),
            "rebound with a body",
        ),
        (lambda c: c.done(c.claim("m1")), "claim after other requests on its connection"),
    ],
)
def test_a_breach_is_a_problem(
    proxy: SailorProxy, client: RawClient, send: Callable[[RawClient], object], problem: str
) -> None:
    send(client)
    client.sync()
    assert proxy.problems[:1] == [problem]


def test_more_polls_than_the_prefetch_are_a_problem(proxy: SailorProxy, client: RawClient) -> None:
    client.poll()
    client.poll()
    proxy.wait_until(lambda: bool(proxy.problems))
    assert proxy.problems == ["poll with 2 messages in work or asked for, which is the prefetch"]


def test_another_prefetch_is_a_problem(proxy: SailorProxy, client: RawClient) -> None:
    client.prefetch = 5
    client.poll()
    proxy.wait_until(lambda: bool(proxy.problems))
    assert proxy.problems == ["poll with another prefetch than before"]


def test_work_before_the_claim_is_a_problem(proxy: SailorProxy, client: RawClient) -> None:
    proxy.cut()
    with RawClient(proxy, client.authorization) as again:
        assert again.done(again.post("snapshot", b"{}", "m1")).status == 409
    assert proxy.problems == ["snapshot of a message that is not claimed"]


def test_a_claim_of_what_is_finished_is_a_problem(proxy: SailorProxy, client: RawClient) -> None:
    client.done(client.finish("m1"))
    proxy.cut()
    with RawClient(proxy, client.authorization) as again:
        assert again.done(again.claim("m1")).status == 409
    assert proxy.problems == ["claim of a message that is finished"]


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'[{"messageId":"m1"}]', b'["m1"]'])
def test_a_claim_that_is_no_list_of_messages_is_a_problem(proxy: SailorProxy, body: bytes) -> None:
    with RawClient(proxy) as client:
        answer = client.begin("POST", "/resume-processing", ends=not body)
        client.send(answer, body)
        client.done(answer)
    assert proxy.problems == ["claim that is not a list of objects with messageId, stepId and taskId"]


def test_too_many_streams_are_a_problem() -> None:
    with SailorProxy(wire=WireRules(max_streams=1)) as proxy, RawClient(proxy, prefetch=5) as client:
        client.sync()
        client.h2.remote_settings.max_concurrent_streams = 5
        client.h2.remote_settings.acknowledge()
        client.poll()
        client.poll()
        client.closed()
        assert len(proxy.problems) == 1
        assert "TooManyStreams" in proxy.problems[0]


def test_a_frame_that_http2_does_not_allow_is_a_problem(proxy: SailorProxy) -> None:
    with RawClient(proxy) as client:
        client.sock.sendall(b"\0\0\1\0\0\0\0\0\0x")  # DATA on stream 0
        client.closed()
    assert len(proxy.problems) == 1
    assert proxy.problems[0].startswith("breach of HTTP/2")
