"""The stand-ins for filter, transformation, splitter and mapper."""

from types import SimpleNamespace
from typing import Any

import pytest

from shipmate.errors import BadInput
from shipmate.flow.builtin import filter as filters
from shipmate.flow.builtin import mapper, splitter, transform
from shipmate.flow.expressions import ExpressionError
from shipmate.flow.mapping import Mapping

BODY = {"n": 1, "items": [{"id": 1}, {"id": 2}]}
MESSAGE = {"id": "m1", "headers": {"x": "1"}, "attachments": {"a": {}}, "body": BODY}


def run(process: Any, cfg: dict[str, Any], msg: dict[str, Any] | None = None) -> tuple[list[Any], list[str]]:
    """Return the emitted messages and the log."""
    emitted: list[Any] = []
    log: list[str] = []
    context = SimpleNamespace(
        emit=lambda event, value: emitted.append((event, value)),
        logger=SimpleNamespace(info=log.append, warning=log.append),
        flow_variables={"limit": "1"},
    )
    returned = process(context, msg or MESSAGE, cfg, {})
    if returned is not None:
        emitted.append(("data", returned))
    assert all(event == "data" for event, _ in emitted)
    return [value for _, value in emitted], log


def bodies(process: Any, expression: str, msg: dict[str, Any] | None = None) -> list[Any]:
    return [value["body"] for value in run(process, {"expression": expression}, msg)[0]]


# Filter


@pytest.mark.parametrize("expression", ["n = 1", "items", "{}", "[]", '"0"', "$getFlowVariables().limit"])
def test_a_filter_passes_the_body_on_if_javascript_takes_the_value_for_true(expression: str) -> None:
    emitted, log = run(filters.process, {"expression": expression})
    assert emitted == [{"body": BODY}]
    assert log == []


@pytest.mark.parametrize("expression", ["n = 2", "missing", "null", "0", '""', "false"])
def test_a_message_ends_at_a_filter_that_is_false(expression: str) -> None:
    emitted, log = run(filters.process, {"expression": expression})
    assert emitted == []
    assert log == ["the expression is false: the message ends here"]


def test_a_filter_with_an_assertion_fails() -> None:
    with pytest.raises(filters.ConditionNotMet, match=r"^Condition not met on JSONata expression: n = 2$"):
        run(filters.process, {"expression": "n = 2", "assertion": True})
    assert len(run(filters.process, {"expression": "n = 1", "assertion": True})[0]) == 1


def test_a_filter_adds_the_messages_of_earlier_steps_if_asked() -> None:
    message = {"body": {"n": 1}, "passthrough": {"step_1": {"body": {}}}}
    cfg = {"expression": "n", "addMetadataToResponse": True}
    assert run(filters.process, cfg, message)[0] == [{"body": {"n": 1, "elasticioMeta": {"step_1": {"body": {}}}}}]


def test_a_filter_sees_earlier_steps() -> None:
    message = {"body": {}, "passthrough": {"step_1": {"body": {"ok": True}}}}
    assert bodies(filters.process, "$getPassthrough().step_1.body.ok", message) == [{}]


# Transformation


@pytest.mark.parametrize(
    ("expression", "emitted"),
    [
        ('{"m": n}', [{"m": 1}]),
        ("items.{'x': id}", [{"x": 1}, {"x": 2}]),
        ("items.id", [1, 2]),
        ("[1]", [1]),
        ("items[0]", [{"id": 1}]),
        ('"ab"', ["a", "b"]),
        ("[]", []),
        ("{}", []),
        ('""', []),
        ("n", []),
        ("true", []),
        ("null", []),
        ("missing", []),
    ],
)
def test_a_transformation_emits_what_the_platform_emits(expression: str, emitted: list[Any]) -> None:
    assert bodies(transform.process, expression) == emitted


def test_a_transformation_that_fails_says_why() -> None:
    with pytest.raises(transform.TransformationFailed, match=r"^Jsonata transformation failed! T2001"):
        run(transform.process, {"expression": '"a" + 1'})


# Splitter


@pytest.mark.parametrize(
    ("expression", "emitted"),
    [
        ("items", [{"id": 1}, {"id": 2}]),
        ("items[0]", [{"id": 1}]),
        ("[items[0], null]", [{"id": 1}]),
        ("[[1]]", [[1]]),
        ("[]", []),
        ("{}", [{}]),
    ],
)
def test_a_splitter_emits_each_object(expression: str, emitted: list[Any]) -> None:
    assert bodies(splitter.process, expression) == emitted


def test_a_splitter_warns_of_a_single_object() -> None:
    assert run(splitter.process, {"expression": "items[0]"})[1] == [
        "the expression yields one object; a list is expected"
    ]


@pytest.mark.parametrize("expression", ["n", '"text"', "true", "missing", "null"])
def test_a_splitter_cannot_split_a_single_value(expression: str) -> None:
    with pytest.raises(splitter.NothingToSplit, match=r"^Can't emit single primitive!$"):
        bodies(splitter.process, expression)


def test_a_splitter_emits_nothing_of_a_list_with_a_value_that_is_no_object() -> None:
    with pytest.raises(splitter.NothingToSplit, match=r"^Splitting arrays of objects only!$"):
        bodies(splitter.process, "[items[0], 5]")


def test_a_failing_expression_is_an_error_of_jsonata() -> None:
    with pytest.raises(ExpressionError, match=r"^T2001"):
        bodies(splitter.process, '"a" + 1')


@pytest.mark.parametrize(
    ("path", "emitted"),
    [
        ("items", [{"id": 1}, {"id": 2}]),
        ("$", [BODY]),
        ("items[1]", [{"id": 2}]),
        ("items.0", [{"id": 1}]),
    ],
)
def test_the_older_splitter_takes_a_path(path: str, emitted: list[Any]) -> None:
    assert [value["body"] for value in run(splitter.process_path, {"splitter": path})[0]] == emitted


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("missing", 'Could not find properties by following path: "missing"!'),
        ("items[7]", 'Could not find properties by following path: "items[7]"!'),
        ("n", "Only objects are accepted!"),
    ],
)
def test_the_older_splitter_refuses_other_paths(path: str, text: str) -> None:
    with pytest.raises(splitter.NothingToSplit) as caught:
        run(splitter.process_path, {"splitter": path})
    assert str(caught.value) == text


# Mapper


def test_the_mapper_maps_by_its_setting() -> None:
    expected = [{**MESSAGE, "body": {"m": 1, "deep": {"limit": "1"}}}]
    assert run(mapper.process, {"mapper": {"m": "n", "deep": {"limit": "$getFlowVariables().limit"}}})[0] == expected
    assert run(mapper.process, {"mapper": "items[0]"})[0][0]["body"] == {"id": 1}


def test_the_mapper_of_an_edge_sees_the_step_before() -> None:
    process = mapper.function(Mapping.compile({"id": "$getPassthrough().step_1.id"}, "/mapper"), "step_1")
    assert run(process, {})[0][0]["body"] == {"id": "m1"}


@pytest.mark.parametrize(
    ("process", "field"),
    [(filters.process, "expression"), (transform.process, "expression"), (splitter.process, "expression"),
     (mapper.process, "mapper")],
)  # fmt: skip
def test_a_step_without_its_setting_says_so(process: Any, field: str) -> None:
    with pytest.raises(BadInput, match=f"^fields.{field}: expected"):
        run(process, {})


def test_a_body_that_is_missing_is_empty() -> None:
    assert bodies(transform.process, '{"all": $}', {"headers": {}}) == [{"all": {}}]
