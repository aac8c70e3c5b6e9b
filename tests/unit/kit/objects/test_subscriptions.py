"""A webhook that subscribes at the start of a flow, and unsubscribes at its stop."""

import json
from pathlib import Path
from typing import Any

import pytest

from shipmate.emulator import Reply
from shipmate.kit import Webhook
from tests.unit.kit.objects.conftest import Declare
from tests.unit.kit.objects.crm_api import Crm

DECLARATION = """
from shipmate.kit import Webhook
contacts = declare()
hook = Webhook(
    secret="", api=api, subscribe="POST /hooks/{kind}", unsubscribe="DELETE /hooks/{kind}/{id}",
    subscription={"url": "{webhook}", "event": "{kind}.saved", "depth": 2, "fields": ["{kind}"]},
)
"""
HOOK = "https://in.example.com/hook/1"


def test_it_subscribes_with_the_account_of_the_flow(
    declare: Declare, crm: Crm, cfg: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELASTICIO_FLOW_WEBHOOK_URI", HOOK)
    crm.route("POST", "/v1/hooks/{kind}", lambda request, kind: Reply(201, {"id": "h/7"}))
    crm.route("DELETE", "/v1/hooks/{kind}/{id}", lambda request, kind, id: Reply(404, {}))
    component = declare(DECLARATION)
    file = tmp_path / "component.json"
    descriptor = json.loads(file.read_text())
    descriptor["triggers"] = {"hook": {"title": "Hook", "type": "webhook", "main": "./crm.py:hook"}}
    file.write_text(json.dumps(descriptor))
    assert component


def test_only_a_webhook_that_subscribes_has_hooks() -> None:
    assert not hasattr(Webhook(secret=""), "startup")
    assert not hasattr(Webhook(secret=""), "shutdown")
