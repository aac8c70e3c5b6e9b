"""What messages carry along, and bodies that are kept in the object storage."""

import json
from typing import Any

import pytest

from shipmate.emulator import Fault, Platform
from shipmate.emulator.storage import StoredObject
from tests.station import Done, Start, Station

ID = "x-ipaas-object-storage-id"
INCOMING = {
    "body": {"do": [], "return": {"body": {"x": 1}}},
    "headers": {"h": 1},
    "passthrough": {"step_0": {"body": {"k": 1}}},
}


@pytest.fixture
def platform(platform: Platform) -> Platform:
    """A platform whose step passes messages through."""
    platform.steps["flow"]["step"]["is_passthrough"] = True
    return platform


def store(platform: Platform, body: Any) -> str:
    """Put a body into the object storage as another step would."""
    content = Station.cipher.encode(json.dumps(body).encode(), 2)
    platform.maester.objects[object_id := f"stored-{len(platform.maester.objects)}"] = StoredObject(content, "")
    return object_id


def stored(platform: Platform, object_id: str) -> Any:
    """Return a body that the step has stored: encrypted, and not in base64."""
    return json.loads(Station.cipher.decode(platform.maester.objects[object_id].data, 2))


def taken(done: Done) -> dict[str, Any]:
    """Return the one message, without the ids that were made up for it."""
    (data,) = done.data
    message = dict(data.message)
    message.pop("id")
    for entry in message.get("passthrough", {}).values():
        entry.pop("id", None)
    return message


def test_a_step_adds_itself_to_what_it_carries(start: Start) -> None:
    """Contract 17.12: the default."""
    emitted = {"body": {"x": 1}, "headers": {}}
    assert taken(start().deliver(INCOMING)) == {
        **emitted,
        "passthrough": {"step_0": {"body": {"k": 1}}, "step": emitted},
    }


def test_the_own_entry_keeps_the_routing_key_that_the_message_itself_loses(start: Start) -> None:
    """Contract 6.1: the key is filtered after the entry was added, as in the official runtime."""
    station = start()
    headers = {"x-eio-routing-key": station.reply_to, "kept": "k"}
    done = station.deliver({**INCOMING, "body": {"return": {"body": 1, "headers": headers}}})
    message = taken(Done(data=done.data + done.replies))
    assert message["headers"] == {"kept": "k"}
    assert message["passthrough"]["step"] == {"body": 1, "headers": headers}


def test_a_step_adds_its_sender_where_it_is_told_to(start: Start) -> None:
    """Contract 17.12: NO_SELF_PASSTRHOUGH, which is really spelt like that."""
    message = taken(start(NO_SELF_PASSTRHOUGH="1").deliver(INCOMING))
    sender = {name: value for name, value in INCOMING.items() if name != "passthrough"}
    assert message["passthrough"] == {"step_0": {"body": {"k": 1}}, "previous": sender}


def test_without_a_sender_nothing_is_added(start: Start) -> None:
    """Contract 17.12: the header stepId is missing."""
    message = taken(start(NO_SELF_PASSTRHOUGH="1").deliver(INCOMING, headers={"stepId": None}))
    assert message["passthrough"] == {"step_0": {"body": {"k": 1}}}


@pytest.mark.parametrize("flag", [False, None, 1, "true"])
def test_what_came_is_dropped_where_nothing_is_carried(start: Start, platform: Platform, flag: Any) -> None:
    """Contract 17.12: only the boolean true counts; what the component sets itself is sent as it is."""
    platform.steps["flow"]["step"]["is_passthrough"] = flag
    station = start()
    assert "passthrough" not in taken(station.deliver(INCOMING))
    own = {"mine": {"body": 1}}
    assert taken(station.deliver({"body": {"return": {"body": 1, "passthrough": own}}}))["passthrough"] == own


def test_what_the_function_changes_does_not_change_what_is_carried(start: Start) -> None:
    """Contract 15, DEF-11: entries are nobody's but the runtime's."""
    returned = {"body": 1, "passthrough": {"forged": {}}}
    message = taken(start(NO_SELF_PASSTRHOUGH="1").deliver({**INCOMING, "body": {"return": returned}}))
    assert set(message["passthrough"]) == {"step_0", "previous"}


