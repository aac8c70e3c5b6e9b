"""Decides what the requests of the containers mean. Source: proxy §5 to §10."""

import json
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shipmate.container.messages.cipher import Cipher
from shipmate.emulator.sailor_proxy.fault import Moment, ProxyFault, Script
from shipmate.emulator.sailor_proxy.messages import Messages, ProxyMessage
from shipmate.emulator.sailor_proxy.request import ProxyRequest, claimed, new_message_id, problems_of
from shipmate.emulator.sailor_proxy.rules import MessageRules, WireRules
from shipmate.emulator.sailor_proxy.stream import Stream, Wire
from shipmate.emulator.sailor_proxy.timers import Timers
from shipmate.emulator.sailor_proxy.token import BadToken, claims_of
from shipmate.emulator.step_traffic import Received

_KEPT_REQUESTS: Final = 20_000
_REPEATED: Final = frozenset({408, 425, 429})


@dataclass(slots=True, eq=False)
class WaitingPoll:
    """A poll that waits for a message."""

    stream: Stream
    message: ProxyMessage | None = None

    @property
    def client(self) -> str:
        """The client's id."""
        return self.stream.client

    @property
    def connection(self) -> Wire:
        """The connection of the poll."""
        return self.stream.connection

    def deliver(self, message: ProxyMessage) -> None:
        """Answer with a message."""
        self.message = message
        metadata = message.metadata
        if isinstance(metadata, Mapping):
            metadata = _ascii_json(metadata)
        headers = {} if metadata is None else {"message-metadata": metadata}
        self.stream.at("done", lambda: self.stream.answer(200, message.body, headers))


@dataclass(slots=True)
class Client:
    """A container, by the ``clientId`` of its token."""

    authorization: str = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    prefetch: str | None = None


