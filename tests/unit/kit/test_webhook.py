"""Webhooks: only signed requests become events, and challenges are answered."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest

from shipmate.errors import CredentialsInvalid, DescriptorError, EmitError, SignatureRefused
from shipmate.kit import Echo, HashedEcho, Webhook

NOW = 1_769_850_000
BODY = '{"type": "order.created", "id": 7}'
SECRET = "s3cret"
CFG = {"secret": SECRET}


def sign(payload: str, algorithm: str = "sha256", key: bytes = SECRET.encode()) -> bytes:
    return hmac.digest(key, payload.encode(), algorithm)


def request(headers: dict[str, Any] | None = None, body: Any = BODY, **members: Any) -> dict[str, Any]:
    return {"body": {"rawData": body}, "headers": headers or {}, "query": {}, "method": "POST", **members}


class Caller:
    """A context whose replies arrive, or nobody waits for them."""

    def __init__(self, waits: bool = True) -> None:
        self.events: list[tuple[str, Any]] = []
        self.waits = waits

    def emit(self, event: str, value: Any) -> None:
        if event == "httpReply" and not self.waits:
            raise EmitError("nobody waits")
        self.events.append((event, value))


GITHUB = Webhook("X-Hub-Signature-256", prefix="sha256=")
SHOPIFY = Webhook("X-Shopify-Hmac-Sha256", encoding="base64")
STRIPE = Webhook(
    "Stripe-Signature",
    separator=",",
    prefix="v1=",
    timestamp_prefix="t=",
    signed="{timestamp}.{body}",
    now=lambda: NOW,
)
SLACK = Webhook(
    "X-Slack-Signature",
    prefix="v0=",
    timestamp="X-Slack-Request-Timestamp",
    signed="v0:{timestamp}:{body}",
    challenges=(Echo(body="challenge", reply="challenge"),),
    now=lambda: NOW,
)
STANDARD = Webhook(
    "webhook-signature",
    separator=" ",
    prefix="v1,",
    encoding="base64",
    timestamp="webhook-timestamp",
    signed="{header:webhook-id}.{timestamp}.{body}",
    key_encoding="base64",
    key_prefix="whsec_",
    now=lambda: NOW,
)
META = Webhook(
    "X-Hub-Signature-256",
    prefix="sha256=",
    challenges=(Echo(query="hub.challenge", token_query="hub.verify_token", token="verifyToken"),),
)
ZOOM = replace(SLACK, header="x-zm-signature", timestamp="x-zm-request-timestamp", challenges=(HashedEcho(),))


def slack_headers(
    body: str, when: int = NOW, names: tuple[str, str] = ("x-slack-signature", "x-slack-request-timestamp")
):
    return {names[0]: "v0=" + sign(f"v0:{when}:{body}").hex(), names[1]: str(when)}


def test_a_signature_in_hexadecimal_with_a_prefix() -> None:
    """The case of names and digits does not matter."""
    digest = sign(BODY).hex()
    for given in (digest, digest.upper()):
        received = GITHUB.read(request({"x-hub-signature-256": f"sha256={given}"}), CFG)
        assert received.event == json.loads(BODY)
        assert not received.is_challenge


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64", "base64url"])
def test_each_algorithm_and_encoding(algorithm: Any, encoding: Any) -> None:
    """Padding does not matter."""
    digest = sign(BODY, algorithm)
    written = {
        "hex": digest.hex(),
        "base64": base64.b64encode(digest).decode(),
        "base64url": base64.urlsafe_b64encode(digest).decode(),
    }[encoding]
    webhook = Webhook("X-Sign", algorithm=algorithm, encoding=encoding)
    for given in (written, written.rstrip("=")):
        assert webhook.read(request({"X-Sign": given}), CFG).event["id"] == 7
    with pytest.raises(SignatureRefused):
        webhook.read(request({"X-Sign": written[:-6]}), CFG)


@pytest.mark.parametrize(
    ("webhook", "headers", "body"),
    [
        (GITHUB, {}, BODY),
        (GITHUB, {"X-Hub-Signature-256": ""}, BODY),
        (GITHUB, {"X-Hub-Signature-256": sign(BODY).hex()}, BODY),
        (GITHUB, {"X-Hub-Signature-256": "sha256="}, BODY),
        (GITHUB, {"X-Hub-Signature-256": "sha256=\udc80é"}, BODY),
        (GITHUB, {"X-Hub-Signature-256": "sha256=" + sign(BODY, key=b"other").hex()}, BODY),
        (GITHUB, {"X-Hub-Signature-256": "sha256=" + sign(BODY).hex()}, BODY + " "),
        (STRIPE, {"Stripe-Signature": "v1=" + sign(f"{NOW}.{BODY}").hex()}, BODY),
        (STRIPE, {"Stripe-Signature": f"t={NOW + 1},v1=" + sign(f"{NOW}.{BODY}").hex()}, BODY),
        (STRIPE, {"Stripe-Signature": "t=soon,v1=" + sign(f"soon.{BODY}").hex()}, BODY),
        (SLACK, {"X-Slack-Signature": "v0=" + sign(f"v0::{BODY}").hex()}, BODY),
    ],
)
def test_what_is_not_signed_is_refused(webhook: Webhook, headers: Any, body: str) -> None:
    """With 401 for the caller; the text has neither the signature nor the secret."""
    caller = Caller()
    with pytest.raises(SignatureRefused) as caught:
        webhook.receive(caller, request(headers, body), CFG)  # type: ignore[arg-type]
    assert [(event, value["statusCode"]) for event, value in caller.events] == [("httpReply", 401)]
    assert SECRET not in str(caught.value)
    assert sign(BODY).hex()[:8] not in str(caught.value)


def test_the_bytes_of_the_body_are_signed() -> None:
    """As text, bytes, or as the platform's Buffer."""
    raw = '{"name": "Zoë"}'
    headers = {"X-Hub-Signature-256": "sha256=" + sign(raw).hex()}
    for body in (raw, raw.encode(), {"type": "Buffer", "data": list(raw.encode())}):
        assert GITHUB.read(request(headers, body), CFG).event == {"name": "Zoë"}