def test_what_is_carried_keeps_its_reference(start: Start, platform: Platform) -> None:
    """Contract 8.3, 14: the id is kept for the steps that follow, and the body is there for those that cannot fetch."""
    body_id = store(platform, {"return": {"body": {"x": 1}}})
    entry_id = store(platform, {"k": 1})
    done = start(NO_SELF_PASSTRHOUGH="1").deliver(
        {"body": {}, "headers": {ID: body_id}, "passthrough": {"step_0": {"headers": {ID: entry_id}}}}
    )
    assert taken(done)["passthrough"] == {
        "step_0": {"body": {"k": 1}, "headers": {ID: entry_id}},
        "previous": {"body": {"return": {"body": {"x": 1}}}, "headers": {ID: body_id}},
    }


def test_what_is_carried_is_stored_once_for_all_that_is_emitted(start: Start, platform: Platform) -> None:
    """Contract 8.4: two messages, and one object for the entry that both carry."""
    station = start(EMIT_LIGHTWEIGHT_MESSAGE="true", OBJECT_STORAGE_SIZE_THRESHOLD=0)
    do = [["emit", "data", {"body": 1}], ["emit", "data", {"body": 2}]]
    done = station.deliver({"body": {"do": do}, "passthrough": {"step_0": {"body": {"k": 1}}}})
    first, second = (each.message["passthrough"]["step_0"] for each in done.data)
    assert first == second
    assert len(platform.maester.objects) == 3


def test_references_that_a_function_carries_itself_are_resolved(start: Start, platform: Platform) -> None:
    """Contract 8.5: also where the step carries nothing along, for the next step may be unable to fetch."""
    platform.steps["flow"]["step"]["is_passthrough"] = False
    entry_id = store(platform, {"k": 1})
    own = {"mine": {"body": {}, "headers": {ID: entry_id}}, "full": {"body": {"f": 1}, "headers": {ID: "unknown"}}}
    message = taken(start().deliver({"body": {"return": {"body": 1, "passthrough": own}}}))
    assert message["passthrough"] == {**own, "mine": {"body": {"k": 1}, "headers": {ID: entry_id}}}


def test_stored_bodies_are_fetched_for_the_function(start: Start, platform: Platform) -> None:
    """Contract 17.11, without DEF-10: of the message and its passthrough; the references are gone."""
    body_id = store(platform, {"do": [["given"]]})
    entry_id = store(platform, {"k": 1})
    done = start().deliver(
        {
            "body": {},
            "headers": {ID: body_id, "own": 1},
            "passthrough": {"step_0": {"body": {}, "headers": {ID: entry_id}}, "step_x": {"body": {"plain": 1}}},
        }
    )
    assert taken(done)["body"]["msg"] == {
        "body": {"do": [["given"]]},
        "headers": {"own": 1},
        "passthrough": {"step_0": {"body": {"k": 1}, "headers": {}}, "step_x": {"body": {"plain": 1}}},
    }


def test_a_function_may_fetch_for_itself(start: Start, platform: Platform) -> None:
    """Contract 8.3, 8.5: autoResolveObjectReferences is false; what is carried on is inlined for the next step."""
    entry_id = store(platform, {"k": 1})
    done = start("commands_unresolved").deliver(
        {
            "body": {"do": [["given"]]},
            "headers": {ID: "untouched"},
            "passthrough": {"step_0": {"body": {}, "headers": {ID: entry_id}}},
        }
    )
    message = taken(done)
    assert message["body"]["msg"]["headers"] == {ID: "untouched"}
    assert message["passthrough"]["step_0"] == {"body": {"k": 1}, "headers": {ID: entry_id}}


@pytest.mark.parametrize("fault", [Fault(status=404), Fault(status=200, body=b"not encrypted"), None])
def test_a_body_that_cannot_be_fetched_is_an_error(start: Start, platform: Platform, fault: Fault | None) -> None:
    """Contract 8.3: the text names the id; the input is rejected."""
    object_id = store(platform, {"a": 1}) if fault else "unknown"
    if fault:
        platform.script(f"/object-storage/objects/{object_id}", fault)
    done = start().deliver({"body": {}, "headers": {ID: object_id}})
    (error,) = done.errors
    assert error.error["message"] == f"Failed to get message body with id={object_id}"
    assert not done.is_success


