"""Expressions: what they see, what their values are, how they fail, and the bounds of their evaluation."""

import copy
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonata.jsonata import Jsonata

from shipmate.errors import BadInput
from shipmate.flow.dialect.values import to_json, with_nulls
from shipmate.flow.expressions import UNDEFINED, Expression, ExpressionError, truth

NAMES = st.sampled_from("abc")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, width=16) | st.sampled_from(["", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
STEP = {"id": "m1", "headers": {"x-total": "1"}, "body": {"name": "Ada", "note": None}}
RECURSION = "($f := function($n){$n = 0 ? 0 : 1 + $f($n - 1)}; $f(%s))"


def evaluate(text: str, body: Any = None, **scope: Any) -> Any:
    return Expression.compile(text).evaluate({} if body is None else body, **scope)


def error_of(text: str, body: Any = None, **scope: Any) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, body, **scope)
    return caught.value


# What an expression sees


def test_without_a_passthrough_there_are_no_earlier_steps() -> None:
    assert evaluate("$getPassthrough()") is UNDEFINED
    assert evaluate("elasticio") is UNDEFINED
    assert evaluate("$keys($)", {"a": 1}) == "a"


def test_earlier_steps_are_seen_through_the_function_and_as_a_member_of_the_root() -> None:
    passthrough = {"step_1": STEP}
    assert evaluate("$getPassthrough().step_1.headers.`x-total`", passthrough=passthrough) == "1"
    assert evaluate("elasticio.step_1.body.name", passthrough=passthrough) == "Ada"
    assert evaluate("$keys($)", {"a": 1}, passthrough=passthrough) == ["a", "elasticio"]
    assert evaluate("$$.elasticio.step_1.body.note", passthrough=passthrough) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$keys()", ["a", "elasticio"]),
        ("$", {"a": 1, "elasticio": {}}),
        ("$count(*)", 2),
        ("$count(**)", 3),
        ("$string()", '{"a":1,"elasticio":{}}'),
        ("$each(function($v, $k){$k})", ["a", "elasticio"]),
        ('$lookup("elasticio")', {}),
        ('$eval("elasticio")', {}),
        ("$spread()", [{"a": 1}, {"elasticio": {}}]),
        ("elasticio", {}),
    ],
)
def test_whatever_sees_the_whole_root_sees_an_empty_passthrough(text: str, found: Any) -> None:
    assert evaluate(text, {"a": 1}, passthrough={}) == found


@pytest.mark.parametrize("body", [[1, 2], "text", 7])
def test_a_body_that_is_no_object_has_no_member_for_earlier_steps(body: Any) -> None:
    assert evaluate("$", body, passthrough={"step_1": STEP}) == body
    assert evaluate("$getPassthrough().step_1.id", body, passthrough={"step_1": STEP}) == "m1"


def test_a_body_with_the_name_of_earlier_steps_fails_if_there_is_a_passthrough() -> None:
    assert "'elasticio'" in str(error_of("a", {"elasticio": 1}, passthrough={}))
    assert evaluate("elasticio", {"elasticio": 1}) == 1


def test_the_sender_is_an_earlier_step_without_its_passthrough() -> None:
    sender = ("step_2", {**STEP, "passthrough": {"step_1": {}}})
    assert evaluate("$getPassthrough()", sender=sender, passthrough={}) == {"step_2": STEP}
    assert evaluate("$getPassthrough().step_2.id", sender=sender) == "m1"


def test_flow_variables_are_an_object_that_may_be_empty() -> None:
    assert evaluate("$getFlowVariables().site", variables={"site": "web"}) == "web"
    assert evaluate("$getFlowVariables()") == {}


def test_now_is_the_time_of_each_evaluation() -> None:
    expression = Expression.compile("$millis()")
    Expression.compile("1 + 1 = 2")
    before = int(time.time() * 1000)
    first = expression.evaluate({})
    assert before <= first <= int(time.time() * 1000)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(expression.evaluate, {}).result() >= first


# Values


@given(body=JSON, names=st.lists(NAMES, min_size=1, max_size=4))
def test_a_path_that_is_not_walked_by_the_evaluator_has_the_same_value(body: Any, names: list[str]) -> None:
    text = ".".join(names)
    expected = _in_library(text, body)
    assert Expression(text).evaluate(body) == expected
    assert Expression(f"({text})").evaluate(body) == expected
    assert Expression(f"list.({text})").evaluate({"list": [body]}) == _in_library(f"list.({text})", {"list": [body]})


def _in_library(text: str, body: Any) -> Any:
    plain = Jsonata(text)
    plain.set_output_convert_nulls(False)
    return to_json(plain.evaluate(with_nulls(body)))


