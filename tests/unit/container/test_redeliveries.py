"""Recognition of redeliveries, decided without a broker."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipmate.container.amqp.deliveries import AmqpDelivery
from shipmate.container.redeliveries import Admission, Deliveries


class Clock:
    """A clock that only a test advances."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def deliveries(clock: Clock) -> Deliveries:
    """No deliveries yet."""
    return Deliveries(clock)


def delivered(
    deliveries: Deliveries, tag: int, message_id: Any = "m", *, again: bool = False, body: bytes = b"body"
) -> AmqpDelivery:
    """Return a delivery on the present channel."""
    return AmqpDelivery(body, {"messageId": message_id}, again, None, None, tag, deliveries.epoch)


def test_a_redelivery_after_a_lost_channel_is_adopted(deliveries: Deliveries) -> None:
    """Contract 3.7: the message is not processed again, and is settled by its new tag."""
    first = delivered(deliveries, 1)
    assert deliveries.admit(first) is Admission.PROCESS
    deliveries.next_epoch()
    assert deliveries.admit(delivered(deliveries, 7, again=True)) is Admission.ADOPTED
    assert (first.tag, first.epoch) == (7, 1)
    assert deliveries.settle(first, is_success=True)


@pytest.mark.parametrize(("is_success", "expected"), [(True, Admission.ACKNOWLEDGE), (False, Admission.REJECT)])
def test_an_outcome_waits_for_its_redelivery(deliveries: Deliveries, is_success: bool, expected: Admission) -> None:
    """Contract 3.7: the redelivery gets the outcome once; then the id may belong to another message."""
    first = delivered(deliveries, 1)
    deliveries.admit(first)
    deliveries.next_epoch()
    assert not deliveries.settle(first, is_success=is_success)
    assert deliveries.admit(delivered(deliveries, 2, again=True)) is expected
    assert deliveries.admit(delivered(deliveries, 3, again=True)) is Admission.PROCESS


@pytest.mark.parametrize(("is_success", "expected"), [(True, Admission.ACKNOWLEDGE), (False, Admission.REJECT)])
def test_an_answer_that_was_lost_with_its_channel_is_repeated(
    deliveries: Deliveries, is_success: bool, expected: Admission
) -> None:
    """The broker has not received it, and redelivers a message that is done; the second answer may be lost, too."""
    first = delivered(deliveries, 1)
    deliveries.admit(first)
    assert deliveries.settle(first, is_success=is_success)
    for tag in (2, 3):
        deliveries.next_epoch()
        assert deliveries.admit(delivered(deliveries, tag, again=True)) is expected
    assert deliveries.admit(delivered(deliveries, 4, again=True)) is Admission.PROCESS


def test_answers_to_equal_messages_are_repeated_as_often_as_they_were_given(deliveries: Deliveries) -> None:
    """Even for thousands, as in a load test; one more message is a new one."""
    for tag in range(4000):
        same = delivered(deliveries, tag)
        deliveries.admit(same)
        deliveries.settle(same, is_success=True)
    deliveries.next_epoch()
    found = Counter(deliveries.admit(delivered(deliveries, tag, again=True)) for tag in range(4001))
    assert found == {Admission.ACKNOWLEDGE: 4000, Admission.PROCESS: 1}


def test_only_the_last_answers_are_kept(deliveries: Deliveries) -> None:
    """A broker misses a few answers at most, and a step runs for months."""
    for number in range(5000):
        one = delivered(deliveries, number, f"m{number}")
        deliveries.admit(one)
        deliveries.settle(one, is_success=True)
    deliveries.next_epoch()
    assert deliveries.admit(delivered(deliveries, 1, "m0", again=True)) is Admission.PROCESS
    assert deliveries.admit(delivered(deliveries, 2, "m4999", again=True)) is Admission.ACKNOWLEDGE


