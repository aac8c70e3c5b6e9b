"""Folders of new components: written as a whole, or not at all."""

import errno
import json
import shutil
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from shipmate.errors import BadInput
from shipmate.local import dotenv, fixtures
from shipmate.testing.isolation import only_component
from shipmate.tools import docs, scaffold
from shipmate.tools.scaffold import AUTHENTICATIONS
from shipmate.tools.validation import validate_component
from tests.unit.tools.scaffold.plans import ODD_TITLES, plan

GIT = shutil.which("git") or "git"


def created(folder: Path, **options: str) -> Path:
    """Create a component and return its folder."""
    scaffold.create(plan(folder, **options), folder)
    return folder


def names(folder: Path) -> set[str]:
    """Return the paths of all files in a folder, except byte code."""
    return {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"
    }


@pytest.mark.parametrize("kind", AUTHENTICATIONS)
def test_a_new_component_has_no_problems(tmp_path: Path, kind: str) -> None:
    root = created(tmp_path / "new", auth=kind, base_url="https://api.example.com/v1")
    assert validate_component(root).problems == ()
    assert docs.is_current(root / "README.md", docs.section(root))
    assert "# New" in (root / "README.md").read_text()
    assert {
        *("component.json", "api.py", "actions/create_record.py", "triggers/new_records.py", "test/fixture.json"),
        *(".env.example", ".gitignore", ".dockerignore", "Dockerfile", ".github/workflows/ci.yml"),
        *(".github/workflows/audit.yml", ".github/dependabot.yml"),
        *("requirements.txt", "requirements-dev.txt", "pyproject.toml", "README.md"),
        *("tests/test_component.py", "tests/test_create_record.py", "tests/test_new_records.py"),
    } <= names(root)
    assert ("verify_credentials.py" in names(root)) == (kind != "none")
    assert ("tests/test_verify_credentials.py" in names(root)) == (kind != "none")


@pytest.mark.parametrize("kind", AUTHENTICATIONS)
def test_a_component_of_declarations_has_no_problems_and_no_file_of_the_other_kind(tmp_path: Path, kind: str) -> None:
    """Its entries follow from `api.py`, and nothing of it stays in this process."""
    path = list(sys.path)
    root = created(tmp_path / "new", auth=kind, objects="Kunde für alle")
    assert sys.path == path
    assert [module for module in sys.modules.values() if str(tmp_path) in (getattr(module, "__file__", "") or "")] == []
    with only_component(root):
        assert validate_component(root).problems == ()
    assert docs.is_current(root / "README.md", docs.section(root))
    assert [name for name in names(root) if name.startswith(("actions/", "triggers/", "schemas/"))] == []
    assert [name for name in names(root) if "@@" in name or "@@" in (root / name).read_text()] == []
    descriptor = json.loads((root / "component.json").read_text())
    assert ("KEY_HEADER" in (root / "api.py").read_text()) == (kind == "api-key")
    assert descriptor["actions"]["createObject"]["title"] == "Create Kunde für alle"
    assert descriptor["actions"]["createObject"]["main"] == "./api.py:kunde_fuer_alle.create"


@pytest.mark.parametrize("title", ["連絡先", "api", "", "URL"])
def test_an_object_needs_a_title_with_a_name(tmp_path: Path, title: str) -> None:
    """Its declaration is a variable of `api.py`."""
    with pytest.raises(BadInput, match="expected a title"):
        created(tmp_path / "new", objects=title)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("title", ODD_TITLES)
def test_odd_titles_break_no_file(tmp_path: Path, title: str) -> None:
    """Only JSON and Markdown contain titles; all other files contain ids."""
    root = created(tmp_path / "new", title=title, action=title, action_id="create", trigger=title, trigger_id="poll")
    assert validate_component(root).problems == ()
    descriptor = json.loads((root / "component.json").read_text())
    assert {descriptor["title"], descriptor["actions"]["create"]["title"]} == {title}
    assert docs.is_current(root / "README.md", docs.section(root))
    plain = created(tmp_path / "plain", action_id="create", trigger_id="poll")
    different = {name for name in names(root) if (root / name).read_text() != (plain / name).read_text()}
    assert different <= {"component.json", "README.md", "Dockerfile"}
    assert ("title=" + json.dumps(plan(root, title=title, action_id="a", trigger_id="t").name)) in (
        root / "Dockerfile"
    ).read_text()


