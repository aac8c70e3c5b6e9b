"""Webhooks: checks the signature of a request, answers the challenge of an API, and reads the event.

A signature is an HMAC of the unparsed body: ``component.json`` needs ``"consumesRawData": true``.
"""

import base64
import hmac
import logging
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from shipmate.errors import CredentialsInvalid, DescriptorError, EmitError, SignatureRefused
from shipmate.invocation.message import HttpReply, message
from shipmate.jsonvalue import member_at
from shipmate.kit.moments import moment
from shipmate.kit.objects.connection import json_of
from shipmate.kit.objects.routes import Route
from shipmate.kit.values import text
from shipmate.kit.webhook_challenge import Echo, HashedEcho, check_token, echoed, hashed
from shipmate.kit.webhook_request import event, header, is_raw, method, query, raw_body

if TYPE_CHECKING:
    from shipmate.invocation.context import Context
    from shipmate.kit.objects.api import Api

_LOG: Final = logging.getLogger("shipmate.kit.webhook")

Algorithm = Literal["sha256", "sha1", "sha384", "sha512"]
Encoding = Literal["hex", "base64", "base64url"]
KeyEncoding = Literal["text", "hex", "base64"]

_PLACEHOLDER: Final = re.compile(r"\{(body|timestamp|method|url|webhook|header:[A-Za-z0-9-]+)\}")
_DECODERS: Final[Mapping[str, Callable[[str], bytes]]] = {
    "text": str.encode,
    "hex": bytes.fromhex,
    "base64": lambda given: base64.b64decode(given, validate=True),
}
_NAME: Final = re.compile(r"\{(\w+)\}")
_WEBHOOK_URI: Final = "ELASTICIO_FLOW_WEBHOOK_URI"
# A header has a few signatures while a secret is being replaced.
_MOST_SIGNATURES: Final = 10


@dataclass(frozen=True, slots=True)
class Received:
    """A checked request: ``Received({"type": "order.created"}, None)``.

    Args:
        event: The event: JSON, the fields of a form, or text; None for a challenge.
        reply: The answer to a challenge; None for an event.
    """

    event: Any
    reply: HttpReply | None

    @property
    def is_challenge(self) -> bool:
        """Whether the request asks for an answer, and has no event."""
        return self.reply is not None


