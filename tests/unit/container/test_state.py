"""The configuration and the snapshot of a step: what the next message is given."""

from typing import Any

import pytest

from shipmate.container.state import StepState


def test_what_a_function_changes_is_its_own() -> None:
    """Each message gets copies."""
    state = StepState({"a": {"b": 1}}, {"s": [1]})
    state.config()["a"]["b"] = 2
    state.snapshot()["s"].append(2)
    assert (state.config(), state.snapshot()) == ({"a": {"b": 1}}, {"s": [1]})


@pytest.mark.parametrize("snapshot", [None, {}, 0, ""])
def test_without_a_snapshot_it_is_empty(snapshot: Any) -> None:
    """Contract 7."""
    assert StepState({}, snapshot).snapshot() == {}


def test_keys_replace_the_members_that_they_name() -> None:
    """Contract 6.5: the others stay."""
    state = StepState({"oauth": {"old": 1}, "region": "eu"}, {})
    state.replace_keys({"oauth": {"new": 2}})
    assert state.config() == {"oauth": {"new": 2}, "region": "eu"}


@pytest.mark.parametrize(("before", "after"), [({"a": 1, "b": 1}, {"a": 1, "b": 2}), ([1], {"b": 2})])
def test_a_part_goes_over_the_members_of_the_snapshot(before: Any, after: Any) -> None:
    """Contract 6.4: one that is no object has none."""
    state = StepState({}, {})
    state.replace_snapshot(before)
    state.update_snapshot({"b": 2})
    assert state.snapshot() == after
