"""Fixtures: selected by name, filled with variables, or refused in one line."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.errors import BadInput
from shipmate.local import fixtures


@pytest.fixture
def component(tmp_path: Path) -> Path:
    """Return the folder of a component with fixtures."""
    (tmp_path / "test").mkdir()
    return tmp_path


def put_fixtures(root: Path, content: Any) -> None:
    """Write ``test/fixture.json``."""
    text = content if isinstance(content, str) else json.dumps(content)
    (root / fixtures.FIXTURES).write_text(text, encoding="utf-8")


class TestFixtures:
    def read(self, root: Path, name: str = "one", without: frozenset[str] = frozenset(), **environ: str) -> Any:
        return {
            member: source.value
            for member, source in fixtures.read_fixture(root, name, environ, without=without).items()
        }

    def test_variables_are_filled_in_texts_however_deep(self, component: Path) -> None:
        put_fixtures(
            component,
            {"fixtures": {"one": {"cfg": {"a": ["{{KEY}}", 1, {"b": "x {{ KEY }}{{OTHER}}"}]}, "msg": {"body": None}}}},
        )
        assert self.read(component, KEY="k", OTHER="o") == {
            "cfg": {"a": ["k", 1, {"b": "x ko"}]},
            "msg": {"body": None},
        }

    @given(secret=st.text(st.characters(codec="utf-8", exclude_characters="\0")))
    def test_a_value_is_filled_in_as_it_is(self, tmp_path_factory: pytest.TempPathFactory, secret: str) -> None:
        root = tmp_path_factory.mktemp("component")
        (root / "test").mkdir()
        put_fixtures(root, {"fixtures": {"one": {"cfg": {"key": "{{KEY}}"}}}})
        assert self.read(root, KEY=secret) == {"cfg": {"key": secret}}

    @pytest.mark.parametrize("text", ["{{KEY}}", "{{ KEY }}", "{{{KEY}}}", "{{{ KEY }}}", "{{&KEY}}", "{{& KEY }}"])
    def test_a_placeholder_may_be_written_in_every_way_of_handlebars(self, component: Path, text: str) -> None:
        put_fixtures(component, {"fixtures": {"one": {"cfg": {"a": f"<{text}>{text}"}}}})
        assert self.read(component, KEY="k") == {"cfg": {"a": "<k>k"}}

    @pytest.mark.parametrize("name", ["160world_key", "google-id", "größe", "_", "7"])
    def test_a_variable_may_have_any_name_that_handlebars_allows(self, component: Path, name: str) -> None:
        """Published fixtures have names that begin with a digit."""
        put_fixtures(component, {"fixtures": {"one": {"cfg": {"a": f"{{{{{name}}}}}"}}}})
        assert self.read(component, **{name: "v"}) == {"cfg": {"a": "v"}}

    def test_a_value_that_looks_like_a_placeholder_is_not_filled_again(self, component: Path) -> None:
        put_fixtures(component, {"fixtures": {"one": {"cfg": {"a": "{{A}}"}}}})
        assert self.read(component, A="{{B}}", B="b") == {"cfg": {"a": "{{B}}"}}

    def test_variables_are_filled_in_the_names_of_members(self, component: Path) -> None:
        put_fixtures(component, {"fixtures": {"one": {"msg": {"body": {"field_{{ID}}": 1}}}}})
        assert self.read(component, ID="7") == {"msg": {"body": {"field_7": 1}}}

    @pytest.mark.parametrize(
        ("value", "expected"), [("7", 7), ("true", True), ('"x"', "x"), ('{"a": [1]}', {"a": [1]}), ("null", None)]
    )
    def test_a_placeholder_outside_of_quotes_stands_for_json(self, component: Path, value: str, expected: Any) -> None:
        """elasticio-cli fills the text of the file, so that its fixtures get numbers and objects in this way."""
        put_fixtures(
            component, '{"fixtures": {"one": {"cfg": {"quoted \\"": "{{V}}", "bare": {{{V}}}, "list": [{{V}}]}}}}'
        )
        assert self.read(component, V=value) == {"cfg": {'quoted "': value, "bare": expected, "list": [expected]}}

    def test_what_is_not_json_outside_of_quotes_is_named_without_its_value(self, component: Path) -> None:
        put_fixtures(component, '{"fixtures": {"one": {"cfg": {"port": {{PORT}}}}}}')
        with pytest.raises(
            BadInput, match=r"expected JSON in the variable PORT, .* at /fixtures/one/cfg/port$"
        ) as raised:
            self.read(component, PORT="s3cret")
        assert "s3cret" not in str(raised.value)

    def test_a_broken_file_with_placeholders_outside_of_quotes_is_described(self, component: Path) -> None:
        put_fixtures(component, '{"fixtures": {"one": {"cfg":\n {"port": {{PORT}} "x": 1}}}}')
        with pytest.raises(BadInput, match="expected JSON, found an error at line 2"):
            self.read(component, PORT="1")

    @pytest.mark.parametrize("member", ["cfg", "msg", "snapshot"])
    def test_a_member_that_is_null_is_not_given(self, component: Path, member: str) -> None:
        put_fixtures(component, {"fixtures": {"one": {member: None}}})
        assert self.read(component) == {}

    def test_all_unset_variables_are_named_at_once(self, component: Path) -> None:
        members = '"cfg": {"a": "{{A}}{{B}}{{SET}}{{A}}", "b": {{C}}}, "msg": {"body": "{{D}}"}'
        put_fixtures(component, f'{{"fixtures": {{"one": {{{members}}}}}}}')
        with pytest.raises(BadInput, match=r"the variables A, B, C, D in .*, found none of them: .* at /fixtures/one$"):
            self.read(component, SET="x")

    def test_an_unset_variable_is_named_with_its_place(self, component: Path) -> None:
        put_fixtures(component, {"fixtures": {"one": {"cfg": {"list": ["{{MISSING}}"]}}}})
        with pytest.raises(BadInput, match=r"the variable MISSING .* at /fixtures/one/cfg/list/0$"):
            self.read(component)

    def test_a_member_that_is_given_otherwise_need_not_be_complete(self, component: Path) -> None:
        put_fixtures(component, {"fixtures": {"one": {"cfg": {"a": "{{MISSING}}"}, "snapshot": {"n": 1}}}})
        assert self.read(component, without=frozenset({"cfg"})) == {"snapshot": {"n": 1}}

    def test_a_credential_whose_variable_is_not_set_comes_from_the_account(self, component: Path) -> None:
        cfg = {"oauth": {"access_token": "{{TOKEN}}"}, "key": "{{KEY}}", "object": "Contact"}
        put_fixtures(component, {"fixtures": {"one": {"cfg": cfg}}})
        account = {"oauth": {"access_token": "live"}, "key": "k"}
        members = fixtures.read_fixture(component, "one", {"KEY": "own"}, without=frozenset(), account=account)
        assert members["cfg"].value == {"key": "own", "object": "Contact"}
        with pytest.raises(BadInput, match="the variable TOKEN"):
            fixtures.read_fixture(component, "one", {"KEY": "own"}, without=frozenset(), account={"key": "k"})

    def test_an_unknown_name_lists_the_existing_ones(self, component: Path) -> None:
        put_fixtures(component, {"fixtures": {"one": {}, "two": {}}})
        with pytest.raises(BadInput, match=r"found 'three'; available: one, two$"):
            self.read(component, "three")

    def test_an_empty_file_of_fixtures_has_none(self, component: Path) -> None:
        put_fixtures(component, {"fixtures": {}})
        with pytest.raises(BadInput, match=r"found 'one'$"):
            self.read(component)

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            ("{", "expected JSON, .* at line 1, column 2 .* in .*fixture.json"),
            ([], "expected an object, found an array in .*fixture.json$"),
            ({}, "expected an object, found nothing in .*fixture.json at /fixtures"),
            ({"fixtures": {"one": 1}}, "expected an object, found a number in .* at /fixtures/one"),
        ],
    )
    def test_a_broken_file_is_described(self, component: Path, content: Any, expected: str) -> None:
        put_fixtures(component, content)
        with pytest.raises(BadInput, match=expected):
            self.read(component)

    def test_the_names_are_known_without_the_variables(self, component: Path) -> None:
        put_fixtures(component, '{"fixtures": {"one": {"cfg": {"port": {{PORT}}}}, "two": {}}}')
        assert fixtures.fixture_names(component) == ["one", "two"]

    def test_a_missing_file_is_named(self, component: Path) -> None:
        with pytest.raises(BadInput, match=r"found no such file or directory: .*test/fixture\.json"):
            self.read(component)