@dataclass(frozen=True, slots=True)
class Webhook:
    """The declaration of a webhook: ``Webhook("X-Hub-Signature-256", prefix="sha256=")``.

    Args:
        header: The header with the signature.
        secret: The field of the credential or the trigger with the secret; empty for an API that signs nothing.
        algorithm: The hash of the HMAC.
        encoding: How the signature is written.
        prefix: What precedes it: ``sha256=``, ``v1=``, ``v0=``.
        separator: What separates several values in the header: a comma, a space.
        signed: What is signed: ``{timestamp}.{body}``, ``v0:{timestamp}:{body}``, ``{method}{url}{body}{timestamp}``,
            ``{header:webhook-id}``, ``{webhook}`` for the URL of the flow's webhook.
        timestamp: The header with the time of the signature.
        timestamp_prefix: What precedes the time in the header of the signature itself: ``t=``.
        tolerance_seconds: The greatest age of a signature with a time; also of one from the future.
        key_encoding: How the secret is written.
        key_prefix: What precedes it: ``whsec_``.
        is_required: Whether a webhook without a secret is an error; otherwise its requests are not checked.
        challenges: The challenges of the API.
        reply: The answer to an event, from `process`; none unless given.
        items: Whether `process` emits each item of a JSON list as a message.
        api: The API of ``subscribe`` and ``unsubscribe``.
        subscribe: The request by which the API sends its events to the flow, at its start: ``POST /hooks``.
        subscription: The body of this request: ``{"url": "{webhook}", "event": "{event}"}``. ``{name}`` is a field of
            the trigger.
        unsubscribe: The request that ends this, at the stop of the flow: ``DELETE /hooks/{id}``. ``{name}`` is a
            member of the answer to ``subscribe``, or a field of the trigger.

    Raises:
        ValueError: The options do not belong together.
    """

    header: str = ""
    secret: str = "secret"  # noqa: S105 - the name of a field
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    prefix: str = ""
    separator: str = ""
    signed: str = "{body}"
    timestamp: str = ""
    timestamp_prefix: str = ""
    tolerance_seconds: int = 300
    key_encoding: KeyEncoding = "text"
    key_prefix: str = ""
    is_required: bool = True
    challenges: Sequence[Echo | HashedEcho] = ()
    reply: HttpReply | None = None
    items: bool = False
    api: "Api | None" = None
    subscribe: str = ""
    subscription: Mapping[str, Any] | None = None
    unsubscribe: str = ""
    now: Callable[[], float] = field(default=time.time, repr=False)

    def __post_init__(self) -> None:
        """Refuse options that check nothing."""
        if bool(self.header) != bool(self.secret):
            raise ValueError("header: expected the header with the signature, or secret='' if there is none")
        if (self.subscribe or self.unsubscribe) and not (self.api and self.subscribe):
            raise ValueError("subscribe: expected api= and subscribe=, found none")
        if "{body}" not in self.signed:
            raise ValueError("signed: expected {body} in it, found none: the event would not be signed")
        rest = _PLACEHOLDER.sub("", self.signed)
        if "{" in rest or "}" in rest:
            raise ValueError(
                "signed: expected {body}, {timestamp}, {method}, {url}, {webhook} or {header:name}, found another one"
            )
        if (self.timestamp or self.timestamp_prefix) and "{timestamp}" not in self.signed:
            raise ValueError("signed: expected {timestamp} in it, found none: anyone could change the time")
        if "{timestamp}" in self.signed and not (self.timestamp or self.timestamp_prefix):
            raise ValueError("timestamp: expected the name of its header, found none")
        if self.algorithm not in ("sha256", "sha1", "sha384", "sha512"):
            raise ValueError(f"algorithm: expected sha256, sha1, sha384 or sha512, found {self.algorithm!r}")
        if self.encoding not in ("hex", "base64", "base64url"):
            raise ValueError(f"encoding: expected hex, base64 or base64url, found {self.encoding!r}")
        if self.key_encoding not in _DECODERS:
            raise ValueError(f"key_encoding: expected {', '.join(_DECODERS)}, found {self.key_encoding!r}")

    def process(self, context: "Context", msg: Mapping[str, Any], cfg: Mapping[str, Any], snapshot: Any) -> None:
        """Check a request and emit its event; a challenge is answered and not emitted."""
        received = self.receive(context, msg, cfg)
        if received.is_challenge:
            return
        found = received.event
        for each in found if self.items and isinstance(found, list) else [found]:
            context.emit("data", message(each if isinstance(each, Mapping) else {"value": each}))
        if self.reply is not None:
            _answer(context, self.reply)

    def receive(self, context: "Context", msg: Mapping[str, Any], cfg: Mapping[str, Any]) -> Received:
        """Check a request, answer a challenge, and return the event.

        A refused request is answered with 401, if somebody waits for an answer.

        Raises:
            SignatureRefused: The request has no valid signature.
            CredentialsInvalid: The secret is missing.
            DescriptorError: The body arrives parsed.
        """
        try:
            received = self.read(msg, cfg)
        except SignatureRefused:
            _answer(context, {"statusCode": 401, "body": {"error": "invalid signature"}})
            raise
        if received.reply is not None:
            _answer(context, received.reply)
        return received

    def read(self, msg: Mapping[str, Any], cfg: Mapping[str, Any]) -> Received:
        """Check a request and return its event, or the answer to a challenge; emit nothing.

        The errors are those of `receive`.
        """
        for challenge in self.challenges:
            if isinstance(challenge, Echo) and challenge.query and (asked := query(msg, challenge.query)):
                check_token(challenge, msg, cfg)
                return Received(None, echoed(challenge, asked))
        key = self._key(cfg)
        if key:
            self._check(msg, raw_body(msg), key)
        found = event(msg, raw_body(msg)) if key or is_raw(msg) else msg.get("body")
        for challenge in self.challenges:
            text_asked = member_at(found, challenge.body) if challenge.body else None
            if isinstance(text_asked, str) and text_asked:
                return Received(None, self._answer_to(challenge, text_asked, key))
        return Received(found, None)

    def sign(self, body: str, secret: str, **members: Any) -> dict[str, Any]:
        """Return the message of a signed request, for tests: ``component.run("hook", SLACK.sign("{}", "s3cret"))``.

        Args:
            body: The unparsed body.
            secret: The secret.
            **members: Further members of the message: ``headers``, ``url``, ``query``.
        """
        msg: dict[str, Any] = {"method": "POST", "query": {}, **members, "body": {"rawData": body}}
        signed_at = str(int(self.now())) if "{timestamp}" in self.signed else ""
        digest = hmac.digest(
            self._key({self.secret: secret}), self._payload(msg, body.encode(), signed_at), self.algorithm
        )
        signature = self.prefix + self._written(digest).decode()
        if self.timestamp_prefix:
            signature = self.separator.join([self.timestamp_prefix + signed_at, signature])
        times = {self.timestamp: signed_at} if self.timestamp else {}
        return {**msg, "headers": {**members.get("headers", {}), **times, self.header: signature}}

    def __getattr__(self, name: str) -> Any:
        """Return the hooks of a flow's start and stop, if the webhook has them."""
        if name == "startup" and self.subscribe:
            return self._start
        if name == "shutdown" and self.unsubscribe:
            return self._stop
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def _start(self, context: "Context", cfg: Mapping[str, Any]) -> Any:
        """Subscribe, and return the answer: it is the start data of `shutdown`."""
        values = {**cfg, "webhook": _address()}
        body = None if self.subscription is None else _filled(self.subscription, values)
        return self._send(context, cfg, self.subscribe, values, body)

    def _stop(self, context: "Context", cfg: Mapping[str, Any], startup_data: Any) -> None:
        """Unsubscribe; a subscription that is gone is no error."""
        known = startup_data if isinstance(startup_data, Mapping) else {"id": startup_data}
        self._send(context, cfg, self.unsubscribe, {**cfg, **known, "webhook": _address()}, None, allow=(404, 410))

    def _send(
        self, context: "Context", cfg: Mapping[str, Any], request: str, values: Mapping[str, Any], body: Any,
        allow: Sequence[int] = (),
    ) -> Any:  # fmt: skip
        assert self.api is not None  # noqa: S101 - checked in __post_init__
        route = Route.parse(request, default="/")
        connection = self.api.connect(context, cfg)
        return json_of(connection.send(route.method, route.path(values), body=body, allow=allow))

    def _answer_to(self, challenge: Echo | HashedEcho, asked: str, key: bytes) -> HttpReply:
        if isinstance(challenge, Echo):
            return echoed(challenge, asked)
        if not key:
            raise CredentialsInvalid(f"{self.secret}: expected the secret of the webhook, found nothing")
        return hashed(challenge, asked, key, self.algorithm)

    def _key(self, cfg: Mapping[str, Any]) -> bytes:
        if not self.secret:
            return b""
        given = text(cfg, self.secret).removeprefix(self.key_prefix)
        if not given:
            if self.is_required:
                raise CredentialsInvalid(f"{self.secret}: expected the secret of the webhook, found nothing")
            return b""
        try:
            return _DECODERS[self.key_encoding](given)
        except ValueError:
            raise CredentialsInvalid(f"{self.secret}: expected {self.key_encoding}, found another text") from None

    def _check(self, msg: Mapping[str, Any], body: bytes, key: bytes) -> None:
        given_header = header(msg, self.header)
        if not given_header:
            raise SignatureRefused(f"expected a signature in the header {self.header}, found none")
        items = (
            [each.strip() for each in given_header.split(self.separator)] if self.separator else [given_header.strip()]
        )
        signed_at = self._time(msg, items)
        expected = self._written(hmac.digest(key, self._payload(msg, body, signed_at), self.algorithm))
        given = [each.removeprefix(self.prefix) for each in items if each.startswith(self.prefix)][:_MOST_SIGNATURES]
        # All are compared, so that the time says nothing about them.
        if not sum([hmac.compare_digest(expected, self._normal(each)) for each in given]):
            raise SignatureRefused(f"expected a signature of the secret in {self.header}, found another one")
        if signed_at:
            self._check_age(signed_at)

    def _time(self, msg: Mapping[str, Any], items: Sequence[str]) -> str:
        if self.timestamp_prefix:
            found = [each for each in items if each.startswith(self.timestamp_prefix)]
            signed_at = found[0].removeprefix(self.timestamp_prefix) if found else ""
        else:
            signed_at = header(msg, self.timestamp) if self.timestamp else ""
        if (self.timestamp or self.timestamp_prefix) and not signed_at:
            raise SignatureRefused("expected the time of the signature, found none")
        return signed_at

    def _check_age(self, signed_at: str) -> None:
        try:
            seconds = moment(signed_at).earliest_seconds
        except ValueError:
            seconds = None
        if seconds is None:
            raise SignatureRefused("expected the time of the signature in seconds or as a date, found another text")
        if abs(self.now() - seconds) > self.tolerance_seconds:
            raise SignatureRefused(
                f"expected a signature of the last {self.tolerance_seconds} seconds, found an older or later one"
            )

    def _payload(self, msg: Mapping[str, Any], body: bytes, signed_at: str) -> bytes:
        def value(name: str) -> bytes:
            if name == "body":
                return body
            if name == "timestamp":
                found = signed_at
            elif name == "webhook":
                found = _address()
            elif name.startswith("header:"):
                found = header(msg, name.removeprefix("header:"))
            else:
                found = str(msg.get("originalUrl") or msg.get("url") or "") if name == "url" else method(msg)
            return found.encode("utf-8", "surrogatepass")

        # Literals and names alternate.
        parts = _PLACEHOLDER.split(self.signed)
        return b"".join(value(part) if index % 2 else part.encode() for index, part in enumerate(parts))

    def _written(self, digest: bytes) -> bytes:
        if self.encoding == "hex":
            return digest.hex().encode()
        encode = base64.b64encode if self.encoding == "base64" else base64.urlsafe_b64encode
        return encode(digest).rstrip(b"=")

    def _normal(self, given: str) -> bytes:
        found = given.lower() if self.encoding == "hex" else given.rstrip("=")
        return found.encode("utf-8", "surrogatepass")


def _address() -> str:
    """Return the URL of the flow's webhook.

    Raises:
        DescriptorError: There is none.
    """
    found = os.environ.get(_WEBHOOK_URI, "")
    if not found:
        raise DescriptorError(f"{_WEBHOOK_URI}: expected the URL of the flow's webhook, found none")
    return found


def _filled(template: Any, values: Mapping[str, Any]) -> Any:
    """Return JSON with the values of its placeholders; a text that is one placeholder becomes the value itself."""
    if isinstance(template, Mapping):
        return {name: _filled(each, values) for name, each in template.items()}
    if isinstance(template, list):
        return [_filled(each, values) for each in template]
    if not isinstance(template, str):
        return template
    if whole := _NAME.fullmatch(template):
        return values.get(whole[1])
    return _NAME.sub(lambda match: str(values.get(match[1], "")), template)


def _answer(context: "Context", reply: HttpReply) -> None:
    try:
        context.emit("httpReply", reply)
    except EmitError:
        _LOG.debug("nobody waits for the answer to this request")