def test_a_parsed_body_is_refused_with_what_to_do() -> None:
    """A parsed body written anew has other bytes."""
    headers = {"X-Hub-Signature-256": "sha256=" + sign(BODY).hex()}
    with pytest.raises(DescriptorError, match='expected "consumesRawData": true, found a parsed body'):
        GITHUB.read({"body": json.loads(BODY), "headers": headers}, CFG)


def test_several_signatures_while_a_secret_is_replaced() -> None:
    """One that fits is enough; of very many only the first ones count."""
    right = "v1=" + sign(f"{NOW}.{BODY}").hex()
    for items in (["v1=00", right], [right, "v1=00"], [right, "v0=00"]):
        headers = {"Stripe-Signature": f"t={NOW}," + ",".join(items)}
        assert STRIPE.read(request(headers), CFG).event["id"] == 7
    with pytest.raises(SignatureRefused):
        STRIPE.read(request({"Stripe-Signature": f"t={NOW}," + "v1=00," * 10 + right}), CFG)


@pytest.mark.parametrize(("age", "is_accepted"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)])
def test_a_signature_has_an_age(age: int, is_accepted: bool) -> None:
    """An old one may be a replay, one from the future will be one."""
    headers = slack_headers(BODY, NOW - age)
    if is_accepted:
        assert SLACK.read(request(headers), CFG).event["id"] == 7
    else:
        with pytest.raises(SignatureRefused, match="of the last 300 seconds"):
            SLACK.read(request(headers), CFG)


def test_milliseconds_and_parts_of_the_request_can_be_signed() -> None:
    """As HubSpot does it."""
    webhook = Webhook(
        "X-Sign", encoding="base64", timestamp="X-Time", signed="{method}{url}{body}{timestamp}", now=lambda: NOW
    )
    stamp = str(NOW * 1000)
    digest = base64.b64encode(sign(f"POST/hook/1?a=b{BODY}{stamp}")).decode()
    message = request({"X-Sign": [digest], "X-Time": stamp}, url="/hook/1?a=b")
    assert webhook.read(message, CFG).event["id"] == 7