def test_the_same_id_may_belong_to_another_message(deliveries: Deliveries) -> None:
    """Contract 3.7: on the same channel, or without the redelivered flag, or with another body."""
    deliveries.admit(delivered(deliveries, 1))
    assert deliveries.admit(delivered(deliveries, 2, again=True)) is Admission.PROCESS
    deliveries.next_epoch()
    assert deliveries.admit(delivered(deliveries, 3)) is Admission.PROCESS
    assert deliveries.admit(delivered(deliveries, 4, again=True, body=b"another")) is Admission.PROCESS


@pytest.mark.parametrize("message_id", [None, "", 7])
def test_without_an_id_nothing_is_recognised(deliveries: Deliveries, message_id: Any) -> None:
    """Contract 3.7: each delivery without an id is processed, and settled by its own tag."""
    first = delivered(deliveries, 1, message_id)
    assert deliveries.admit(first) is Admission.PROCESS
    deliveries.next_epoch()
    assert deliveries.admit(delivered(deliveries, 2, message_id, again=True)) is Admission.PROCESS
    assert not deliveries.settle(first, is_success=True)


def test_an_outcome_is_forgotten_after_a_while(deliveries: Deliveries, clock: Clock) -> None:
    """Contract 15, DEF-4 and DEF-7: another container may have got the redelivery, and memory is limited."""
    first = delivered(deliveries, 1)
    deliveries.admit(first)
    deliveries.next_epoch()
    deliveries.settle(first, is_success=True)
    clock.now += 301
    assert deliveries.admit(delivered(deliveries, 2, again=True)) is Admission.PROCESS


def test_a_delivery_that_is_left_is_forgotten(deliveries: Deliveries) -> None:
    """The broker redelivers it, and it is processed then."""
    first = delivered(deliveries, 1)
    deliveries.admit(first)
    deliveries.next_epoch()
    assert deliveries.forget_stale(first)
    second = delivered(deliveries, 2, again=True)
    assert deliveries.admit(second) is Admission.PROCESS
    assert not deliveries.forget_stale(second)
    deliveries.leave(second)
    deliveries.leave(second)


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.sampled_from(["deliver", "lose", "lose answers", "finish"]), st.integers(0, 3), st.booleans()),
        max_size=40,
    )
)
def test_every_message_is_processed_once_and_settled_on_a_living_channel(steps: list[tuple[str, int, bool]]) -> None:
    """A broker with four messages, two ids and a channel that is lost at times, with the last answers or without."""
    deliveries = Deliveries(Clock())
    messages = {number: (f"m{number % 2}", str(number).encode()) for number in range(4)}
    waiting, seen = dict.fromkeys(messages, False), {}
    unacked: dict[int, int] = {}  # tag on the present channel -> message
    unseen: list[int] = []  # what was answered on the present channel
    working: dict[int, AmqpDelivery] = {}
    processed: Counter[int] = Counter()
    tag = 0

    def answer(delivery: AmqpDelivery) -> None:
        assert delivery.epoch == deliveries.epoch
        unseen.append(unacked.pop(delivery.tag))

    for action, number, is_success in steps:
        if action == "deliver" and number in waiting:
            again = waiting.pop(number)
            tag += 1
            message_id, body = messages[number]
            delivery = delivered(deliveries, tag, message_id, again=again, body=body)
            unacked[tag] = number
            admission = deliveries.admit(delivery)
            if admission is Admission.PROCESS:
                processed[number] += 1
                working[number] = delivery
            elif admission is not Admission.ADOPTED:
                assert admission is seen[number]
                answer(delivery)
        elif action in ("lose", "lose answers"):
            deliveries.next_epoch()
            waiting.update(dict.fromkeys(unacked.values(), True))
            unacked.clear()
            if action == "lose answers":
                waiting.update(dict.fromkeys(unseen, True))
            unseen.clear()
        elif action == "finish" and number in working:
            delivery = working.pop(number)
            seen[number] = Admission.ACKNOWLEDGE if is_success else Admission.REJECT
            if deliveries.settle(delivery, is_success=is_success):
                answer(delivery)
    assert set(processed.values()) <= {1}
