"""Which flows have a webhook, and whether its caller waits."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shipmate.component import Component, Function
from shipmate.flow.components import Implementation, Language
from shipmate.flow.gateway import hook_of, is_webhook
from shipmate.flow.graph import Flow, Node


def node(component: str, function: str = "f", service: str | None = None) -> Node:
    return Node(
        id=component, component=component, team=None, function=function, name=component, fields={}, account=None,
        secret=None, service=service, is_first=component == "webhook", is_error_handler=False, prefetch=1, containers=1,
        has_passthrough=True, log_level="info", pointer="",
    )  # fmt: skip


def flow(*nodes: Node) -> Flow:
    return Flow(
        id="f1", name="f1", kind="ordinary", nodes=nodes, edges=(), components={}, accounts={}, secrets={},
        variables={}, schedule=None, path=Path("flow.yaml"),
    )  # fmt: skip


def in_folder(raw: Mapping[str, Any]) -> Implementation:
    functions = {"f": Function("f", "trigger", "f.py", raw=raw)}
    return Implementation(Language.PYTHON, descriptor=Component(Path(), {}, functions, {}, None, {}))


@pytest.mark.parametrize(
    ("step", "implementation", "expected"),
    [
        (node("webhook", "receive"), Implementation(Language.STANDARD), True),
        (node("webhook-component", "receive"), Implementation(Language.STANDARD), True),
        (node("hooks", service="webhook"), Implementation(Language.COMMAND), True),
        (node("timer", "timer"), Implementation(Language.STANDARD), False),
        (node("crm"), in_folder({"type": "webhook"}), True),
        (node("crm"), in_folder({"type": "polling"}), False),
    ],
)
def test_a_flow_has_a_webhook_if_its_first_step_takes_requests(
    step: Node, implementation: Implementation, expected: bool
) -> None:
    assert is_webhook(step, implementation) is expected


@pytest.mark.parametrize(
    "step", [node("request-reply"), node("request-reply-component"), node("x", service="request-reply")]
)
def test_the_caller_waits_if_any_step_replies(step: Node) -> None:
    assert hook_of(flow(node("webhook"), step), {}, "reply").reply_prefix == "reply"


def test_the_caller_does_not_wait_without_a_step_that_replies() -> None:
    assert hook_of(flow(node("webhook"), node("crm")), {}, "reply").reply_prefix is None


def test_the_credentials_are_those_of_the_account() -> None:
    hook = hook_of(flow(node("webhook")), {"auth": {"type": "BASIC"}}, "reply")

    assert (hook.flow_id, hook.authorization.kind, hook.is_raw) == ("f1", "basic", False)


def test_the_first_step_says_whether_bodies_stay_text() -> None:
    assert hook_of(flow(replace(node("webhook"), takes_raw_data=True)), {}, "reply").is_raw
