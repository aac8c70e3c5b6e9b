"""Messages: how authors make them, and what is refused as one."""

from types import MappingProxyType

import pytest

from shipmate.errors import InvalidMessage
from shipmate.invocation.message import check_message, message


def test_message_has_only_what_was_given() -> None:
    assert message(None) == {"body": None}
    assert message([1], attachments={}, headers={"a": "b"}) == {"body": [1], "attachments": {}, "headers": {"a": "b"}}


@pytest.mark.parametrize("value", [{"body": None}, MappingProxyType({"body": 1, "else": 2})])
def test_what_has_a_body_is_a_message(value: object) -> None:
    check_message(value)


@pytest.mark.parametrize("value", [{}, {"Body": 1}, None, "body", ["body"], 0])
def test_what_has_no_body_is_refused_with_the_way_to_make_a_message(value: object) -> None:
    with pytest.raises(InvalidMessage, match=r"shipmate\.message"):
        check_message(value)


@pytest.mark.parametrize("value", [[{"body": 1}], ({"body": 1},), []])
def test_a_list_of_messages_is_refused_with_the_way_to_emit_several(value: object) -> None:
    with pytest.raises(InvalidMessage, match="emit or yield one message for each item"):
        check_message(value)
