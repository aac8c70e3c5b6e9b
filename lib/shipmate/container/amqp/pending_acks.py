"""The unanswered deliveries of a channel, acknowledged with as few frames as possible. Pure; no I/O."""


class PendingAcks:
    """Delivery tags of one channel, in the order of delivery."""

    def __init__(self) -> None:
        """Begin with a new channel."""
        self._unanswered: dict[int, None] = {}
        self._to_acknowledge: set[int] = set()

    def delivered(self, tag: int) -> None:
        """Add a delivery."""
        self._unanswered[tag] = None

    def rejected(self, tag: int) -> None:
        """Remove a delivery that was rejected."""
        self._unanswered.pop(tag, None)

    def acknowledge(self, tag: int) -> None:
        """Have a delivery acknowledged by the next `due`."""
        self._to_acknowledge.add(tag)

    def due(self) -> list[tuple[int, bool]]:
        """Return the acknowledgements to send now, and forget them.

        Returns:
            Pairs of a tag and the flag "multiple": whether the frame acknowledges all earlier deliveries as well, as
            in ``[(7, True), (9, False)]``.

        Source: AMQP 0-9-1, ``basic.ack``.
        """
        if not self._to_acknowledge:
            return []
        leading: list[int] = []
        for tag in self._unanswered:
            if tag not in self._to_acknowledge:
                break
            leading.append(tag)
        acks = [(leading[-1], len(leading) > 1)] if leading else []
        acks += [(tag, False) for tag in sorted(self._to_acknowledge.difference(leading))]
        for tag in self._to_acknowledge:
            self._unanswered.pop(tag, None)
        self._to_acknowledge.clear()
        return acks
