"""The queue of a webhook is full at a number of messages, or of bytes."""

import pytest

from shipmate.flow.queue_limit import QueueLimit


@pytest.mark.parametrize(("size_bytes", "taken"), [(10, 5), (50, 2)])
def test_a_queue_is_full_at_its_most_messages_or_bytes(size_bytes: int, taken: int) -> None:
    limit = QueueLimit(most_messages=5, most_bytes=100)
    count = 0
    while not limit.is_full:
        limit.sent(size_bytes)
        count += 1
    assert count == taken


def test_a_queue_that_has_been_emptied_takes_messages_again() -> None:
    limit = QueueLimit(most_messages=1)
    limit.sent(10)
    assert limit.is_full
    limit.looked(0)
    assert not limit.is_full
