"""The services of a run mode."""

from pathlib import Path
from typing import Any, cast

from shipmate.component.descriptor import Component
from shipmate.invocation.executor import verify
from shipmate.invocation.services import Services, register_secrets
from shipmate.logs.redaction import Redactor
from shipmate.oauth2.keys import secrets_of
from tests.unit.invocation.functions import Collected


def component(**fields: str) -> Component:
    described = {name: {"viewClass": view} for name, view in fields.items()}
    return Component(Path(), {}, {}, {"fields": described}, None, {})


def test_secrets_are_hidden_at_any_depth_wherever_they_come_from() -> None:
    redactor = Redactor()
    unused = cast(Any, None)
    Services(redactor, unused, unused, flow_variables={"api_token": "variable-1", "region": "europe-1"})
    register_secrets(
        redactor,
        component(pin="PasswordFieldView"),
        {"oauth": {"authed_user": {"access_token": "nested-1"}, "session_key": "session-1"}, "pin": {"a": ["pin-123"]}},
        {"DATABASE": "postgres://ada:p%40ss-1@host/x", "HEADERS": "harmless"},
    )
    text = "variable-1 nested-1 session-1 pin-123 p%40ss-1 p@ss-1 europe-1 harmless"
    assert redactor.redact(text) == "*** *** *** *** *** *** europe-1 harmless"


def test_a_verdict_has_no_secrets(services: Services) -> None:
    services.redactor.add("token-123456")
    answer = {"verified": False, "reason": "token-123456 is refused"}
    verdict = verify(lambda context, cfg: answer, {}, sink=Collected(), services=services)
    assert verdict == {"verified": False, "reason": "*** is refused"}


def test_the_secrets_of_a_token_answer_are_nested() -> None:
    answer = {"ok": True, "access_token": "a", "team": {"id": "T1"}, "authed_user": {"id": "U1", "access_token": "b"}}
    assert sorted(secrets_of(answer)) == ["a", "b"]
