"""The passthrough of emitted messages, computed without a step."""

from typing import Any

import pytest

from shipmate.container.messages.passthrough import carried, without

INCOMING: dict[str, Any] = {"body": 1, "passthrough": {"step_0": {"body": 0}}}


@pytest.mark.parametrize(
    ("sender", "without_self", "entries"),
    [
        ("step_1", False, {"step_0": {"body": 0}}),
        ("step_1", True, {"step_0": {"body": 0}, "step_1": {"body": 1}}),
        (None, True, {"step_0": {"body": 0}}),
        ("step_0", True, {"step_0": {"body": 1}}),
    ],
    ids=["the step adds itself", "the step adds its sender", "no sender", "the newer entry wins"],
)
def test_the_entries_are_those_of_the_input_and_its_sender(
    sender: str | None, without_self: bool, entries: dict[str, Any]
) -> None:
    """Contract 8.1; the input stays as it is."""
    assert carried(INCOMING, sender, without_self=without_self) == entries
    assert INCOMING["passthrough"] == {"step_0": {"body": 0}}


@pytest.mark.parametrize("passthrough", [None, [], "text", 7])
def test_a_passthrough_that_is_no_object_is_empty(passthrough: Any) -> None:
    """Any sender may have written it."""
    assert carried({"passthrough": passthrough}, None, without_self=False) == {}


def test_entries_have_no_passthrough_of_their_own() -> None:
    """Contract 8.1: entries would grow with every step."""
    assert without(INCOMING) == {"body": 1}
