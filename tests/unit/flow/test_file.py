"""The file: JSON and YAML, in every envelope, within limits."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.flow.document import read_document
from shipmate.flow.file import FlowFile, FlowFileError, read

GRAPH: dict[str, Any] = {"nodes": [{"id": "a", "command": "webhook:receive"}], "edges": []}
ATTRIBUTES: dict[str, Any] = {"name": "Sign-up", "graph": GRAPH}


def flow(name: str = "f1", title: str = "Sign-up") -> dict[str, Any]:
    return {"id": name, "type": "flow", "attributes": {"name": title, "graph": GRAPH}, "relationships": {}}


RECIPE: dict[str, Any] = {
    "type": "recipe",
    "attributes": {
        "declarations": {"variables": [{"id": "site", "title": "Site"}]},
        "flow_templates": [{"title": "In", "graph": GRAPH}, {"title": "Out", "graph": GRAPH}],
    },
}


def reading(folder: Path, value: Any, **choice: str) -> FlowFile:
    path = folder / "orders.json"
    path.write_text(json.dumps(value))
    return read(path, **choice)


def refusal(folder: Path, value: Any, **choice: str) -> str:
    with pytest.raises(FlowFileError) as caught:
        reading(folder, value, **choice)
    return str(caught.value).removeprefix(f"{folder / 'orders.json'}: ")


@pytest.mark.parametrize(
    ("value", "pointer", "flow_id"),
    [
        (ATTRIBUTES, "/graph", "orders"),
        (GRAPH, "", "orders"),
        (flow(), "/attributes/graph", "f1"),
        ({"data": flow(), "meta": {}}, "/data/attributes/graph", "f1"),
        ({"data": {**flow(), "type": "flow-draft"}}, "/data/attributes/graph", "f1"),
        ({"data": [flow()], "meta": {}}, "/data/0/attributes/graph", "f1"),
        ({"results": [flow()]}, "/results/0/attributes/graph", "f1"),
        ({"data": {"attributes": ATTRIBUTES}}, "/data/attributes/graph", "orders"),
        (
            {"data": {"type": "recipe", "attributes": {"flow_template": {"cron": "* * * * *", "graph": GRAPH}}}},
            "/data/attributes/flow_template/graph",
            "orders",
        ),
    ],
)
def test_a_flow_is_found_in_every_envelope(tmp_path: Path, value: Any, pointer: str, flow_id: str) -> None:
    found = reading(tmp_path, value)

    assert (found.graph_pointer, found.id, found.graph) == (pointer, flow_id, GRAPH)


@pytest.mark.parametrize("choice", ["f2", "Orders"])
def test_a_flow_of_a_list_is_chosen_by_id_or_name(tmp_path: Path, choice: str) -> None:
    found = reading(tmp_path, {"data": [flow(), flow("f2", "Orders")]}, flow=choice)

    assert (found.id, found.pointer) == ("f2", "/data/1/attributes")


@pytest.mark.parametrize("choice", ["Out", "2"])
def test_a_template_of_a_recipe_is_chosen_by_title_or_number(tmp_path: Path, choice: str) -> None:
    found = reading(tmp_path, {"data": RECIPE}, template=choice)

    assert found.graph_pointer == "/data/attributes/flow_templates/1/graph"
    assert found.declared_variables == ("site",)


@pytest.mark.parametrize(
    ("value", "choice", "problem"),
    [
        ({"data": [flow(), flow("f2")]}, {}, "/data: expected one flow, found 2; choose with --flow: f1, f2"),
        ({"data": [flow(), flow("f2")]}, {"flow": "f3"},
         "/data: expected the flow of --flow, found none with 'f3'; available: f1, f2"),
        ({"data": []}, {}, "/data: expected at least one flow, found none"),
        ({"data": RECIPE}, {},
         "/data/attributes/flow_templates: expected one flow, found 2; choose with --template: In, Out"),
        ([], {}, "expected a flow with the member 'graph', as the platform's API returns it, found an array"),
        ({}, {}, "expected a flow with the member 'graph', as the platform's API returns it, found none"),
        (flow(), {"flow": "f1"}, "expected a list of flows for --flow, found another file"),
        (flow(), {"template": "1"}, "expected a recipe for --template, found another file"),
        ({"graph": []}, {}, "/graph: expected an object with nodes and edges, found an array"),
        *(
            ({"data": {"id": text, "attributes": {"graph": {"nodes": []}}}}, {},
             "/data/id: expected an id of at most 200 characters that can be printed, found another text")
            for text in ("..", "a\x00b", "x" * 201)
        ),
    ],
)  # fmt: skip
def test_a_file_without_one_flow_is_refused(tmp_path: Path, value: Any, choice: dict[str, str], problem: str) -> None:
    assert refusal(tmp_path, value, **choice) == problem


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({"nodes": [{"id": "a", "compId": "mapper", "function": "map"}], "connections": []}, "'connections' and"),
        ({"data": {"graph": {"nodes": [{"id": "a", "compId": "x"}], "edges": []}}}, "'connections' and 'compId'"),
        ({"nodes": [{"action": "elasticio/timer:timer", "config": {}}]}, "'nodes' of 'action' and 'config'"),
        ({"nodes": [{"function": "elasticio/timer:timer"}]}, "'nodes' of 'action' and 'config'"),
    ],
)
def test_the_formats_before_the_graph_are_refused_by_name(tmp_path: Path, value: Any, name: str) -> None:
    assert f"found a flow of the format with {name}" in refusal(tmp_path, value)


def test_local_members_stand_at_any_level(tmp_path: Path) -> None:
    """A person adds them to an exported file at the top, and to a flow by hand beside the graph."""
    data = {"data": {**flow(), "accounts": {"k": "keys.json"}}, "components": {"crm": "./crm"}}

    assert reading(tmp_path, data).local == {
        "components": ("/components", {"crm": "./crm"}),
        "accounts": ("/data/accounts", {"k": "keys.json"}),
    }
    data["data"]["attributes"]["components"] = {}  # type: ignore[index]  # made above
    assert reading(tmp_path, data).twice == ("/data/attributes/components",)


def yaml(folder: Path, text: str, name: str = "orders.yaml") -> Any:
    path = folder / name
    path.write_text(text)
    return read_document(path).value


def test_yaml_has_the_values_of_json(tmp_path: Path) -> None:
    """A name such as no, or a date, stays text, and a shared part is the same value in all places."""
    text = "a: no\nb: 2026-01-31\nc: [1, -2.5, 1e3, ~, true]\n7: &x {k: '1'}\nd: *x\ne: 0x10\nf: !!str 5\n"

    assert yaml(tmp_path, text) == {
        "a": "no", "b": "2026-01-31", "c": [1, -2.5, 1000.0, None, True], "7": {"k": "1"}, "d": {"k": "1"}, "e": "0x10",
        "f": "5",
    }  # fmt: skip


def test_values_without_quotes_that_people_mistake_are_known(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text("a: [no, 2026-01-31, 08:00, 1.10, 1.5, 'no', 7, yes sir]\nb: &x {on: ON}\nc: *x\n")

    assert read_document(path).plain == {
        "/a/0": "no", "/a/1": "2026-01-31", "/a/2": "08:00", "/a/3": "1.10", "/b/on": "ON"
    }  # fmt: skip


def test_the_content_decides_on_the_format_if_the_ending_does_not(tmp_path: Path) -> None:
    assert yaml(tmp_path, '{"a": "\\ud83d\\ude00"}', "flow") == {"a": "😀"}
    assert yaml(tmp_path, "a: 1", "flow") == {"a": 1}


LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected a flow in JSON or YAML, found an empty file"),
        (
            "mapper: paid ? 1 : 2",
            "at line 1, column 18 (mapping values are not allowed in this context; put text with a",
        ),
        ("graph:\n    nodes: []\n  edges: []", "did not find expected key; indent this line like the others"),
        ("schedule: */5 * * * *", "put text that begins with one of * & ! @ ` % into quotes"),
        ("schedule: *x", "expected the name of an anchor, found another; put text that begins with"),
        ("a: @b", "at line 1, column 4 (found character that cannot start any token; put text that begins with"),
        ("a: !python/object:os.system x", "expected a value without a tag, found a tag"),
        ("a: 1\nb: {c: 1, c: 2}", "/b/c: expected a unique key, found a repeated one"),
        ("a: 1\n---\nb: 1", "expected one document, found a second one (at line 2, column 1)"),
        ("? [a]\n: b", "expected text as a key, found another value"),
        ("<<: {a: 1}", "expected a key, found <<, which YAML 1.2 does not have"),
        ("a:\n\t- b", "at line 2, column 1 (found character that cannot start any token; indent with blanks"),
        ("a: \x07", "expected YAML, found"),
        ("&a [*a]", "expected the name of an anchor, found another"),
        (
            "a: {zip: 01234}",
            "/a/zip: expected a number as JSON has it, or text in quotes, found 01234; quote it: "
            '"01234" (at line 1, column 10)',
        ),
        ("phones: [+49123]", "/phones/0: expected a number as JSON has it, or text in quotes, found +49123; quote it"),
        ("a: {b: x, y: [1}", "put text with a comma, a colon, a bracket or a brace into quotes"),
        ("a: 'x", "found unexpected end of stream; close the quotes"),
        ("[" * 500, "expected at most 100 levels of objects and arrays, found more"),
        (LAUGHS, "expected at most 500000 values, found more"),
    ],
)
def test_a_yaml_file_that_is_wrong_is_refused_in_one_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(FlowFileError) as caught:
        yaml(tmp_path, text)

    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"a": 1, "a": 2}', "/a: expected a unique key, found a repeated one"),
        (b'{"a": 1,}', "expected JSON, found an error at line 1, column 8 (a comma before })"),
        (b'{"a": [1, {"b": -1e999}]}', "/a/1/b: expected a number that JSON has, found one that is too large"),
        (b"[" * 200 + b"]" * 200, "expected at most 100 levels of objects and arrays, found more"),
        (b"[" * 100_000, "expected JSON, found a value that is nested too deeply"),
        (b"\xff", "expected text in UTF-8, found bytes that are not UTF-8 (at byte 1)"),
        (b" " * (10 * 1024 * 1024 + 1), "expected at most 10 MiB, found more"),
    ],
)
def test_a_json_file_that_is_wrong_is_refused_in_one_line(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "flow.json"
    path.write_bytes(content)
    with pytest.raises(FlowFileError) as caught:
        read_document(path)

    assert str(caught.value) == f"{path}: {problem}"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FlowFileError, match=r"none\.yaml: expected a readable file, found no such file or directory"):
        read_document(tmp_path / "none.yaml")


PIECES = st.sampled_from(
    [*"[]{}:,-?&*!|>'\"%@`#~ \n\t\\", "a", "- ", ": ", "<<: ", "---\n", "&a ", "*a", "\u2028", "1e9", "\ufeff"]
)


@given(text=st.text() | st.lists(PIECES, max_size=30).map("".join), ending=st.sampled_from([".yaml", ".json", ""]))
def test_any_text_gives_a_value_or_one_line(text: str, ending: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No other exception leaves the reader."""
    path = tmp_path_factory.getbasetemp() / f"anything{ending}"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(FlowFileError):
        read_document(path)
