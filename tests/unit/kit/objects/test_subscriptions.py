"""A webhook that subscribes at the start of a flow, and unsubscribes at its stop."""

from typing import Any

import pytest

from shipmate.emulator import Reply
from shipmate.kit import Webhook
from tests.unit.kit.objects.conftest import Declare
from tests.unit.kit.objects.crm_api import Crm

DECLARATION = """
from shipmate import message
from shipmate.kit import Webhook
hook = Webhook(
    secret="", api=api, subscribe="POST /hooks/{kind}", unsubscribe="DELETE /hooks/{kind}/{id}",
    subscription={"url": "{webhook}", "event": "{kind}.saved", "depth": 2, "fields": ["{kind}"]},
)
def both(context, cfg, msg):
    data = hook.startup(context, cfg)
    hook.shutdown(context, cfg, data)
    return message(data)
class Whole:
    title = "Contact"
    lookup = declare().lookup.then(both)
    def available(self):
        return {"lookup": "lookupObject"}
whole = Whole()
"""
HOOK = "https://in.example.com/hook/1"


def test_it_subscribes_and_unsubscribes_with_the_account_of_the_flow(
    declare: Declare, crm: Crm, cfg: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subscription that is gone is no error."""
    monkeypatch.setenv("ELASTICIO_FLOW_WEBHOOK_URI", HOOK)
    crm.route("POST", "/v1/hooks/{kind}", lambda request, kind: Reply(201, {"id": "h/7"}))
    crm.route("DELETE", "/v1/hooks/{kind}/{id}", lambda request, kind, id: Reply(404, {}))
    component = declare(DECLARATION, add="whole")
    crm.add()
    asked = {"body": {"lookupCriteriaValue": "1"}}
    assert component.run("lookupObject", asked, cfg={**cfg, "kind": "deal"}).message["body"] == {"id": "h/7"}
    _, subscribed, unsubscribed = crm.requests
    assert (subscribed.path, unsubscribed.path) == ("/v1/hooks/deal", "/v1/hooks/deal/h%2F7")
    assert subscribed.json() == {"url": HOOK, "event": "deal.saved", "depth": 2, "fields": ["deal"]}


def test_only_a_webhook_that_subscribes_has_hooks() -> None:
    assert not hasattr(Webhook(secret=""), "startup")
    assert not hasattr(Webhook(secret=""), "shutdown")
