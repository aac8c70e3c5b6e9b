"""The port of observation: nobody by default, one observer, or several."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from shipmate import observation
from shipmate.observation import Observer


class Noting:
    """Notes every call of one block, with its name."""

    def __init__(self, notes: list[tuple[Any, ...]], name: str) -> None:
        self._notes, self._name = notes, name

    def __getattr__(self, method: str) -> Any:
        return lambda *args: self._notes.append((self._name, method, *args))

    def headers(self, metadata: dict[str, Any]) -> dict[str, Any]:
        return {**metadata, self._name: True}

    def __enter__(self) -> "Noting":
        self._notes.append((self._name, "enter"))
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self._notes.append((self._name, "exit", error))


class Recorder(Observer):
    """Notes every fact."""

    def __init__(self, name: str, notes: list[tuple[Any, ...]]) -> None:
        self.name, self.notes = name, notes

    def __getattribute__(self, method: str) -> Any:
        if method in ("name", "notes") or method.startswith("__"):
            return super().__getattribute__(method)
        if method in ("message", "http_request", "refresh"):
            return lambda *args: Noting(self.notes, self.name)
        return lambda *args: self.notes.append((self.name, method, *args))


FACTS = (
    ("phase_began", ("consuming",)), ("keys_adopted", ()), ("lock_waited", (1.0,)), ("published", (1.0,)),
    ("publication_retried", ()), ("throttled", ("data", 1.0)), ("reconnected", ("read",)), ("body_fetched", ()),
    ("body_stored", ()), ("error", ("other", {})),
)  # fmt: skip
BLOCKS = (
    ("message", ({}, "thread", 7), (
        ("function_called", ()),
        ("function_waits", ()), ("function_continues", ()), ("function_ended", ()),
        ("emitted", ("data",)), ("settled", ("success",)),
    )),
    ("http_request", ("api", "GET", "https://api.example.com"), (("answered", (200,)),)),
    ("refresh", (), (("answered", ("granted",)), ("adopted", ()))),
)  # fmt: skip


@pytest.fixture(autouse=True)
def nobody_at_the_end() -> Iterator[None]:
    yield
    observation.use()


def public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


def test_the_lists_of_this_test_are_complete() -> None:
    """A fact that is added to the port must reach several observers, too."""
    assert public(Observer) == {name for name, *_ in (*FACTS, *BLOCKS)}
    for kind, (_, _, facts) in zip(
        (observation.Message, observation.HttpRequest, observation.Refresh), BLOCKS, strict=True
    ):
        assert public(kind) - {"headers"} == {name for name, _ in facts}


def test_nobody_is_told_by_default() -> None:
    assert observation.current is observation.NOBODY
    for name, arguments in FACTS:
        assert getattr(observation.current, name)(*arguments) is None
    for name, arguments, facts in BLOCKS:
        with getattr(observation.current, name)(*arguments) as block:
            for fact, values in facts:
                assert getattr(block, fact)(*values) is None
    metadata = {"threadId": "t"}
    assert observation.current.message({}, "t").headers(metadata) is metadata


def test_one_observer_is_asked_directly() -> None:
    observer = Observer()
    observation.use(observer)
    assert observation.current is observer


def test_several_observers_learn_everything_in_order() -> None:
    notes: list[tuple[Any, ...]] = []
    observation.use(Recorder("a", notes), Recorder("b", notes))
    for name, arguments in FACTS:
        getattr(observation.current, name)(*arguments)
        assert notes == [("a", name, *arguments), ("b", name, *arguments)]
        notes.clear()
    error = ValueError("left the block")
    for name, arguments, facts in BLOCKS:
        with suppress(ValueError), getattr(observation.current, name)(*arguments) as block:
            for fact, values in facts:
                getattr(block, fact)(*values)
            raise error
        expected = [(each, fact, *values) for fact, values in facts for each in "ab"]
        assert notes == [("a", "enter"), ("b", "enter"), *expected, ("b", "exit", error), ("a", "exit", error)]
        notes.clear()
    assert observation.current.message({}, "t").headers({"own": 1}) == {"own": 1, "a": True, "b": True}
