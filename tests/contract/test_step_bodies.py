"""What messages carry along, and bodies that are kept in the object storage."""

import json
from typing import Any

import pytest

from shipmate.emulator import Platform, StepQueues
from shipmate.emulator.storage import StoredObject
from tests.container import Launch

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


def store(platform: Platform, queues: StepQueues, body: Any) -> str:
    """Put a body into the object storage as another step would."""
    content = queues.cipher.encode(json.dumps(body).encode(), 2)
    platform.maester.objects[object_id := f"stored-{len(platform.maester.objects)}"] = StoredObject(content, "")
    return object_id


def stored(platform: Platform, queues: StepQueues, object_id: str) -> Any:
    """Return a body that the step has stored: encrypted, and not in base64."""
    return json.loads(queues.cipher.decode(platform.maester.objects[object_id].data, 2))


def taken(queues: StepQueues) -> dict[str, Any]:
    """Return the next message, without the ids that were made up for it."""
    (data,) = queues.take("data")
    message = dict(data.message)
    message.pop("id")
    for entry in message.get("passthrough", {}).values():
        entry.pop("id", None)
    return message


def test_stored_bodies_are_fetched_for_the_function(launch: Launch, queues: StepQueues, platform: Platform) -> None:
    """Contract 17.11, without DEF-10: of the message and its passthrough; the references are gone."""
    launch()
    body_id = store(platform, queues, {"do": [["given"]]})
    entry_id = store(platform, queues, {"k": 1})
    queues.publish(
        {
            "body": {},
            "headers": {ID: body_id, "own": 1},
            "passthrough": {"step_0": {"body": {}, "headers": {ID: entry_id}}, "step_x": {"body": {"plain": 1}}},
        }
    )
    given = taken(queues)["body"]["msg"]
    assert given == {
        "body": {"do": [["given"]]},
        "headers": {"own": 1},
        "passthrough": {"step_0": {"body": {"k": 1}, "headers": {}}, "step_x": {"body": {"plain": 1}}},
    }


def test_large_bodies_go_to_the_object_storage(launch: Launch, queues: StepQueues, platform: Platform) -> None:
    """Contract 17.11: what is stored already is not stored again; the own entry shares the main object."""
    launch(EMIT_LIGHTWEIGHT_MESSAGE="true", OBJECT_STORAGE_SIZE_THRESHOLD=20)
    known = store(platform, queues, {"known": 1})
    queues.publish(
        {
            "body": {"return": {"body": {"long": "x" * 40}}},
            "passthrough": {
                "step_0": {"body": {"k": 1}, "headers": {"z": 1}},
                "step_x": {"body": {}, "headers": {ID: known}},
                "step_y": {"headers": {}},
            },
        }
    )
    message = taken(queues)
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
    assert stored(platform, queues, main_id) == {"long": "x" * 40}
    assert stored(platform, queues, entry_id) == {"k": 1}
    assert set(platform.maester.objects) == {known, main_id, entry_id}