@pytest.mark.parametrize(
    ("status", "name"), [(404, "ObjectExpired"), (410, "ObjectExpired"), (403, "ObjectUnavailable")]
)
def test_a_body_that_has_expired_is_told_from_others(start: Start, platform: Platform, status: int, name: str) -> None:
    """The text is the platform's; the name, the code and the stack say that no retry would help."""
    platform.script("/object-storage/objects/gone", Fault(status=status))
    (error,) = start().deliver({"body": {}, "headers": {ID: "gone"}}).errors
    assert error.error["name"] == name
    assert ("The body has expired" in error.error["stack"]) is (name == "ObjectExpired")
    assert ("code: object_expired" in error.error["stack"]) is (name == "ObjectExpired")


@pytest.mark.parametrize("body", [None, [], [1, {"a": None}], "text", 7, False])
def test_a_stored_body_may_be_any_json(start: Start, platform: Platform, body: Any) -> None:
    """Of the message, and of what is carried to a step that cannot fetch."""
    station = start(NO_SELF_PASSTRHOUGH="1")
    headers = {ID: store(platform, body)}
    message = taken(station.deliver({"body": {}, "headers": headers, "passthrough": {"step_0": {"headers": headers}}}))
    assert message["body"] == body
    assert {name: each["body"] for name, each in message["passthrough"].items()} == {"step_0": body, "previous": body}


@pytest.mark.parametrize("body", [None, [], [1, {"a": None}], "text", 7, False])
def test_a_body_of_any_json_is_stored(start: Start, platform: Platform, body: Any) -> None:
    """As it is, and fetched as it is."""
    station = start(EMIT_LIGHTWEIGHT_MESSAGE="true", OBJECT_STORAGE_SIZE_THRESHOLD=0)
    message = taken(station.deliver({"body": {"return": {"body": body}}}))
    assert message["body"] == {}
    assert stored(platform, message["headers"][ID]) == body
    assert taken(station.deliver({"body": {"return": {"body": 1}}, "passthrough": message["passthrough"]}))


def test_large_bodies_go_to_the_object_storage(start: Start, platform: Platform) -> None:
    """Contract 17.11: what is stored already is not stored again; the own entry shares the main object."""
    known = store(platform, {"known": 1})
    done = start(EMIT_LIGHTWEIGHT_MESSAGE="true", OBJECT_STORAGE_SIZE_THRESHOLD=20).deliver(
        {
            "body": {"return": {"body": {"long": "x" * 40}}},
            "passthrough": {
                "step_0": {"body": {"k": 1}, "headers": {"z": 1}},
                "step_x": {"body": {}, "headers": {ID: known}},
                "step_y": {"headers": {}},
            },
        }
    )
    message = taken(done)
    main_id, entry_id = message["headers"][ID], message["passthrough"]["step_0"]["headers"][ID]
    assert message == {
        "body": {},
        "headers": {ID: main_id},
        "passthrough": {
            "step_0": {"body": {}, "headers": {"z": 1, ID: entry_id}},
            "step_x": {"body": {}, "headers": {ID: known}},
            "step_y": {"headers": {}},
            "step": {"body": {}, "headers": {ID: main_id}},
        },
    }
    assert stored(platform, main_id) == {"long": "x" * 40}
    assert stored(platform, entry_id) == {"k": 1}
    assert set(platform.maester.objects) == {known, main_id, entry_id}


def test_the_threshold_must_be_exceeded(start: Start) -> None:
    """Contract 17.11: strictly greater, in bytes of plain JSON, with what is carried, without the own entry."""
    body, entry = {"a": "ä"}, {"k": 1}
    size = len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()) + len('{"k":1}')
    station = start(EMIT_LIGHTWEIGHT_MESSAGE="true", OBJECT_STORAGE_SIZE_THRESHOLD=size)
    carried = {"passthrough": {"step_0": {"body": entry}}}
    assert taken(station.deliver({"body": {"return": {"body": body}}, **carried}))["body"] == body
    assert taken(station.deliver({"body": {"return": {"body": {"a": "äö"}}}, **carried}))["body"] == {}


def test_a_storage_that_takes_nothing_is_an_error(start: Start, platform: Platform) -> None:
    """Contract 8.4: the function is told, and may go on."""
    platform.script("/object-storage/objects", *[Fault(status=400)] * 2)
    station = start(EMIT_LIGHTWEIGHT_MESSAGE="true", OBJECT_STORAGE_SIZE_THRESHOLD=0)
    done = station.deliver({"body": {"do": [["try", "data", {"body": 1}]]}})
    first, second = done.errors
    assert first.error["message"] == "Lightweight message/passthrough body upload error"
    assert second.error["message"] == first.error["message"]
    assert not done.is_success
