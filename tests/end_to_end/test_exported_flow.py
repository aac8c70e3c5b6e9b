"""The page about exported flows: its files and commands do what it says."""

import json
from pathlib import Path

import pytest

from shipmate.emulator import RabbitMQNode
from tests.reader import Reader, blocks

ORDERS = {
    "title": "Orders",
    "language": "python",
    "credentials": {"fields": {"apiKey": {"label": "Key", "viewClass": "TextFieldView", "required": True}}},
    "actions": {
        "list_orders": {
            "title": "List",
            "main": "./list_orders.py",
            "fields": {"status": {"label": "Status", "viewClass": "TextFieldView"}},
        }
    },
}
LIST_ORDERS = """
from shipmate import message

def process(context, msg, cfg, snapshot):
    assert cfg["apiKey"] == "key"
    return message({"id": 7, "status": cfg["status"]})
"""


@pytest.mark.timeout(90)
def test_an_exported_flow_is_run_as_the_page_says(tmp_path: Path, rabbitmq: RabbitMQNode) -> None:
    """The component of the flow is the reader's own, and there is no folder for it on the page."""
    found = blocks("how-to/run-an-exported-flow.md")
    exported, local, descriptor = (json.loads(block) for language, block in found if language == "json")
    missing, complete = (block for language, block in found if language == "console")
    (code,) = (block for language, block in found if language == "python")
    reader = Reader(tmp_path, 0, SHIPMATE_AMQP_URI=rabbitmq.uri)
    flow, orders, stand_in = tmp_path / "orders.json", tmp_path / "orders", tmp_path / "stand-ins" / "code"

    flow.write_text(json.dumps(exported))
    reader.type(missing)

    orders.mkdir()
    (orders / "component.json").write_text(json.dumps(ORDERS))
    (orders / "list_orders.py").write_text(LIST_ORDERS)
    (tmp_path / "orders.keys.json").write_text('{"apiKey": "key"}')
    stand_in.mkdir(parents=True)
    (stand_in / "component.json").write_text(json.dumps(descriptor))
    reader.write(code)
    flow.write_text(json.dumps({**exported, **local}))
    reader.type(complete)
