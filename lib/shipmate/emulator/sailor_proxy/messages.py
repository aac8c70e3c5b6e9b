"""The messages of the proxy: which wait, which are in work at which client, and what became of each. No I/O."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from shipmate.emulator.sailor_proxy.rules import MessageRules
from shipmate.emulator.sailor_proxy.timers import Timers


@dataclass(slots=True, eq=False)
class ProxyMessage:
    """A message for the step."""

    body: bytes = field(repr=False)
    metadata: Mapping[str, Any] | bytes | None = field(repr=False)
    """The header ``message-metadata``: an object, bytes to send as they are, or None for no header."""
    rebounds: int = 0
    losses: int = 0
    client: str | None = None
    """The client that has it in work, or for which it is kept."""
    holder: object | None = None
    """The connection on which it is in work; None while it waits or is kept."""
    rebound_reason: str | None = None

    @property
    def message_id(self) -> str | None:
        """The ``messageId`` of its metadata."""
        value = self.metadata.get("messageId") if isinstance(self.metadata, Mapping) else None
        return None if value is None else str(value)


class Poll(Protocol):
    """A client's request for a message."""

    @property
    def client(self) -> str:
        """The client's id."""

    @property
    def connection(self) -> object:
        """The connection of the poll."""

    def deliver(self, message: ProxyMessage) -> None:
        """Answer with a message."""


class Messages:
    """The messages and the polls that wait for each other."""

    def __init__(self, rules: MessageRules, timers: Timers) -> None:
        self.rules = rules
        self.waiting: deque[ProxyMessage] = deque()
        self.in_work: list[ProxyMessage] = []
        """Those that a client has, and those that are kept for one."""
        self.delayed: list[ProxyMessage] = []
        self.finished: list[tuple[str | None, bool]] = []
        """The id of each finished message, and whether it was a success."""
        self.finished_ids: set[str | None] = set()
        self.on_rejected: Callable[[ProxyMessage], object] = lambda message: None
        self._polls: dict[str, deque[Poll]] = {}
        self._timers = timers

    def add(self, message: ProxyMessage, *, first: bool = False) -> None:
        """Let a message wait for a poll, at the end or before all others."""
        message.client = message.holder = None
        if first:
            self.waiting.appendleft(message)
        else:
            self.waiting.append(message)
        self._match()

    def add_poll(self, poll: Poll) -> None:
        """Let a poll wait for a message."""
        self._polls.setdefault(poll.client, deque()).append(poll)
        self._match()

    def remove_poll(self, poll: Poll) -> bool:
        """Forget a poll; return whether it was still waiting."""
        polls = self._polls.get(poll.client)
        if polls is None or poll not in polls:
            return False
        polls.remove(poll)
        return True

    def polls_of(self, connection: object) -> list[Poll]:
        """Return the polls that wait on a connection."""
        return [poll for polls in self._polls.values() for poll in polls if poll.connection is connection]

    def find(self, client: str, message_id: str | None) -> ProxyMessage | None:
        """Return a message that a client has or that is kept for it, None if there is none of this id."""
        mine = [each for each in self.in_work if each.client == client and each.message_id == message_id]
        return min(mine, key=lambda each: each.holder is None, default=None)

    def finish(self, message: ProxyMessage, *, is_success: bool) -> None:
        """End the work on a message; one with a rebound is delivered again later."""
        self.in_work.remove(message)
        if message in self.waiting:
            self.waiting.remove(message)
        self.finished.append((message.message_id, is_success))
        self.finished_ids.add(message.message_id)
        if message.rebound_reason is not None:
            self._delay(message)
        elif not is_success:
            self.on_rejected(message)

    def rebound(self, message: ProxyMessage, reason: str) -> bool:
        """Note that a message comes back after its finish; return False if it has come back too often."""
        if message.rebounds >= self.rules.rebound_limit:
            return False
        message.rebound_reason = reason
        return True

    def lose(self, connection: object) -> None:
        """Keep the messages of a lost connection for a claim, and forget its polls."""
        for poll in self.polls_of(connection):
            self.remove_poll(poll)
        for message in self.in_work:
            if message.holder is connection:
                message.holder = None
                self._keep(message)

    def give_back(self, message: ProxyMessage) -> None:
        """Deliver a message again, as the first of all."""
        self.in_work.remove(message)
        self.add(message, first=True)

    def hand_out_again(self, message_id: str) -> None:
        """Deliver a message that is in work to the next poll as well."""
        for message in self.in_work:
            if message.message_id == message_id and message not in self.waiting:
                self.waiting.appendleft(message)
        self._match()

    def claim(self, client: str, message_ids: Sequence[str], connection: object) -> list[str]:
        """Give kept messages back to their client; return the ids that it cannot have, and do nothing if there are any.

        A claim may also move messages from an older connection of the client.
        """
        found = {each: self.find(client, each) for each in message_ids}
        if missing := [each for each, message in found.items() if message is None]:
            return missing
        for message in found.values():
            if message is not None:
                message.holder = connection
        if self.rules.returns_unclaimed:
            for each in [each for each in self.in_work if each.client == client and each.holder is None]:
                self.give_back(each)
        return []

    def forget(self) -> None:
        """Lose the memory of all messages, as a proxy without a store does when it restarts."""
        self.waiting.clear()
        self.in_work.clear()
        self.delayed.clear()

    def _match(self) -> None:
        """Give waiting messages to waiting polls: each client in its turn, whatever the number of its polls."""
        while self.waiting and (client := next((name for name, polls in self._polls.items() if polls), None)):
            polls = self._polls.pop(client)
            poll = polls.popleft()
            self._polls[client] = polls  # now the last in turn
            message = self.waiting.popleft()
            message.client, message.holder = client, poll.connection
            message.rebound_reason = None
            if message not in self.in_work:
                self.in_work.append(message)
            poll.deliver(message)

    def _keep(self, message: ProxyMessage) -> None:
        message.losses = losses = message.losses + 1

        def expire() -> None:
            if message in self.in_work and message.holder is None and message.losses == losses:
                self.give_back(message)

        self._timers.after(self.rules.keep_seconds, expire)

    def _delay(self, message: ProxyMessage) -> None:
        message.rebounds += 1
        if isinstance(message.metadata, Mapping):
            counted = {"reboundIteration": message.rebounds, "reboundReason": message.rebound_reason}
            message.metadata = {**message.metadata, **counted}
        self.delayed.append(message)

        def come_back() -> None:
            if message in self.delayed:
                self.delayed.remove(message)
                self.add(message)

        self._timers.after(self.rules.rebound_delay_ms * 2 ** (message.rebounds - 1) / 1000, come_back)
