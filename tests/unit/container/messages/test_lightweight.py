"""Bodies in the object storage, with a storage that is a dictionary."""

import json
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import pytest

from shipmate.container.messages.codec import MessageCodec
from shipmate.container.messages.lightweight import ID_HEADER, BodyStore, forget_ids, object_id
from shipmate.errors import EmitError, ObjectUnavailable, PlatformUnavailable
from shipmate.settings import FlowSettings, MessageSettings, Secret

FLOW = FlowSettings("flow", "exec", "step", "container", "workspace", "user", "comp", "function")
CODEC = MessageCodec(FLOW, MessageSettings(Secret("password"), Secret("0123456789abcdef")))


class Objects:
    """An object storage; its objects are decrypted for the test."""

    def __init__(self, **bodies: Any) -> None:
        self.encrypted = {name: CODEC.encrypt(json.dumps(body).encode()) for name, body in bodies.items()}
        self.is_away = False

    def create(self, content: bytes) -> str:
        if self.is_away:
            raise PlatformUnavailable("away")
        self.encrypted[name := f"new-{len(self.encrypted)}"] = content
        return name

    def read(self, object_id: str) -> Any:
        if object_id not in self.encrypted:
            raise PlatformUnavailable("away")
        return SimpleNamespace(content=self.encrypted[object_id])

    @property
    def bodies(self) -> dict[str, Any]:
        """The stored bodies."""
        return {name: json.loads(CODEC.decrypt(content)) for name, content in self.encrypted.items()}


def referring(stored_id: str, **more: Any) -> dict[str, Any]:
    """Return a message whose body is stored."""
    return {"body": {}, "headers": {ID_HEADER: stored_id}, **more}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (referring("a"), "a"),
        (referring(""), None),
        ({"headers": {ID_HEADER: 7}}, None),
        ({"headers": None}, None),
        ({}, None),
    ],
)
def test_only_text_in_the_header_is_an_id(message: dict[str, Any], expected: str | None) -> None:
    """Contract 8.2."""
    assert object_id(message) == expected


def test_bodies_are_fetched_into_the_message_and_its_passthrough() -> None:
    """Contract 8.3: the ids stay until they are forgotten, and others stay for good."""
    message = referring("a", passthrough={"one": referring("b"), "two": {"body": 2}, "odd": "text"})
    assert BodyStore(lambda: Objects(a=[1], b={"x": 1}), CODEC).resolve(message)
    assert (message["body"], message["passthrough"]["one"]["body"]) == ([1], {"x": 1})
    assert object_id(message) == "a"
    forget_ids(message)
    assert (message["headers"], message["passthrough"]["one"]["headers"]) == ({}, {})


def test_a_message_without_stored_bodies_asks_for_no_storage() -> None:
    """Most platforms have none."""

    def no_storage() -> Objects:
        raise AssertionError("no storage was to be asked for")

    message = {"body": 1, "passthrough": {"one": {"body": 2}}}
    assert not BodyStore(no_storage, CODEC).resolve(message)
    BodyStore(no_storage, CODEC).inline({"one": {"body": 2}})


@pytest.mark.parametrize("content", [b"", b"not encrypted", CODEC.encrypt(b"no JSON: canary")])
def test_what_is_stored_is_never_in_the_error(content: bytes) -> None:
    """Contract 8.3: only the id is."""
    objects = Objects()
    objects.encrypted["a"] = content
    with pytest.raises(ObjectUnavailable, match=r"^Failed to get message body with id=a$") as failed:
        BodyStore(lambda: objects, CODEC).resolve(referring("a"))
    assert "canary" not in str(failed.value.__cause__)


def test_bodies_up_to_the_threshold_stay_in_the_message() -> None:
    """Contract 8.4: bytes of plain JSON, message and entries together."""
    objects = Objects()
    store = BodyStore(lambda: objects, CODEC)
    message, entries = {"body": "ä"}, {"one": {"body": 12}}
    assert store.store(message, entries, {}, threshold=6) is message
    assert store.store(message, entries, {}, threshold=5)["body"] == {}
    assert sorted(objects.bodies.values(), key=str) == [12, "ä"]


def test_an_entry_that_is_stored_is_not_stored_again() -> None:
    """Contract 8.4: by its own id, or by that of an earlier event of the message; entries are replaced."""
    objects = Objects()
    store = BodyStore(lambda: objects, CODEC)
    entry = {"body": {"k": 1}, "headers": {"z": 1}}
    known: dict[str, str] = {}
    for _ in range(2):
        entries: dict[str, Any] = {"one": entry, "two": referring("mine")}
        store.store({"body": 1}, entries, known, threshold=0)
    assert entries["one"] == {"body": {}, "headers": {"z": 1, ID_HEADER: known["one"]}}
    assert known["two"] == "mine"
    assert entry == {"body": {"k": 1}, "headers": {"z": 1}}
    assert len(objects.bodies) == 3


def test_a_storage_that_takes_nothing_is_an_error_of_the_emit() -> None:
    """Contract 8.4."""
    objects = Objects()
    objects.is_away = True
    with pytest.raises(EmitError, match=r"^Lightweight message/passthrough body upload error$"):
        BodyStore(lambda: objects, CODEC).store({"body": 1}, {}, {}, threshold=0)


def test_entries_without_their_body_get_it_for_steps_that_cannot_fetch() -> None:
    """Contract 8.5: a body that is there stays; the entry itself is replaced."""
    entry = referring("a")
    entries = {"one": entry, "two": {"body": {"f": 1}, "headers": {ID_HEADER: "unknown"}}, "odd": "text"}
    BodyStore(lambda: Objects(a=[1]), CODEC).inline(entries)
    assert (entries["one"]["body"], entries["two"]["body"], entry["body"]) == ([1], {"f": 1}, {})
    with pytest.raises(EmitError, match="id=unknown"):
        BodyStore(Objects, CODEC).inline({"one": referring("unknown")})


def test_bodies_that_are_fetched_side_by_side_belong_to_their_message() -> None:
    """Log records and spans of other threads find it in the context."""
    place: ContextVar[str] = ContextVar("place")
    place.set("here")
    seen = []

    class Noting(Objects):
        def read(self, object_id: str) -> Any:
            seen.append(place.get("nowhere"))
            return super().read(object_id)

    message = referring("a", passthrough={"one": referring("b")})
    BodyStore(lambda: Noting(a=1, b=2), CODEC).resolve(message)
    assert seen == ["here", "here"]
