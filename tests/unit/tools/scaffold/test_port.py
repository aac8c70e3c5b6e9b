"""A component from the descriptor of one in another language: its ids stay, its functions are stubs."""

import json
from pathlib import Path
from typing import Any

import pytest

from shipmate.errors import BadInput
from shipmate.local.fixtures import read_fixture
from shipmate.testing.isolation import only_component
from shipmate.tools import docs, scaffold
from shipmate.tools.validation import validate_component
from tests.authors import run_pytest

DESCRIPTOR: dict[str, Any] = {
    "title": 'Sugar "CRM" 50 %',
    "description": "Reads and writes",
    "version": "2.1.0",
    "language": "nodejs",
    "envVars": {"CRM_KEY": {"required": True, "description": "Key"}},
    "credentials": {"fields": {"apiKey": {"label": "Key", "viewClass": "PasswordFieldView"}}},
    "triggers": {
        "getNewObjectsPolling": {
            "title": "Get new \\ objects",
            "main": "./lib/triggers/poll.js",
            "type": "polling",
            "dynamicMetadata": True,
            "fields": {"module": {"label": "Module", "viewClass": "SelectView", "model": "getModules"}},
        }
    },
    "actions": {
        "upsert-object": {
            "title": "Upsert",
            "main": "./lib/actions/upsert.js",
            "metadata": {"in": "./lib/schemas/upsert.in.json", "out": "./lib/schemas/missing.json"},
        },
        "upsertObject": {"title": "Upsert 2", "main": "./lib/actions/upsert2.js", "metadata": {"in": {}, "out": {}}},
    },
}
SCHEMA = {"type": "object", "properties": {"id": {"type": "string", "title": "ID"}}}


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """A component of Node with its leftovers."""
    root = tmp_path / "before"
    (root / "lib" / "schemas").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "component.json").write_text(json.dumps(DESCRIPTOR))
    (root / "lib" / "schemas" / "upsert.in.json").write_text(json.dumps(SCHEMA))
    for name in ("package.json", "README.md", "LICENSE", "logo.png", ".eslintrc"):
        (root / name).write_text(name)
    return root


def ported(file: Path, folder: Path, base_url: str | None = None) -> Path:
    """Write the component of a descriptor, and return its folder."""
    scaffold.create_port(scaffold.Port.from_file(file, base_url), file, folder)
    return folder


def test_ids_titles_and_fields_stay_and_nothing_is_wrong(before: Path, tmp_path: Path) -> None:
    """Only what names code of the other language changes."""
    root = ported(before / "component.json", tmp_path / "new", "https://crm.example.com/v1")
    found = json.loads((root / "component.json").read_text())
    assert (found["title"], found["version"], found["language"]) == (DESCRIPTOR["title"], "2.1.0", "python")
    for section in ("triggers", "actions"):
        assert list(found[section]) == list(DESCRIPTOR[section])
        for id, entry in found[section].items():
            changed = {name for name in entry if entry[name] != DESCRIPTOR[section][id].get(name)}
            assert changed <= {"main", "metadata"}
    assert json.loads((root / "schemas" / "upsert_object.in.json").read_text()) == SCHEMA
    assert 'Api("https://crm.example.com/v1"' in (root / "api.py").read_text()
    with only_component(root):
        assert validate_component(root).problems == ()
    assert docs.is_current(root / "README.md", docs.section(root))
    assert {path.name for path in (root / "actions").glob("*.py")} == {"upsert_object.py", "upsert_object_2.py"}
    assert "CRM_KEY=" in (root / ".env.example").read_text()


def test_its_tests_pass(before: Path, tmp_path: Path) -> None:
    """What they cannot check yet is skipped."""
    root = ported(before / "component.json", tmp_path / "new")
    done = run_pytest(root, "-q")
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


def test_a_component_in_its_own_folder_keeps_the_files_of_the_one_before(before: Path) -> None:
    """In a folder of their own, where no image gets them."""
    ported(before / "component.json", before)
    moved = {path.name for path in (before / "node").iterdir()}
    assert moved == {"component.json", "package.json", "README.md", "lib", ".eslintrc"}
    assert {"LICENSE", "logo.png", ".git", "README.md", "Dockerfile"} <= {path.name for path in before.iterdir()}
    assert json.loads((before / "node" / "component.json").read_text()) == DESCRIPTOR
    with pytest.raises(BadInput, match="expected no folder node"):
        ported(before / "component.json", before)


def test_fixtures_stay_where_they_are_read(before: Path, tmp_path: Path) -> None:
    """In the folder of the component before, and in another one."""
    (before / "test").mkdir()
    (before / "test" / "fixture.json").write_text('{"fixtures": {"new": {"cfg": {"apiKey": "{{CRM_KEY}}"}}}}')
    for folder in (ported(before / "component.json", tmp_path / "new"), ported(before / "component.json", before)):
        assert read_fixture(folder, "new", {"CRM_KEY": "k"}, without=frozenset())["cfg"].value == {"apiKey": "k"}


def test_a_folder_with_files_stays_as_it_is_if_writing_fails(before: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them are back."""
    names = {path.name for path in before.iterdir()}

    def fail(folder: Path, component: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shipmate.tools.scaffold.writer._move_into", fail)
    with pytest.raises(BadInput, match="expected a writable folder"):
        ported(before / "component.json", before)
    assert {path.name for path in before.iterdir()} == names


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("{", "component.json"),
        ("[]", "expected a component.json with a title"),
        ('{"title": "T"}', "expected a component.json with triggers or actions"),
        ('{"title": "T", "actions": {"go": 7}}', "/actions/go"),
        ('{"title": "", "actions": {"go": {}}}', "expected a title"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: str, found: str) -> None:
    """Before anything is written."""
    file = tmp_path / "component.json"
    file.write_text(content)
    with pytest.raises(BadInput, match=found):
        ported(file, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_schema_outside_of_the_folder_is_not_read(before: Path, tmp_path: Path) -> None:
    """A descriptor may come from anybody."""
    (tmp_path / "other.json").write_text('{"title": "private"}')
    given = {"title": "T", "actions": {"go": {"title": "G", "metadata": {"in": "../other.json"}}}}
    (before / "component.json").write_text(json.dumps(given))
    root = ported(before / "component.json", tmp_path / "new")
    assert "private" not in (root / "schemas" / "go.in.json").read_text()
