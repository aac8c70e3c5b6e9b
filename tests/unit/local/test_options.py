"""What commands are given to work on: read from where it is, and refused in one line that says what is wrong where."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import shipmate
from shipmate.errors import BadInput
from shipmate.local import dotenv, fixtures, options
from shipmate.local.options import Inputs, Source


class NoStream(io.BytesIO):
    """A standard input that cannot be read."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Fail as reading a folder does."""
        raise OSError(21, "Is a directory")


@pytest.fixture
def component(tmp_path: Path) -> Path:
    """Return the folder of a component with fixtures."""
    (tmp_path / "test").mkdir()
    return tmp_path


def put_fixtures(root: Path, content: Any) -> None:
    """Write ``test/fixture.json``."""
    text = content if isinstance(content, str) else json.dumps(content)
    (root / fixtures.FIXTURES).write_text(text, encoding="utf-8")


class TestRead:
    def test_text_that_starts_with_a_brace_is_json(self) -> None:
        source = options.read("--cfg", ' {"a": 1}', None)
        assert (source.value, source.file) == ({"a": 1}, None)

    def test_a_dash_is_standard_input(self) -> None:
        assert options.read("--msg", "-", io.BytesIO(b'{"a": 1}')).value == {"a": 1}

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
    def test_anything_else_is_the_name_of_a_file_with_or_without_a_byte_order_mark(
        self, tmp_path: Path, encoding: str
    ) -> None:
        path = tmp_path / "cfg.json"
        path.write_text('{"name": "Zoë"}', encoding=encoding)
        assert options.read("--cfg", str(path), None) == Source({"name": "Zoë"}, f"--cfg {path}", path)

    def test_a_pipe_is_read_but_keys_cannot_be_saved_to_it(self) -> None:
        reader, writer = os.pipe()
        os.write(writer, b'{"a": 1}')
        os.close(writer)
        source = options.read("--cfg", f"/dev/fd/{reader}", None)
        os.close(reader)
        assert (source.value, source.file) == ({"a": 1}, None)

    def test_big_integers_and_lone_surrogates_survive(self) -> None:
        assert options.read("--msg", f'{{"a": {2**80}, "b": "\\ud83d"}}', None).value == {"a": 2**80, "b": "\ud83d"}

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('{"a": 1,}', r"expected JSON, found an error at line 1, column \d+ \(.*\) in --cfg$"),
            ('{"a":\n  oops}', r"expected JSON, found an error at line 2, column 3 \(expecting value\) in --cfg$"),
            ('{"a": NaN}', "expected JSON, found NaN, which is not JSON in --cfg$"),
            ('{"a": ' + "[" * 100_000, "nested too deeply in --cfg$"),
            ('{"a": ' + "9" * 5000 + "}", "a number with too many digits"),
            ("", "expected a file's name, .* found nothing for --cfg$"),
            ("no\0file", "expected a readable file, found a name that no file can have"),
            ("no-such-file", "expected a readable file, found no such file or directory: --cfg no-such-file$"),
            ("/", "expected a readable file, found is a directory: --cfg /$"),
        ],
    )
    def test_what_is_wrong_is_said_with_its_place(self, text: str, expected: str) -> None:
        with pytest.raises(BadInput, match=expected):
            options.read("--cfg", text, None)

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"", r"expected JSON, found nothing in --msg \(standard input\)"),
            (b'{"a": "\xff"}', r"found bytes that are not UTF-8 \(at byte 8\): --msg \(standard input\)"),
        ],
    )
    def test_bad_standard_input_is_named(self, content: bytes, expected: str) -> None:
        with pytest.raises(BadInput, match=expected):
            options.read("--msg", "-", io.BytesIO(content))

    @pytest.mark.parametrize(("stream", "found"), [(None, "a closed stream"), (NoStream(), "is a directory")])
    def test_standard_input_that_cannot_be_read_is_named(self, stream: io.BytesIO | None, found: str) -> None:
        with pytest.raises(BadInput, match=f"found {found}: --msg"):
            options.read("--msg", "-", stream)

    @given(text=st.text())
    def test_a_literal_is_json_or_an_error_of_one_line(self, text: str) -> None:
        try:
            assert options.read("--msg", "{" + text, None).value is not None
        except BadInput as error:
            assert "\n" not in str(error)  # noqa: PT017 (both outcomes are right)


