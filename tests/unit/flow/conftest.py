"""A flow that is right, with its component and its key file, for tests that make it wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

COMPONENT: dict[str, Any] = {
    "title": "CRM",
    "description": "A CRM",
    "credentials": {"fields": {"api_key": {"label": "Key", "viewClass": "PasswordFieldView", "required": True}}},
    "triggers": {"poll": {"title": "Poll", "main": "./poll.py", "fields": {"list": {"required": True}}}},
    "actions": {
        "upsert_contact": {
            "title": "Upsert",
            "main": "./upsert.py",
            "fields": {
                "list": {"label": "List", "required": True, "viewClass": "TextFieldView"},
                "mode": {"label": "Mode"},
            },
            "metadata": {
                "in": {"type": "object", "properties": {"email": {"type": "string", "required": True}, "name": {}}}
            },
        }
    },
}


def sign_up() -> dict[str, Any]:
    """Return a flow with a webhook, a component, a router with two branches, and a reply."""
    return {
        "name": "Sign-up",
        "type": "long_running",
        "graph": {
            "nodes": [
                {"id": "step_1", "command": "elasticio/webhook:receive", "name": "Form"},
                {
                    "id": "step_2",
                    "component_id": {"componentId": "c2", "componentDevTeam": "acme", "componentName": "crm"},
                    "command": {"actionOrTrigger": "upsert_contact", "componentVersion": "0f3a"},
                    "fields": {"list": "news"},
                    "credentials_id": {"credentialId": "k1", "credentialName": "Our CRM"},
                },
                {"id": "step_3", "command": "elasticio/router:route@latest", "service": "router"},
                {"id": "step_4", "command": "elasticio/request-reply:reply"},
                {"id": "step_5", "command": "elasticio/filter-component:SimpleJSONataFilter",
                 "fields": {"expression": "n > 1"}},
            ],
            "edges": [
                {"source": "step_1", "target": "step_2", "config": {"mapper_type": "jsonata", "mapper":
                    {"email": "$lowercase(mail)", "name": {"first": "name"}, "site": "$getFlowVariables().site"}}},
                {"source": "step_2", "target": "step_3", "config": {"mapper": {}}},
                {"source": "step_3", "target": "step_4", "config": {"condition": "created = true", "mapper":
                    "{\"responseBody\": id, \"statusCode\": 201}"}},
                {"source": "step_3", "target": "step_5"},
            ],
        },
        "nodes_config": {"step_2": {"prefetch": 5, "passthrough": {"disabled": True}}},
        "components": {"crm": "./crm"},
        "accounts": {"k1": "crm.keys.json"},
        "variables": {"site": "web"},
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the component and the key file of the flow."""
    (tmp_path / "crm").mkdir()
    (tmp_path / "crm" / "component.json").write_text(json.dumps(COMPONENT))
    (tmp_path / "crm.keys.json").write_text('{"api_key": "s3cret-k3y"}')
    return tmp_path
