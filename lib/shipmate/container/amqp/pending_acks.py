"""The deliveries of a channel that are not answered, and how to acknowledge many of them in few words. Pure; no I/O."""


class PendingAcks:
    """The delivery tags of one channel, in the order in which they came."""

    def __init__(self) -> None:
        """Start with a new channel."""
        self._open: dict[int, None] = {}
        self._good: set[int] = set()

    def delivered(self, tag: int) -> None:
        """Note that a message came."""
        self._open[tag] = None

    def rejected(self, tag: int) -> None:
        """Note that it was rejected."""
        self._open.pop(tag, None)

    def acknowledge(self, tag: int) -> None:
        """Note that it is to be acknowledged."""
        self._good.add(tag)

    def due(self) -> list[tuple[int, bool]]:
        """Return which tags to acknowledge, and for each whether that is to hold for all before it as well.

        Source: AMQP 0-9-1, ``basic.ack``, "multiple".
        """
        if not self._good:
            return []
        first: list[int] = []
        for tag in self._open:
            if tag not in self._good:
                break
            first.append(tag)
        answers = [(first[-1], len(first) > 1)] if first else []
        answers += [(tag, False) for tag in sorted(self._good.difference(first))]
        for tag in self._good:
            self._open.pop(tag, None)
        self._good.clear()
        return answers
