"""Options: read from text, files and standard input, or refused in one line."""

import io
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.errors import BadInput
from shipmate.local import options
from shipmate.local.options import Inputs, Source


class NoStream(io.BytesIO):
    """A standard input that cannot be read."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Fail as reading a folder does."""
        raise OSError(21, "Is a directory")


class TestRead:
    def test_text_that_starts_with_a_brace_is_json(self) -> None:
        source = options.read_option("--cfg", ' {"a": 1}', None)
        assert (source.value, source.file) == ({"a": 1}, None)

    def test_a_dash_is_standard_input(self) -> None:
        assert options.read_option("--msg", "-", io.BytesIO(b'{"a": 1}')).value == {"a": 1}

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
    def test_anything_else_is_the_name_of_a_file_with_or_without_a_byte_order_mark(
        self, tmp_path: Path, encoding: str
    ) -> None:
        path = tmp_path / "cfg.json"
        path.write_text('{"name": "Zoë"}', encoding=encoding)
        assert options.read_option("--cfg", str(path), None) == Source({"name": "Zoë"}, f"--cfg {path}", path)

    def test_a_pipe_is_read_but_keys_cannot_be_saved_to_it(self) -> None:
        reader, writer = os.pipe()
        os.write(writer, b'{"a": 1}')
        os.close(writer)
        source = options.read_option("--cfg", f"/dev/fd/{reader}", None)
        os.close(reader)
        assert (source.value, source.file) == ({"a": 1}, None)

    def test_big_integers_and_lone_surrogates_survive(self) -> None:
        assert options.read_option("--msg", f'{{"a": {2**80}, "b": "\\ud83d"}}', None).value == {
            "a": 2**80,
            "b": "\ud83d",
        }

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('{"a": 1,}', r"expected JSON, found an error at line 1, column \d+ \(.*\) in --cfg$"),
            ('{"a":\n  oops}', r"expected JSON, found an error at line 2, column 3 \(expecting value\) in --cfg$"),
            ('{"a": NaN}', "expected JSON, found NaN, which is not JSON in --cfg$"),
            ('{"a": ' + "[" * 100_000, "nested too deeply in --cfg$"),
            ('{"a": ' + "9" * 5000 + "}", "a number with too many digits"),
            ("", "expected a file name, .* found nothing for --cfg$"),
            ("no\0file", "expected a readable file, found a name that no file can have"),
            ("no-such-file", "expected a readable file, found no such file or directory: --cfg no-such-file$"),
            ("/", "expected a readable file, found a directory: --cfg /$"),
        ],
    )
    def test_an_error_says_what_is_wrong_and_where(self, text: str, expected: str) -> None:
        with pytest.raises(BadInput, match=expected):
            options.read_option("--cfg", text, None)

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"", r"expected JSON, found nothing in --msg \(standard input\)"),
            (b'{"a": "\xff"}', r"found bytes that are not UTF-8 \(at byte 8\): --msg \(standard input\)"),
        ],
    )
    def test_bad_standard_input_is_named(self, content: bytes, expected: str) -> None:
        with pytest.raises(BadInput, match=expected):
            options.read_option("--msg", "-", io.BytesIO(content))

    @pytest.mark.parametrize(("stream", "found"), [(None, "a closed stream"), (NoStream(), "a directory")])
    def test_standard_input_that_cannot_be_read_is_named(self, stream: io.BytesIO | None, found: str) -> None:
        with pytest.raises(BadInput, match=f"found {found}: --msg"):
            options.read_option("--msg", "-", stream)

    @given(text=st.text())
    def test_a_literal_is_json_or_an_error_of_one_line(self, text: str) -> None:
        try:
            assert options.read_option("--msg", "{" + text, None).value is not None
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
        assert options.gather({"cfg": Source({}, "--cfg", path)}).keys_file == path

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


class TestLayers:
    ACCOUNT = Source({"oauth": {"a": 1}, "region": "eu", "limit": 1}, "--account a", Path("a.keys.json"))

    def test_the_cfg_lies_over_the_account_and_settings_over_both(self) -> None:
        cfg = Source({"limit": 2, "object": "Lead"}, "--cfg c", Path("cfg.json"))
        gathered = options.gather({"cfg": cfg}, account=self.ACCOUNT, settings={"object": "Contact"})
        assert gathered.cfg == {"oauth": {"a": 1}, "region": "eu", "limit": 2, "object": "Contact"}
        assert gathered.given == {"limit", "object"}

    @pytest.mark.parametrize(
        ("cfg", "settings", "file"),
        [
            (None, {}, "a.keys.json"),
            (Source({"object": "Lead"}, "--cfg", Path("cfg.json")), {}, "a.keys.json"),
            (Source({"oauth": {}}, "--cfg", Path("cfg.json")), {}, "cfg.json"),
            (Source({"oauth": {}}, "fixture"), {}, None),
            (Source({"oauth": {}}, "--cfg", Path("cfg.json")), {"oauth": {}}, None),
        ],
    )
    def test_new_keys_go_to_the_file_that_the_old_ones_come_from(
        self, cfg: Source | None, settings: dict[str, Any], file: str | None
    ) -> None:
        gathered = options.gather({"cfg": cfg} if cfg else {}, account=self.ACCOUNT, settings=settings)
        assert gathered.keys_file == (Path(file) if file else None)

    def test_the_field_of_the_keys_has_the_name_that_the_component_gives(self) -> None:
        cfg = Source({"login": {}}, "--cfg", Path("cfg.json"))
        assert options.gather({"cfg": cfg}, account=self.ACCOUNT, keys_field="login").keys_file == Path("cfg.json")

    @pytest.mark.parametrize("text", ["", "=", "=x", "name"])
    def test_a_setting_without_name_or_sign_is_refused_without_quoting_it(self, text: str) -> None:
        with pytest.raises(BadInput, match="expected NAME=VALUE") as caught:
            options.read_settings([text])
        assert "name" not in str(caught.value).replace("no name", "")

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("a=", ""),
            ("a=b=c", "b=c"),
            ("a=0012", "0012"),
            ("a=true", True),
            ("a=NaN", "NaN"),
            ('a={"b": 1}', {"b": 1}),
        ],
    )
    def test_a_setting_is_json_where_it_is_json_and_otherwise_text(self, text: str, value: Any) -> None:
        assert options.read_settings([text]) == {"a": value}


class TestVariables:
    def test_flow_variables_are_texts(self) -> None:
        assert options.read_variables(Source({"stage": "test"}, "--variables")) == {"stage": "test"}

    def test_anything_else_is_refused_by_pointer(self) -> None:
        with pytest.raises(BadInput, match="expected text, found a number in --variables at /a~1b"):
            options.read_variables(Source({"a/b": 1}, "--variables"))
