"""Variables in a component's folder."""

import json
from pathlib import Path

import pytest

from shipmate.component import load
from shipmate.errors import BadInput
from shipmate.local import dotenv


@pytest.fixture
def component(tmp_path: Path) -> Path:
    """Return the folder of a component with fixtures."""
    (tmp_path / "test").mkdir()
    return tmp_path


class TestEnvFile:
    def test_variables_are_read(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text('\ufeff# comment\nA=1\nexport B="two words"\nEMPTY=\nBARE\n', encoding="utf-8")
        assert dotenv.read_env_file(tmp_path) == {"A": "1", "B": "two words", "EMPTY": ""}

    def test_a_component_needs_none(self, tmp_path: Path) -> None:
        assert dotenv.read_env_file(tmp_path) == {}

    def test_values_are_not_interpolated(self, tmp_path: Path) -> None:
        """A secret that contains ${ would lose a part."""
        (tmp_path / ".env").write_text("HOME_OF_X=x\nA=a${HOME_OF_X}b$&\nB='${HOME_OF_X}'\n", encoding="utf-8")
        assert dotenv.read_env_file(tmp_path) == {"HOME_OF_X": "x", "A": "a${HOME_OF_X}b$&", "B": "${HOME_OF_X}"}

    def test_the_other_file_of_elasticio_cli_is_read_as_well(self, tmp_path: Path) -> None:
        (tmp_path / "test").mkdir()
        (tmp_path / "test" / ".globalEnv").write_text("ELASTICIO_FLOW_ID=f\nA=global\n", encoding="utf-8")
        assert dotenv.read_env_file(tmp_path) == {"ELASTICIO_FLOW_ID": "f", "A": "global"}
        (tmp_path / ".env").write_text("A=component\n", encoding="utf-8")
        assert dotenv.read_env_file(tmp_path) == {"ELASTICIO_FLOW_ID": "f", "A": "component"}

    def test_a_folder_of_that_name_is_a_virtual_environment(self, tmp_path: Path) -> None:
        (tmp_path / ".env").mkdir()
        assert dotenv.read_env_file(tmp_path) == {}

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"A=\xff\n", r"found bytes that are not UTF-8 \(at byte 3\): .*\.env$"),
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

    @pytest.mark.parametrize(
        ("line", "value"),
        [
            (r'A="C:\temp\x\\y\"z"', r"C:\temp\x\\y\"z"),
            (r'A="a\nb"', "a\nb"),
            (r"A='a\nb\'", r"a\nb\\"[:-1]),
            (r"A=a\nb", r"a\nb"),
            ("A=a#b # comment", "a#b"),
            ("A = a b\t", "a b"),
            ("A='a' # comment", "a"),
            ('A="a" b"', 'a" b'),
            ("A=`a'\"b`", "a'\"b"),
            ('A="-----BEGIN-----\nMIIE==\n-----END-----"', "-----BEGIN-----\nMIIE==\n-----END-----"),
            ("A=#5", "#5"),
            ("export A==", "="),
        ],
    )
    def test_nothing_but_a_line_feed_in_double_quotes_is_expanded(self, tmp_path: Path, line: str, value: str) -> None:
        """A backslash may be part of a secret."""
        (tmp_path / ".env").write_text(f"{line}\nB=next\n", encoding="utf-8")
        assert dotenv.read_env_file(tmp_path) == {"A": value, "B": "next"}

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ("A s3cret", "expected NAME=VALUE, found no = after A"),
            ("=s3cret", "expected NAME=VALUE, found something else"),
            ('A="s3cret', 'expected a closing " for A, found none'),
        ],
    )
    def test_a_slip_is_a_warning_with_file_and_line_and_without_the_value(
        self, tmp_path: Path, line: str, problem: str, end: str
    ) -> None:
        (tmp_path / ".env").write_bytes(f"# one{end}X='a{end}b'{end}{line}{end}B=next{end}".encode())
        warnings: list[str] = []
        assert dotenv.read_env_file(tmp_path, warnings.append) == {"X": "a\nb", "B": "next"}
        assert warnings == [f"{tmp_path}/.env:4: {problem}"]

    @pytest.mark.parametrize(
        "name",
        [
            "BROWSER",
            "PATH",
            "HOME",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "LD_PRELOAD",
            "DYLD_INSERT_LIBRARIES",
            "GIT_CONFIG_GLOBAL",
            "GIT_SSH_COMMAND",
            "BASH_ENV",
            "XDG_CONFIG_HOME",
            "browser",
            "OPENSSL_CONF",
        ],
    )
    def test_a_variable_that_runs_programs_is_left_out_with_a_warning(self, tmp_path: Path, name: str) -> None:
        (tmp_path / ".env").write_text(f"{name}=s3cret\nHTTPS_PROXY=http://proxy\n")
        warnings: list[str] = []
        assert dotenv.read_env_file(tmp_path, warnings.append) == {"HTTPS_PROXY": "http://proxy"}
        assert [name in warning and "s3cret" not in warning for warning in warnings] == [True]

    def test_the_work_grows_with_the_size_of_the_file(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("A" * 300_000 + "\n" + "A='" + " '#" * 100_000 + "\n" + " #" * 100_000)
        dotenv.read_env_file(tmp_path)

    def test_a_descriptor_names_variables_in_its_credentials_and_its_variables(self, tmp_path: Path) -> None:
        oauth2 = {"client_id": "{{KEY}}", "auth_uri": "https://{{HOST}}/a", "scopes": ["{{SCOPE}}"]}
        raw = {"title": "T", "envVars": {"API_URL": {}}, "credentials": {"oauth2": oauth2}}
        (tmp_path / "component.json").write_text(json.dumps(raw))
        variables = dict.fromkeys(("KEY", "HOST", "SCOPE", "API_URL", "OTHER"), "x")
        assert set(dotenv.named_by(load(tmp_path), variables)) == {"KEY", "HOST", "SCOPE", "API_URL"}