@given(body=JSON)
def test_a_value_is_a_copy_and_the_body_stays_as_it_is(body: Any) -> None:
    before = copy.deepcopy(body)
    for text in ("$", "a", "a.b", "[$]", "**", '$ ~> |**|{"n": 1}|', '{"k": $}', "a{'k': $}"):
        try:
            value = Expression.compile(text).evaluate(body)
        except ExpressionError:
            continue
        _spoil(value)
        assert body == before


def _spoil(value: Any) -> None:
    """Change all lists and objects of a value."""
    members = list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []
    for each in members:
        _spoil(each)
    if isinstance(value, dict):
        value["spoilt"] = True
    elif isinstance(value, list):
        value.append("spoilt")


def test_a_group_of_an_empty_list_leaves_the_body_as_it_is() -> None:
    body: dict[str, Any] = {"lists": [[], [1]]}
    evaluate('$map(lists, function($l){$l{"a": 1}})', body)
    assert body == {"lists": [[], [1]]}


@pytest.mark.parametrize(("text", "value"), [("2 / 2", 1), ("n", 1), ("n * 1.5", 1.5), ("[n]", [1])])
def test_whole_numbers_are_written_without_a_fraction(text: str, value: Any) -> None:
    result = evaluate(text, {"n": 1.0})
    assert result == value
    assert "1.0" not in repr(result)


def test_a_compiled_expression_is_safe_in_many_threads() -> None:
    text = '($f := $substring(?, 0, 1); $join($map(names, function($n){$f($n) & $string($now() != "")})))'
    expression = Expression.compile(text)
    bodies = [{"names": [f"{n}x", "b"]} for n in range(10)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(expression.evaluate, bodies * 20))
    assert results == [f"{n}truebtrue" for n in range(10)] * 20


@pytest.mark.parametrize("value", [[], {}, "0", "false", 1, -1, True, [0]])
def test_what_javascript_takes_for_true(value: Any) -> None:
    assert truth(value)


@pytest.mark.parametrize("value", [UNDEFINED, None, 0, 0.0, "", False, float("nan")])
def test_what_javascript_takes_for_false(value: Any) -> None:
    assert not truth(value)


# Errors


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("a +", "S0207", 3),
        ("$f(", "S0203", 3),
        ("'open", "S0101", 5),
        ("info@acme.test", "S0214", None),
        ("{{first}}", "S0202", None),
        ("/* open", "S0201", None),
        ("!true", "S0201", None),
        ('"\\x"', "S0103", 2),
        ("/(/ ", "S0302", None),
        ("/a{2,1}/", "pattern", None),
        ("(" * 9000 + "1" + ")" * 9000, "D1011", None),
    ],
)
def test_a_syntax_error_has_a_code_and_its_place(text: str, code: str, position: int | None) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression.compile(text)
    assert caught.value.jsonata_code == code
    assert position is None or caught.value.position == position
    assert "\n" not in str(caught.value)


def test_an_error_quotes_the_expression_and_none_of_the_values() -> None:
    error = error_of("price *\n quantity", {"price": 2, "quantity": "secret-42"})
    assert str(error) == (
        "T2002: The right side of the * operator must evaluate to a number, at character 7 of `price * quantity`"
    )
    assert error.position == 7
    assert isinstance(error, BadInput)


@pytest.mark.parametrize(
    "text",
    [
        "$number(a)", "a + 1", "1 - a", "-a", "a < 1", "$sum([a])", "{a: 1, 'x': 2, b: 1}", "{c: 1}", "$power(d, 400)",
        "$toMillis(a)", "$decodeUrl(e)", "$eval(a & '(')", "$sort([a, 1])", "items^(v)", "[1..a]", "a()",
        "$max([a, 1])",
        "$formatBase(1, d)", '$fromMillis(0, a & "[Q]")', "$assert(a)", "items ~> |$|5|", "$single([a, a])",
    ],
)  # fmt: skip
def test_no_error_quotes_the_message(text: str) -> None:
    body = {
        "a": "secret-42",
        "b": "x",
        "c": [9942],
        "d": 9942,
        "e": "%secret-42",
        "items": [{"v": "secret-42"}, {"v": 1}],
    }
    found = str(error_of(text, body))
    assert "secret" not in found
    assert "9942" not in found


def test_the_texts_of_the_author_stay() -> None:
    assert "out of stock" in str(error_of('$error("out of stock")'))
    assert "no stock" in str(error_of('$assert(false, "no stock")'))


def test_a_long_expression_is_quoted_around_the_error() -> None:
    text = f'{{"first": "{"x" * 200}", "total": "a" * 2, "last": "{"y" * 200}"}}'
    found = str(error_of(text))
    assert '"a" * 2' in found
    assert len(found) < 250


# Bounds