def test_the_secret_may_be_encoded() -> None:
    """As in the standard of several providers."""
    key = b"\x00\x01binary"
    cfg = {"secret": "whsec_" + base64.b64encode(key).decode()}
    digest = base64.b64encode(sign(f"msg_1.{NOW}.{BODY}", key=key)).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(NOW), "webhook-signature": f"v1,AAAA v1,{digest}"}
    assert STANDARD.read(request(headers), cfg).event["id"] == 7
    with pytest.raises(CredentialsInvalid, match="secret: expected base64, found another text"):
        STANDARD.read(request(headers), {"secret": "whsec_é"})
    assert Webhook("X", key_encoding="hex").read(
        request({"X": sign(BODY, key=b"\x01").hex()}), {"secret": "01"}
    ).event  # fmt: skip


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_a_missing_secret_is_an_error(empty: Any) -> None:
    """Unless the declaration allows it: then nothing is checked."""
    with pytest.raises(CredentialsInvalid, match="secret: expected the secret of the webhook, found nothing"):
        GITHUB.read(request(), {"secret": empty})
    free = replace(GITHUB, is_required=False)
    assert free.read(request(), {"secret": empty}).event["id"] == 7
    assert free.read({"body": {"id": 8}}, {"secret": empty}).event == {"id": 8}
    with pytest.raises(SignatureRefused):
        free.read(request(), CFG)


@pytest.mark.parametrize(
    ("kind", "body", "event"),
    [
        ("application/json", "[1]", [1]),
        ("application/x-www-form-urlencoded; charset=utf-8", "a=1&b=2&b=3&c=", {"a": "1", "b": ["2", "3"], "c": ""}),
        ("text/plain", "hello", "hello"),
        ("application/json", "{", "{"),
        ("application/json", "", {}),
        ("application/json", "[" * 100_000, "[" * 100_000),
    ],
)
def test_the_event_is_what_the_body_says(kind: str, body: str, event: Any) -> None:
    """JSON, a form, or text."""
    headers = {"X-Hub-Signature-256": "sha256=" + sign(body).hex(), "Content-Type": kind}
    assert GITHUB.read(request(headers, body), CFG).event == event


def test_a_challenge_in_the_query_is_answered_as_text() -> None:
    """If the token is right; the answer is never HTML."""
    query = {"hub.mode": "subscribe", "hub.challenge": "<b>42", "hub.verify_token": "tok"}
    message = {"body": {}, "headers": {}, "query": query, "method": "GET"}
    caller = Caller()
    META.process(caller, message, {**CFG, "verifyToken": "tok"}, {})  # type: ignore[arg-type]
    ((event, reply),) = caller.events
    assert (event, reply["statusCode"], reply["body"]) == ("httpReply", 200, "<b>42")
    assert reply["headers"]["Content-Type"].startswith("text/plain")
    for given in ("other", ""):
        with pytest.raises(SignatureRefused, match=r"hub\.verify_token"):
            META.read({**message, "query": {**query, "hub.verify_token": given}}, {**CFG, "verifyToken": "tok"})
    with pytest.raises(CredentialsInvalid, match="verifyToken"):
        META.read(message, CFG)
    with pytest.raises(SignatureRefused, match="at most 1000 characters"):
        META.read({**message, "query": {**query, "hub.challenge": "4" * 1001}}, {**CFG, "verifyToken": "tok"})


def test_a_challenge_in_the_body_must_be_signed() -> None:
    """Its answer is JSON."""
    body = '{"type": "url_verification", "challenge": "3eZb"}'
    reply = SLACK.read(request(slack_headers(body), body), CFG).reply
    assert reply is not None
    assert reply["body"] == {"challenge": "3eZb"}
    with pytest.raises(SignatureRefused):
        SLACK.read(request(slack_headers(BODY), body), CFG)


def test_a_hash_is_given_only_for_a_signed_plain_token() -> None:
    """Otherwise a stranger could have any event signed."""
    names = ("x-zm-signature", "x-zm-request-timestamp")
    body = '{"event": "endpoint.url_validation", "payload": {"plainToken": "qgg8vlvZRS6UYooatFL8Aw"}}'
    reply = ZOOM.read(request(slack_headers(body, names=names), body), CFG).reply
    hashed = hmac.new(SECRET.encode(), b"qgg8vlvZRS6UYooatFL8Aw", hashlib.sha256).hexdigest()
    assert reply is not None
    assert reply["body"] == {"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": hashed}
    with pytest.raises(SignatureRefused):
        ZOOM.read(request({}, body), CFG)
    forged = json.dumps({"payload": {"plainToken": f"v0:{NOW}:{BODY}"}})
    with pytest.raises(SignatureRefused, match="expected letters and digits"):
        ZOOM.read(request(slack_headers(forged, names=names), forged), CFG)
    with pytest.raises(CredentialsInvalid):
        replace(ZOOM, is_required=False).read(request({}, body), {})


