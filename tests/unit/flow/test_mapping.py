"""Mappings: their forms, the message that they make, and their errors."""

import copy
from typing import Any

import pytest

from shipmate.flow.expressions import ExpressionError
from shipmate.flow.mapping import Mapping

POINTER = "/graph/edges/0/config/mapper"
BODY = {"mail": "Ada@Example.test", "name": "Ada", "tags": ["vip", "new"], "note": None, "items": [{"id": 1, "n": 2}]}


def apply(mapper: Any, body: Any = None, **message: Any) -> Any:
    mapping = Mapping.compile(mapper, POINTER)
    return mapping.apply({"body": BODY if body is None else body, **message}, variables={"site": "web"})["body"]


def test_an_object_of_expressions_has_a_value_for_each_member_that_is_defined() -> None:
    mapper = {
        "email": "$lowercase(mail)",
        "name": {"first": "name"},
        "source": "$getFlowVariables().site",
        "tags": "tags",
        "phone": "phone",
        "note": "note",
    }
    assert apply(mapper) == {
        "email": "ada@example.test",
        "name": {"first": "Ada"},
        "source": "web",
        "tags": ["vip", "new"],
        "note": None,
    }


@pytest.mark.parametrize(
    ("mapper", "body"),
    [
        ({"a": '"sold"', "b": "1", "c": "true", "d": "null"}, {"a": "sold", "b": 1, "c": True, "d": None}),
        ({"a": 1, "b": True, "c": None, "d": 1.5}, {"a": 1, "b": True, "c": None, "d": 1.5}),
        ({"a": {"b": {"c": "name"}, "d": {}}}, {"a": {"b": {"c": "Ada"}, "d": {}}}),
        ({"a": {"b": "missing"}}, {"a": {}}),
        ({"a": ["name", {"b": "tags[0]"}, 7, "missing"]}, {"a": ["Ada", {"b": "vip"}, 7]}),
        ({"a": "items.{'sku': id}", "b": "[items.{'sku': id}]"}, {"a": {"sku": 1}, "b": [{"sku": 1}]}),
        ('{"id": items[0].id, "n": $count(tags)}', {"id": 1, "n": 2}),
        ("tags", ["vip", "new"]),
        ("name", "Ada"),
        ("note", None),
        ("missing", {}),
    ],
)
def test_the_forms_of_a_mapping(mapper: Any, body: Any) -> None:
    assert apply(mapper) == body


@pytest.mark.parametrize("message", [{}, {"body": None}])
def test_a_message_without_a_body_has_an_empty_one(message: dict[str, Any]) -> None:
    assert Mapping.compile({"a": "$string($)", "b": "b"}, POINTER).apply(message)["body"] == {"a": "{}"}


@pytest.mark.parametrize("body", [[1, 2], "text", 5])
def test_a_body_may_be_something_else_than_an_object(body: Any) -> None:
    assert apply({"all": "$"}, body, passthrough={"step_1": {"body": {}}}) == {"all": body}


def test_the_message_keeps_everything_but_its_body_and_its_passthrough() -> None:
    message = {
        "id": "m1",
        "headers": {"x-total": "1", "X-Ipaas-Object-Storage-Id": "o1", "x-eio-routing-key": "k"},
        "attachments": {"a.csv": {"url": "https://files.example.test/1"}},
        "method": "POST",
        "body": BODY,
        "passthrough": {"step_1": {"body": {}}},
    }
    before = copy.deepcopy(message)
    assert Mapping.compile({"name": "name"}, POINTER).apply(message, sender="step_2") == {
        "id": "m1",
        "headers": {"x-total": "1"},
        "attachments": {"a.csv": {"url": "https://files.example.test/1"}},
        "method": "POST",
        "body": {"name": "Ada"},
    }
    assert message == before


def test_a_mapping_sees_the_messages_of_all_steps_before_it() -> None:
    message = {"id": "m2", "body": {"id": 7}, "passthrough": {"step_1": {"body": {"name": "Ada"}}}}
    mapping = Mapping.compile(
        {
            "name": "$getPassthrough().step_1.body.name",
            "sender": "$getPassthrough().step_2",
            "old": "elasticio.step_1.body.name",
        },
        POINTER,
    )
    expected = {"name": "Ada", "sender": {"id": "m2", "body": {"id": 7}}, "old": "Ada"}
    assert mapping.apply(message, sender="step_2")["body"] == expected


def test_the_values_of_two_members_are_not_the_same_object() -> None:
    result = apply({"a": "tags", "b": "tags"})
    result["a"].append("changed")
    assert result["b"] == BODY["tags"] == ["vip", "new"]


def test_an_error_names_the_edge_the_field_the_code_and_the_expression() -> None:
    mapper = {"lines": [{"total/net": "price * quantity"}]}
    mapping = Mapping.compile(mapper, POINTER, edge="step_1 to step_2")
    with pytest.raises(ExpressionError) as caught:
        mapping.apply({"body": {"price": 1, "quantity": "secret"}})
    assert str(caught.value) == (
        f"Mapping step_1 to step_2, {POINTER}/lines/0/total~1net: T2002: The right side of the * operator must "
        "evaluate to a number, at character 7 of `price * quantity`"
    )
    assert (caught.value.position, caught.value.jsonata_code) == (7, "T2002")


def test_a_mapping_that_is_wrong_names_the_field() -> None:
    with pytest.raises(ExpressionError, match=f"{POINTER}/to/0: S0202"):
        Mapping.compile({"to": ["{{mail}}"]}, POINTER)


def test_a_body_with_the_name_of_earlier_steps_is_an_error_of_the_mapping() -> None:
    with pytest.raises(ExpressionError, match=f"^{POINTER}: Expected a body without the member 'elasticio'"):
        apply({"a": "name"}, {"elasticio": 1}, passthrough={})


def test_each_expression_has_its_time() -> None:
    mapping = Mapping.compile({"a": "($f := function($n){$f($n + 1)}; $f(0))"}, POINTER)
    with pytest.raises(ExpressionError, match=r"longer than 0\.05 seconds"):
        mapping.apply({"body": {}}, timeout_seconds=0.05)
