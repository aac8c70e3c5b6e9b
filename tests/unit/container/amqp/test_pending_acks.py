"""Acknowledgement of many deliveries with few frames."""

from hypothesis import given
from hypothesis import strategies as st

from shipmate.container.amqp.pending_acks import PendingAcks


class Channel:
    """The deliveries as the broker counts them."""

    def __init__(self) -> None:
        self.unanswered: set[int] = set()
        self.acknowledged: set[int] = set()

    def take(self, tags: PendingAcks) -> int:
        answers = tags.due()
        for tag, is_multiple in answers:
            assert tag in self.unanswered, "the broker closes a channel over an unknown tag"
            gone = {each for each in self.unanswered if each <= tag} if is_multiple else {tag}
            self.unanswered -= gone
            self.acknowledged |= gone
        return len(answers)


@given(
    st.lists(
        st.one_of(
            st.just("deliver"),
            st.just("flush"),
            st.tuples(st.sampled_from(["acknowledge", "reject", "leave"]), st.integers(0, 30)),
        ),
        max_size=80,
    )
)
def test_exactly_the_acknowledged_deliveries_are_reported(happenings: list[str | tuple[str, int]]) -> None:
    """None that is in work, rejected or left."""
    tags, channel = PendingAcks(), Channel()
    in_work: list[int] = []
    good: set[int] = set()
    count = 0
    for each in happenings:
        if each == "deliver":
            count += 1
            tags.delivered(count)
            in_work.append(count)
            channel.unanswered.add(count)
        elif each == "flush":
            channel.take(tags)
            assert channel.acknowledged == good
        elif in_work:
            what, which = each
            tag = in_work.pop(int(which) % len(in_work))
            if what == "acknowledge":
                tags.acknowledge(tag)
                good.add(tag)
            elif what == "reject":
                tags.rejected(tag)
                channel.unanswered.remove(tag)
    channel.take(tags)
    assert channel.acknowledged == good


def test_consecutive_deliveries_take_one_frame() -> None:
    """Even if they were done in another order."""
    tags, channel = PendingAcks(), Channel()
    for tag in range(1, 11):
        tags.delivered(tag)
        channel.unanswered.add(tag)
    for tag in (3, 1, 2, 5):
        tags.acknowledge(tag)
    assert channel.take(tags) == 2
    tags.acknowledge(4)
    assert tags.due() == [(4, False)]
    assert tags.due() == []


def test_an_answered_delivery_does_not_split_later_ones() -> None:
    """Otherwise, after one rejected message, all later ones would be acknowledged one by one."""
    tags, channel = PendingAcks(), Channel()
    for first in (1, 4):
        for tag in range(first, first + 3):
            tags.delivered(tag)
            channel.unanswered.add(tag)
        tags.rejected(first)
        channel.unanswered.remove(first)
        tags.acknowledge(first + 1)
        tags.acknowledge(first + 2)
        assert channel.take(tags) == 1
    assert channel.acknowledged == {2, 3, 5, 6}