class TestGather:
    def test_what_is_not_given_is_empty(self) -> None:
        assert options.gather({}) == Inputs()
        assert Inputs().msg == {"headers": {}, "body": {}}

    def test_a_message_gets_the_headers_and_body_that_it_lacks(self) -> None:
        gathered = options.gather({"msg": Source({"id": "1"}, "--msg")})
        assert gathered.msg == {"id": "1", "headers": {}, "body": {}}
        without = options.gather({"msg": Source({"headers": None}, "--msg")})
        assert without.msg == {"headers": {}, "body": {}}

    def test_a_snapshot_may_be_any_value(self) -> None:
        assert options.gather({"snapshot": Source(None, "--snapshot")}).snapshot is None

    def test_the_file_of_the_cfg_is_kept(self) -> None:
        path = Path("cfg.json")
        assert options.gather({"cfg": Source({}, "--cfg", path)}).cfg_file == path

    @pytest.mark.parametrize(
        ("value", "found"),
        [([], "an array"), ("x", "text"), (True, "a boolean"), (1, "a number"), (1.5, "a number"), (None, "nothing")],
    )
    def test_cfg_and_msg_must_be_objects(self, value: Any, found: str) -> None:
        source = Source(value, "--x file.json")
        for given_as in ("cfg", "msg"):
            with pytest.raises(BadInput, match=f"expected an object, found {found} in --x file.json"):
                options.gather({given_as: source})

    def test_the_headers_of_a_message_must_be_an_object(self) -> None:
        with pytest.raises(BadInput, match="expected an object, found text in --msg at /headers"):
            options.gather({"msg": Source({"headers": "x"}, "--msg")})

    def test_values_are_not_in_the_repr(self) -> None:
        assert "s3cret" not in repr(Source({"k": "s3cret"}, "--cfg"))
        assert "s3cret" not in repr(Inputs(cfg={"k": "s3cret"}))


class TestVariables:
    def test_flow_variables_are_texts(self) -> None:
        assert options.read_variables(Source({"stage": "test"}, "--variables")) == {"stage": "test"}

    def test_anything_else_is_refused_by_pointer(self) -> None:
        with pytest.raises(BadInput, match="expected text, found a number in --variables at /a~1b"):
            options.read_variables(Source({"a/b": 1}, "--variables"))


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
    def test_a_variable_may_have_any_name_that_handlebars_takes(self, component: Path, name: str) -> None:
        """Names that begin with a digit are in published fixtures."""
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
        """elasticio-cli fills the text of the file, so that this is how its fixtures have numbers and objects."""
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


class TestEnvFile:
    def test_variables_are_read(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text('\ufeff# comment\nA=1\nexport B="two words"\nEMPTY=\nBARE\n', encoding="utf-8")
        assert dotenv.read_env_file(tmp_path) == {"A": "1", "B": "two words", "EMPTY": ""}

    def test_a_component_needs_none(self, tmp_path: Path) -> None:
        assert dotenv.read_env_file(tmp_path) == {}

    def test_values_are_what_they_are(self, tmp_path: Path) -> None:
        """A secret with ${ in it would lose a part otherwise."""
        (tmp_path / ".env").write_text("HOME_OF_X=x\nA=a${HOME_OF_X}b$&\nB='${HOME_OF_X}'\n", encoding="utf-8")
        assert dotenv.read_env_file(tmp_path) == {"HOME_OF_X": "x", "A": "a${HOME_OF_X}b$&", "B": "${HOME_OF_X}"}

    def test_the_other_file_of_elasticio_cli_is_read_as_well(self, tmp_path: Path) -> None:
        (tmp_path / "test").mkdir()
        (tmp_path / "test" / ".globalEnv").write_text("ELASTICIO_FLOW_ID=f\nA=global\n", encoding="utf-8")
        assert dotenv.read_env_file(tmp_path) == {"ELASTICIO_FLOW_ID": "f", "A": "global"}
        (tmp_path / ".env").write_text("A=component\n", encoding="utf-8")
        assert dotenv.read_env_file(tmp_path) == {"ELASTICIO_FLOW_ID": "f", "A": "component"}

    def test_a_folder_of_that_name_is_somebodys_virtual_environment(self, tmp_path: Path) -> None:
        (tmp_path / ".env").mkdir()
        assert dotenv.read_env_file(tmp_path) == {}

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"A=\xff\n", r"found bytes that are not UTF-8 \(at byte 3\) in .*\.env"),
            (b"A=a\0b\n", "NUL character in a variable of"),
        ],
    )
    def test_what_cannot_be_read_is_refused(self, tmp_path: Path, content: bytes, expected: str) -> None:
        (tmp_path / ".env").write_bytes(content)
        with pytest.raises(BadInput, match=expected):
            dotenv.read_env_file(tmp_path)

    def test_a_folder_that_cannot_be_entered_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_: Path) -> bool:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "is_file", refuse)  # root may enter everywhere
        with pytest.raises(BadInput, match="permission denied"):
            dotenv.read_env_file(tmp_path)

    def test_dotenv_is_imported_only_for_a_file(self, tmp_path: Path) -> None:
        code = (
            "import sys, pathlib; from shipmate.local import dotenv; dotenv.read_env_file(pathlib.Path(sys.argv[1]));"
            "sys.exit('dotenv' in sys.modules)"
        )
        environment = {**os.environ, "PYTHONPATH": str(Path(shipmate.__file__).parents[1])}
        assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment).returncode == 0
