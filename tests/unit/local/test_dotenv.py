"""Variables in a component's folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import shipmate
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

    def test_dotenv_is_imported_only_for_a_file(self, tmp_path: Path) -> None:
        code = (
            "import sys, pathlib; from shipmate.local import dotenv; dotenv.read_env_file(pathlib.Path(sys.argv[1]));"
            "sys.exit('dotenv' in sys.modules)"
        )
        environment = {**os.environ, "PYTHONPATH": str(Path(shipmate.__file__).parents[1])}
        assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment).returncode == 0
