"""The README: only the part between the markers changes."""

import json
from pathlib import Path
from typing import Any

import pytest

from shipmate.errors import BadInput
from shipmate.tools import docs
from shipmate.tools.docs.page import BEGIN, END


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with a small component."""
    put(tmp_path, {"title": "Contacts", "description": "Keeps contacts", "actions": {"go": {"title": "Go"}}})
    return tmp_path


def put(root: Path, descriptor: Any) -> None:
    """Write the descriptor."""
    (root / "component.json").write_text(json.dumps(descriptor))


def test_only_what_is_between_the_markers_is_replaced(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_bytes(f"# Mine\r\n\r\n{BEGIN}\r\nold\r\n{END}\r\n\r\nMine, too \\1\r\n".encode())
    docs.write(file, docs.section(root))
    before, _, rest = file.read_bytes().decode().partition(BEGIN)
    inner, _, after = rest.partition(END)
    assert (before, after) == ("# Mine\r\n\r\n", "\r\n\r\nMine, too \\1\r\n")
    assert "# Contacts\r\n" in inner
    assert docs.is_current(file, docs.section(root))


def test_a_file_that_is_not_there_or_empty_gets_the_whole(root: Path, tmp_path: Path) -> None:
    for name in ("new.md", "empty.md"):
        (tmp_path / "empty.md").touch()
        docs.write(tmp_path / name, docs.section(root))
        assert (tmp_path / name).read_text() == docs.section(root)


@pytest.mark.parametrize("content", ["# Mine\n", f"{BEGIN}\n", f"{BEGIN}{BEGIN}{END}", f"{END}\n{BEGIN}\n"])
def test_a_file_without_the_markers_is_left_alone(root: Path, tmp_path: Path, content: str) -> None:
    file = tmp_path / "README.md"
    file.write_text(content)
    for act in (docs.write, docs.is_current):
        with pytest.raises(BadInput, match="shipmate docs: end"):
            act(file, docs.section(root))
    assert file.read_text() == content


def test_files_that_cannot_be_used_are_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "latin.md").write_bytes(b"\xe4")
    for file in (tmp_path / "latin.md", tmp_path, tmp_path / "none" / "README.md", tmp_path / "nul\0"):
        with pytest.raises(BadInput, match="expected"):
            docs.write(file, docs.section(root))