@pytest.mark.parametrize("kind", AUTHENTICATIONS)
def test_everything_is_filled_in(tmp_path: Path, kind: str) -> None:
    root = created(tmp_path / "new", auth=kind)
    assert [name for name in names(root) if "@@" in name or "@@" in (root / name).read_text()] == []
    assert [name for name in names(root) if not (root / name).read_text().endswith("\n")] == []


@pytest.mark.parametrize("kind", AUTHENTICATIONS)
def test_the_fixtures_hold_no_credentials_and_the_example_of_variables_fills_them(tmp_path: Path, kind: str) -> None:
    root = created(tmp_path / "new", auth=kind)
    (root / ".env.example").rename(root / ".env")
    variables = dotenv.read_env_file(root)
    for name in ("create_record", "new_records"):
        assert "cfg" not in fixtures.read_fixture(root, name, variables, without=frozenset())


def test_git_ignores_what_holds_credentials_and_nothing_that_is_code(tmp_path: Path) -> None:
    root = created(tmp_path / "new")
    subprocess.run([GIT, "init", "--quiet", str(root)], check=True)
    secret = {".env", ".env.local", "account.keys.json", "deep/er.keys.json", "cfg.json", "credentials.json", "a.pem"}
    code = {"lib/crm.py", "component.json", ".env.example", ".github/workflows/ci.yml", "test/fixture.json"}
    done = subprocess.run(
        [GIT, "-C", str(root), "check-ignore", "--no-index", *secret, *code], capture_output=True, text=True
    )
    assert set(done.stdout.splitlines()) == secret


def test_the_folder_has_the_usual_permissions(tmp_path: Path) -> None:
    """A temporary folder would be for its owner only."""
    (tmp_path / "other").mkdir()
    assert created(tmp_path / "new").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_all_templates_are_part_of_the_package() -> None:
    """A wheel contains only what pyproject.toml names, unlike an editable installation."""
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())
    folder = Path(str(files("shipmate.tools.scaffold"))) / "templates"
    suffixes = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert {f"*{suffix}" for suffix in suffixes} <= set(project["tool"]["setuptools"]["package-data"]["*"])
    # Folders with a dot in their names are not found as packages.
    assert [path for path in folder.rglob("*") if path.is_dir() and "." in path.name] == []


def test_an_empty_folder_is_filled_and_stays_the_same_one(tmp_path: Path) -> None:
    """It may be the working folder of a shell or a container."""
    folder = tmp_path / "empty"
    folder.mkdir()
    before = folder.stat().st_ino
    assert "component.json" in names(created(folder))
    assert folder.stat().st_ino == before
    assert [path.name for path in folder.iterdir() if path.name.startswith(".shipmate-new-")] == []


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".hidden").write_text("mine")
    with pytest.raises(BadInput, match="found one with files"):
        created(tmp_path)
    assert names(tmp_path) == {".hidden"}


def test_other_things_than_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for folder, text in (("file", "else"), ("link", "else"), ("none/new", "to create new in, found none")):
        with pytest.raises(BadInput, match=f"expected .*{text}"):
            scaffold.check_folder(tmp_path / folder)


@pytest.mark.parametrize("exists", [False, True])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exists: bool) -> None:
    """The README is the last file, so that all others exist by then."""

    def fail(root: Path) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(docs, "section", fail)
    if exists:
        (tmp_path / "new").mkdir()
    with pytest.raises(BadInput, match="no space left on device"):
        created(tmp_path / "new")
    assert [path.name for path in tmp_path.rglob("*")] == ["new"] * exists


def test_files_that_another_process_writes_at_the_same_time_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = docs.section

    def write_meanwhile(root: Path) -> str:
        (tmp_path / "component.json").write_text("mine")
        return section(root)

    monkeypatch.setattr(docs, "section", write_meanwhile)
    with pytest.raises(BadInput, match=r"found a new file component\.json"):
        created(tmp_path)
    assert {name: (tmp_path / name).read_text() for name in names(tmp_path)} == {"component.json": "mine"}