class ProxyDesk:
    """Answers the requests of all connections, and keeps what they bring."""

    def __init__(self, cipher: Cipher, secret: str, timers: Timers) -> None:
        self.cipher, self.secret = cipher, secret
        self.rules = WireRules()
        self.poll_seconds: float | None = None
        self.script = Script()
        self.messages = Messages(MessageRules(), timers)
        self.messages.on_rejected = self._keep_rejected
        self.requests: deque[ProxyRequest] = deque(maxlen=_KEPT_REQUESTS)
        self.outputs: defaultdict[str, deque[Received]] = defaultdict(deque)
        self.event_ids: Counter[str] = Counter()
        self.problems: list[str] = []
        self.clients: dict[str, Client] = {}
        self.held: list[Callable[[], None]] = []
        self._timers = timers
        self._polls: dict[Stream, WaitingPoll] = {}
        self._number = 0

    # Calls of a connection

    def opened(self, stream: Stream) -> None:
        """Verify the token, and note the request."""
        request = stream.request
        self._number += 1
        request.number = self._number
        self.requests.append(request)
        try:
            claims = claims_of(request.headers.get("authorization"), self.secret)
        except BadToken as error:
            self.broken(str(error))
            return
        request.client = str(claims["clientId"])
        authorization = request.headers["authorization"]
        known = self.clients.setdefault(request.client, Client(authorization, claims))
        if known.authorization != authorization:
            self.broken("a client with a second token")

    def carry_out(self, stream: Stream) -> None:
        """Carry out a request, and answer it now or later."""
        request, connection = stream.request, stream.connection
        for problem in problems_of(request):
            self.broken(problem)
        if request.client is None:
            stream.answer(401)
            return
        if request.kind != "claim":
            connection.has_worked = True
            if connection.claim == "asked":
                self.broken(f"{request.kind} before the claim was accepted")
        elif connection.has_worked:
            self.broken("claim after other requests on its connection")
        else:
            connection.claim = "asked"
        act = {"poll": self._poll, "post": self._post, "finish": self._finish, "claim": self._claim}.get(request.kind)
        stream.at("request", lambda: act(stream) if act else stream.answer(404))

    def answered(self, stream: Stream) -> None:
        """Draw the conclusions of a status: a message that was chosen for a poll may have to go to another one."""
        request, status = stream.request, stream.request.status or 0
        poll = self._polls.get(stream)
        if poll is not None and poll.message is not None and status != 200:
            self._take_back(poll.message)
        if request.kind == "finish" and 400 <= status < 500 and status not in _REPEATED:
            message = self.messages.find(stream.client, request.message_id)
            if message is not None:  # the client counts it as done
                self.messages.in_work.remove(message)
        if request.kind == "claim" and status == 200:
            stream.connection.claim = "accepted"

    def ended(self, stream: Stream) -> None:
        """Deliver a message again whose poll was reset, and forget a poll that was reset."""
        poll = self._polls.pop(stream, None)
        if poll is None:
            return
        if poll.message is not None:
            self._take_back(poll.message)
        else:
            self.messages.remove_poll(poll)

    def closed(self, connection: Wire) -> None:
        """Keep the messages of a connection for a claim."""
        for stream in [each for each in self._polls if each.connection is connection]:
            del self._polls[stream]
        self.messages.lose(connection)

    def broken(self, problem: str) -> None:
        """Note a breach of the contract by a client."""
        self.problems.append(problem)

    def fault(self, request: ProxyRequest, moment: Moment) -> ProxyFault | None:
        """Return the failure that a test wants for a request at this moment."""
        return self.script.take(_names(request), moment)

    def is_scripted(self, request: ProxyRequest, *moments: Moment) -> bool:
        """Tell whether a test wants a failure for a request at one of these moments."""
        return self.script.has(_names(request), moments)

    def hold(self, resume: Callable[[], None]) -> None:
        """Keep a call until the test releases it."""
        self.held.append(resume)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Make a call after some time."""
        self._timers.after(seconds, call)

    # The four requests

    def _poll(self, stream: Stream) -> None:
        request, connection = stream.request, stream.connection
        client, prefetch = self.clients[stream.client], request.query.get("prefetch", "")
        if client.prefetch not in (None, prefetch):
            self.broken("poll with another prefetch than before")
        client.prefetch = prefetch
        for known in [each for each in self._polls if each.is_over]:
            del self._polls[known]
        in_work = sum(each.holder is connection for each in self.messages.in_work)
        if prefetch.isdecimal() and len(self.messages.polls_of(connection)) + in_work >= int(prefetch):
            self.broken(f"poll with {prefetch} messages in work or asked for, which is the prefetch")
        poll = self._polls[stream] = WaitingPoll(stream)
        if self.poll_seconds is not None:
            self.later(self.poll_seconds, lambda: self._give_up(poll))
        self.messages.add_poll(poll)

    def _give_up(self, poll: WaitingPoll) -> None:
        if self.messages.remove_poll(poll):
            poll.stream.answer(204)

    def _post(self, stream: Stream) -> None:
        request = stream.request
        message = self.messages.find(stream.client, request.message_id)
        if message is None and request.message_id is not None:
            self.broken(f"{request.type} of a message that is not in work")
            stream.answer(409, b"The message is not in work")
        elif message is not None and message.holder is None:
            self.broken(f"{request.type} of a message that is not claimed")
            stream.answer(409, b"The message is not claimed")
        elif request.type == "rebound" and not self._rebound(message, request):
            stream.answer(400, b"Rebound limit exceeded")
        else:
            self._accept(request)
            stream.at("done", lambda: stream.answer(200))

    def _finish(self, stream: Stream) -> None:
        message_id, is_success = stream.request.message_id, stream.request.query.get("status") == "success"
        message = self.messages.find(stream.client, message_id)
        if message is not None:
            self.messages.finish(message, is_success=is_success)
        elif message_id not in self.messages.finished_ids:
            self.broken("finish of a message that is not in work")
            stream.answer(404)
            return
        stream.at("done", lambda: stream.answer(200))

    def _claim(self, stream: Stream) -> None:
        ids = [str(each.get("messageId")) for each in claimed(stream.request)]
        missing = self.messages.claim(stream.client, ids, stream.connection)
        for each in missing:
            if each in self.messages.finished_ids:
                self.broken("claim of a message that is finished")
        stream.at("done", lambda: stream.answer(409 if missing else 200))

    def _rebound(self, message: ProxyMessage | None, request: ProxyRequest) -> bool:
        return message is None or self.messages.rebound(message, str(request.metadata.get("reboundReason", "")))

    # Events

    def _accept(self, request: ProxyRequest) -> None:
        """Keep an event, and copy an error to the caller who waits for a reply."""
        metadata, kind = request.metadata, request.type
        metadata.setdefault("messageId", new_message_id())
        self.event_ids[str(metadata["messageId"])] += 1
        reply_to = metadata.get("reply_to")
        if kind == "http-reply" and reply_to:
            kind = str(reply_to)
        elif kind == "data":
            kind = request.query.get("customRoutingKey", kind)
        self._keep(kind, request.body, metadata)
        if kind == "error" and reply_to:
            self._copy_error(request, str(reply_to), metadata)

    def _copy_error(self, request: ProxyRequest, reply_to: str, metadata: Mapping[str, Any]) -> None:
        """Send the encrypted error alone to the caller, as the runtime does over AMQP. Source: contract §6.2."""
        message = self.messages.find(request.client or "", request.message_id)
        if message and isinstance(message.metadata, Mapping) and "x-eio-error-response" in message.metadata:
            return  # such a copy itself: each copy would cause the next one
        encrypted = str(_member(request.body, "error")).encode()
        self._keep(reply_to, encrypted, {**metadata, "messageId": new_message_id(), "x-eio-error-response": True})

    def _keep(self, kind: str, body: bytes, metadata: Mapping[str, Any]) -> None:
        self.outputs[kind].append(Received(body, metadata, None, kind, self.cipher))

    def _keep_rejected(self, message: ProxyMessage) -> None:
        self._keep("dead", message.body, message.metadata if isinstance(message.metadata, Mapping) else {})

    def _take_back(self, message: ProxyMessage) -> None:
        """Deliver a message again that the client has not received."""
        if message in self.messages.in_work:
            self.messages.give_back(message)


def _names(request: ProxyRequest) -> set[str]:
    """Return the kinds of faults that a request can meet."""
    return {"*", request.kind, request.type}


def _ascii_json(metadata: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(metadata), separators=(",", ":")).encode()


def _member(body: bytes, name: str) -> Any:
    return json.loads(body).get(name)