def test_an_event_is_emitted_and_answered() -> None:
    """The function can be named in component.json as it is; values that are no objects are wrapped."""
    webhook = replace(GITHUB, reply={"statusCode": 202})
    for body, emitted in ((BODY, json.loads(BODY)), ("[1]", {"value": [1]})):
        caller = Caller()
        webhook.process(caller, request({"X-Hub-Signature-256": "sha256=" + sign(body).hex()}, body), CFG, {})  # type: ignore[arg-type]
        assert caller.events == [("data", {"body": emitted}), ("httpReply", {"statusCode": 202})]


def test_nobody_needs_to_wait_for_an_answer() -> None:
    """In flows that are not in real time."""
    caller = Caller(waits=False)
    with pytest.raises(SignatureRefused):
        GITHUB.receive(caller, request(), CFG)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"signed": "{timestamp}"}, "signed: expected {body}"),
        ({"signed": "{body}{nonce}"}, "found another one"),
        ({"timestamp": "X-Time"}, "anyone could change the time"),
        ({"signed": "{timestamp}{body}"}, "timestamp: expected the name of its header"),
        ({"algorithm": "md5"}, "algorithm: expected sha256"),
        ({"encoding": "base32"}, "encoding: expected hex"),
        ({"key_encoding": "base32"}, "key_encoding: expected text, hex, base64"),
    ],
)
def test_a_declaration_that_checks_nothing_is_refused(options: Any, text: str) -> None:
    """When the module is imported."""
    with pytest.raises(ValueError, match=text):
        Webhook("X-Sign", **options)


@pytest.mark.parametrize("options", [{}, {"query": "a", "body": "b"}, {"query": "a", "token": "t"}])
def test_a_challenge_without_a_place_is_refused(options: Any) -> None:
    """And half a token."""
    with pytest.raises(ValueError, match="Echo: expected"):
        Echo(**options)


def test_each_item_of_a_list_may_be_a_message() -> None:
    caller, body = Caller(), '[{"id": 1}, {"id": 2}, 3]'
    replace(GITHUB, items=True).process(caller, GITHUB.sign(body, SECRET), CFG, {})  # type: ignore[arg-type]
    assert [value["body"] for _, value in caller.events] == [{"id": 1}, {"id": 2}, {"value": 3}]
    caller = Caller()
    GITHUB.process(caller, GITHUB.sign(body, SECRET), CFG, {})  # type: ignore[arg-type]
    assert [value["body"] for _, value in caller.events] == [{"value": json.loads(body)}]


@pytest.mark.parametrize("webhook", [GITHUB, SHOPIFY, STRIPE, SLACK])
def test_a_request_that_a_test_signs_is_accepted(webhook: Webhook) -> None:
    msg = webhook.sign(BODY, SECRET)
    assert webhook.read(msg, CFG).event == json.loads(BODY)
    with pytest.raises(SignatureRefused):
        webhook.read(webhook.sign(BODY, "other"), CFG)


def test_the_public_url_may_be_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELASTICIO_FLOW_WEBHOOK_URI", "https://in.example.com/hook/1")
    webhook = Webhook("X-Signature", signed="{method}{webhook}{body}")
    signature = sign(f"POSThttps://in.example.com/hook/1{BODY}").hex()
    assert webhook.read(request({"X-Signature": signature}), CFG).event == json.loads(BODY)
    monkeypatch.delenv("ELASTICIO_FLOW_WEBHOOK_URI")
    with pytest.raises(DescriptorError, match="expected the URL of the flow's webhook, found none"):
        webhook.read(request({"X-Signature": signature}), CFG)


def test_an_api_that_signs_nothing_is_declared_as_such() -> None:
    assert Webhook(secret="").read(request(), {}).event == json.loads(BODY)
    with pytest.raises(ValueError, match="secret=''"):
        Webhook()
    with pytest.raises(ValueError, match="expected api= and subscribe="):
        Webhook(secret="", unsubscribe="DELETE /hooks/{id}")