def test_an_endless_loop_ends_after_its_time() -> None:
    started = time.monotonic()
    assert error_of("($f := function($n){$f($n + 1)}; $f(0))", timeout_seconds=0.1).jsonata_code == "D1012"
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    "text",
    [
        RECURSION % 100000,
        "($f := function($n){$map([$n], function($x){$f($x)})}; $f(0))",
        "($f := function($n){$sort([2, 1], function($a, $b){$f($a)})}; $f(0))",
        '($f := function($n){$eval("$f(1)") + 1}; $f(0))',
    ],
)
def test_a_deep_recursion_is_an_error_in_any_thread(text: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(error_of, text).result().jsonata_code in ("D1011", "D3121")
    assert evaluate("1 + 1") == 2


def test_a_function_may_call_itself_as_often_as_documented() -> None:
    assert evaluate(RECURSION % 300) == 300
    assert evaluate("($f := function($n, $t){$n = 0 ? $t : $f($n - 1, $t + 1)}; $f(2000, 0))") == 2000


@pytest.mark.parametrize(
    "text",
    [
        '($f := function($s, $n){$n = 0 ? $s : $f($s & $s, $n - 1)}; $f("0123456789", 40))',
        '$pad("x", 1000000000000)',
        # Long names: without them, a million objects are copied until the result is too large.
        f'($f := function($o, $n){{$n = 0 ? $o : $f({{"{"a" * 100}": $o, "{"b" * 100}": $o}}, $n - 1)}}; $f(1, 60))',
        '[1..11].($pad("x", 1000000))',
    ],
)
@pytest.mark.no_cover
def test_a_value_larger_than_a_message_is_an_error(text: str) -> None:
    assert "larger than 10 MB" in str(error_of(text))


def test_a_range_has_a_limit() -> None:
    assert error_of("[0..1000000]").jsonata_code == "D2014"
    assert evaluate("$count([1..1000000])", timeout_seconds=60) == 1_000_000


@pytest.mark.no_cover
def test_values_that_are_the_same_are_found_in_linear_time() -> None:
    assert evaluate("$count($distinct($map([1..20000], function($n){{'n': $n}})))", timeout_seconds=60) == 20_000


@pytest.mark.parametrize(
    "text",
    [
        "$contains(text, /^(a|a)*$/)",
        "$match(text, /^(a|aa)+$/)",
        "$replace(text, /^(a|aa)+$/, 'x')",
        "$split(text, /(a|aa)+$/)",
        "/^(a|a)*$/(text)",
        "text ~> /^(a|a)*$/",
        "$replace(text, 'a', function($m) { $contains($$.text, /^(a|a)*$/) ? 'x' : 'y' })",
    ],
)
def test_a_pattern_that_backtracks_ends_with_the_time_of_the_expression(text: str) -> None:
    """``re`` would search for years, and keep all other threads from running."""
    with pytest.raises(ExpressionError, match=r"^D1012: The expression takes longer than 0\.1 seconds"):
        Expression.compile(text).evaluate({"text": "a" * 60 + "b"}, timeout_seconds=0.1)


def test_the_time_of_a_pattern_is_that_of_all_its_matches() -> None:
    """Each match is fast, and there are too many of them."""
    with pytest.raises(ExpressionError, match=r"^D1012"):
        Expression.compile("$match(text, /a/)").evaluate({"text": "a" * 1_000_000}, timeout_seconds=0.05)


def test_a_text_that_is_too_long_for_a_time_is_none() -> None:
    text = "1" * 1_000_000 + "x"
    assert Expression.compile("$toMillis(text, '[Y][M][D]')").evaluate({"text": text}, timeout_seconds=1) is UNDEFINED


# What check says


def test_operators_of_later_versions_are_known() -> None:
    assert Expression.compile("a ?? b ?: c").newer_operators == ("?:", "??")
    assert Expression.compile("/(?:a)/ in ['??', \"?:\"]").newer_operators == ()


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("$foo(1) & $bar(?, 1) & $foo(2)", ["$foo", "$bar"]),
        ("name ~> $uppercase ~> $foo", ["$foo"]),
        ("items[$foo()].{'a': $bar($)}^($baz(a))", ["$foo", "$bar", "$baz"]),
        ("items.uppercase(name)", ["uppercase"]),
        ("($f := function($g) { $g($h) }; $f($uppercase))", []),
        ("items@$i.prices#$p.$i($p())", []),
        ("$map(items, $foo)", []),
        ("$moment(due).clone().format('L') & $getPassthrough().a.body & $getFlowVariables().b", []),
        ("$(1) & $$(1)", []),
    ],
)
def test_a_function_that_nothing_defines_is_known(text: str, unknown: list[str]) -> None:
    assert Expression.compile(text).unknown_functions == unknown
