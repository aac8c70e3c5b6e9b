"""The deliveries of a channel that are not answered, and how to acknowledge many of them in few words. Pure; no I/O."""


class PendingAcks:
    """The delivery tags of one channel, in the order in which they came."""

    def __init__(self) -> None:
        """Start with a new channel."""
        self._unanswered: dict[int, None] = {}
        self._to_acknowledge: set[int] = set()

    def delivered(self, tag: int) -> None:
        """Note that a message came."""
        self._unanswered[tag] = None

    def rejected(self, tag: int) -> None:
        """Note that it was rejected."""
        self._unanswered.pop(tag, None)

    def acknowledge(self, tag: int) -> None:
        """Note that it is to be acknowledged."""
        self._to_acknowledge.add(tag)

    def due(self) -> list[tuple[int, bool]]:
        """Return which tags to acknowledge, and for each whether that is to hold for all before it as well.

        Source: AMQP 0-9-1, ``basic.ack``, "multiple".
        """
        if not self._to_acknowledge:
            return []
        first: list[int] = []
        for tag in self._unanswered:
            if tag not in self._to_acknowledge:
                break
            first.append(tag)
        answers = [(first[-1], len(first) > 1)] if first else []
        answers += [(tag, False) for tag in sorted(self._to_acknowledge.difference(first))]
        for tag in self._to_acknowledge:
            self._unanswered.pop(tag, None)
        self._to_acknowledge.clear()
        return answers
