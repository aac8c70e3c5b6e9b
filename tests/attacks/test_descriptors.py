"""Descriptors and schemas that are meant to occupy a command: its work grows no faster than they do."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from shipmate.component import load
from shipmate.component.metadata import sample, schema_problems
from shipmate.component.metadata.differences import problems, slips
from shipmate.errors import DescriptorError
from shipmate.oauth2.expired_answer import asks_for_refresh
from shipmate.tools.docs.properties import properties_table
from shipmate.tools.validation.descriptor import validate_descriptor
from tests.attacks.test_redaction import work

HEAD = '"title": "t", "description": "d"'


def repeated_keys(size: int) -> str:
    fields = ", ".join(f'"k{number}": {{"label": "x"}}' for number in range(size))
    return f'{{{HEAD}, "credentials": {{"fields": {{"k1": {{"label": "x"}}, {fields}}}}}, "actions": {{}}}}'


def unfinished_templates(size: int) -> str:
    oauth2 = {"token_uri": "{{" + " " * size, "auth_uri": "{{" * size, "client_id": "{{a " * size}
    return f'{{{HEAD}, "envVars": {{}}, "credentials": {{"oauth2": {json.dumps(oauth2)}}}, "actions": {{}}}}'


def many_problems(size: int) -> str:
    fields = json.dumps({f"k{number}": {"viewClass": "SelectView"} for number in range(size)})
    return f'{{{HEAD}, "actions": {{"a": {{"main": "a.js", "title": "A", "fields": {fields}}}}}}}'


def unknown_requires(size: int) -> str:
    fields = json.dumps({f"k{number}": {"label": "x", "require": [f"missing{number}"]} for number in range(size)})
    return f'{{{HEAD}, "actions": {{"a": {{"main": "a.js", "title": "A", "fields": {fields}}}}}}}'


@pytest.mark.parametrize(
    ("text_of", "size"),
    [(repeated_keys, 100), (unfinished_templates, 2000), (many_problems, 100), (unknown_requires, 100)],
)
def test_twice_the_descriptor_is_twice_the_work(text_of: Callable[[int], str], size: int, tmp_path: Path) -> None:
    file = tmp_path / "component.json"
    counts = []
    for times in (1, 1, 2):  # the first time, modules are imported
        file.write_text(text_of(size * times))
        counts.append(work(lambda: validate_descriptor(file)))
    assert counts[2] <= 2.3 * counts[1] + 1000


def test_a_key_that_is_there_twice_among_many_is_found(tmp_path: Path) -> None:
    file = tmp_path / "component.json"
    file.write_text(repeated_keys(2000))
    assert [problem.pointer for problem in validate_descriptor(file).errors if "repeated" in problem.message] == [
        "/credentials/fields/k1"
    ]


def doubled(keyword: str, depth: int = 25) -> dict[str, Any]:
    """Return a schema whose references double at each level."""

    def level(number: int) -> dict[str, Any]:
        reference = {"$ref": f"#/definitions/d{number + 1}"}
        if keyword == "properties":
            return {"type": "object", "properties": {"a": reference, "b": dict(reference)}}
        return {keyword: [reference, dict(reference)]}

    definitions = {f"d{number}": level(number) for number in range(depth)}
    return {**level(0), "definitions": {**definitions, f"d{depth}": {"type": "string"}}}


def misplaced(depth: int = 40) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": {"x": {"type": "string"}}}
    for _ in range(depth):
        schema = {"type": "object", "properties": schema}
    return schema


SCHEMAS = {
    **{keyword: doubled(keyword) for keyword in ("properties", "allOf", "anyOf", "oneOf")},
    "misplaced": misplaced(),
    "choices": {"allOf": [{"anyOf": [{"minLength": 1}, {"minLength": 2}]} for _ in range(40)]},
    "huge": {"type": "array", "minItems": 10**12, "items": {"type": "string", "minLength": 10**12}},
    "enum": {"enum": [{"a": number} for number in range(1000)]},
    "required": {"properties": {f"k{number}": {"required": True} for number in range(1000)}},
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize(
    "use", [schema_problems, slips, sample, properties_table, lambda schema: problems(schema, {"a": {"b": [1]}})]
)
@pytest.mark.no_cover
def test_a_schema_that_grows_without_end_when_written_out_is_handled(name: str, use: Callable[[Any], Any]) -> None:
    with suppress(DescriptorError):
        use(SCHEMAS[name])


@pytest.mark.parametrize("depth", [300, 450, 600, 900, 100_000])
def test_a_descriptor_that_is_nested_deeply_is_an_error_like_any_other(depth: int, tmp_path: Path) -> None:
    text = f'{{{HEAD}, "actions": {{}}, "x": {"[" * depth}{"]" * depth}}}'
    (tmp_path / "component.json").write_text(text)
    validate_descriptor(tmp_path / "component.json")
    with suppress(DescriptorError):
        load(tmp_path)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("unit", ["a", "a ", "a=", "a-", '"', 'a="', 'a="\\', "\\", " ", "a=b,"])
def test_a_challenge_of_any_length_is_read(unit: str) -> None:
    header = f'{unit * 100_000}, error="insufficient_scope"'
    assert asks_for_refresh(401, header, is_expired=None, is_past=False) in (True, False)
    assert not asks_for_refresh(200, header, is_expired=None, is_past=False)
