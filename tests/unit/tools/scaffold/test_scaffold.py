"""New components: what is asked, what is refused, and what is written."""

import errno
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from shipmate.cli import commands as cli
from shipmate.errors import BadInput
from shipmate.local import dotenv, fixtures
from shipmate.tools import docs, scaffold
from shipmate.tools.scaffold import AUTHENTICATIONS, Plan, Question
from shipmate.tools.scaffold.plan import check_id, check_title, check_url, id_from
from shipmate.tools.validation import validate_component

GIT = shutil.which("git") or "git"
ODD_TITLES = [
    "Kontakte ändern",
    'Say "hi" \\ $HOME @@{title} @@ {{NAME}} ${X} %s',
    "<b>a|b</b> `c` <!-- shipmate docs: end -->",
    "連絡先 contacts 📇",
    '"""',
    "x" * 100,
    "class",
]


@pytest.fixture(autouse=True)
def clean_imports() -> Iterator[None]:
    """Forget the modules and the path of the test's component."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def plan(folder: Path, **given: str) -> Plan:
    """Return the plan that these options make, without anybody to ask."""
    return Plan.from_answers(folder, {name.replace("_", "-"): value for name, value in given.items()}, None)


def made(folder: Path, **given: str) -> Path:
    """Return a folder with a new component."""
    scaffold.create(plan(folder, **given), folder)
    return folder


def names(folder: Path) -> set[str]:
    """Return the paths of all files in a folder, except byte code."""
    return {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"
    }


def answering(*answers: str) -> tuple[Callable[[Question], str], list[str]]:
    """Return what answers questions in turn, and a list of the options that they stand for."""
    asked: list[str] = []
    remaining = list(answers)

    def ask(question: Question) -> str:
        asked.append(question.option)
        return question.check(remaining.pop(0) or question.default or "")

    return ask, asked


# What is asked


def test_without_answers_there_are_defaults(tmp_path: Path) -> None:
    assert plan(tmp_path / "my-contacts") == Plan(
        title="My contacts",
        authentication="oauth2",
        base_url="https://api.example.com",
        action="create_record",
        action_title="Create record",
        trigger="new_records",
        trigger_title="New records",
    )


def test_only_what_no_option_says_is_asked(tmp_path: Path) -> None:
    ask, asked = answering("Contacts", "", "連絡先を作る", "create_contact")
    found = Plan.from_answers(tmp_path, {"auth": "basic", "trigger": "New contacts"}, ask)
    assert asked == ["--title", "--base-url", "--action", "--action-id"]
    assert (found.action, found.action_title, found.trigger) == ("create_contact", "連絡先を作る", "new_contacts")


def test_a_folder_whose_name_makes_no_title_needs_the_option() -> None:
    with pytest.raises(BadInput, match="expected the option --title, found none"):
        plan(Path("/"))


def test_an_id_that_no_title_yields_needs_the_option(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="expected the option --action-id"):
        plan(tmp_path, action="連絡先")
    with pytest.raises(BadInput, match="expected the option --trigger-id"):
        plan(tmp_path, action="Same", trigger="same!")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("title", "  "),
        ("title", "two\nlines"),
        ("title", "x" * 101),
        ("title", "\udce4"),
        ("auth", "oauth1"),
        ("base-url", "api.example.com"),
        ("base-url", "ftp://api.example.com"),
        ("base-url", "https://user:secret@api.example.com"),
        ("base-url", 'https://api.example.com/"'),
        ("base-url", "https://api.example.com/?key=1"),
        ("action-id", "create contact"),
        ("action-id", "../up"),
        ("action-id", "class"),
        ("action-id", "component"),
        ("action-id", "ä"),
        ("action-id", "a" * 61),
        ("trigger-id", "Create_Record"),
    ],
)
def test_a_wrong_option_is_refused_by_its_name(tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(BadInput, match=f"^expected .* for --{option}$"):
        Plan.from_answers(tmp_path / "new", {option: value}, None)


@pytest.mark.parametrize("title", [*ODD_TITLES, "2 Wege", "_", "É" * 80, "don't"])
def test_an_id_made_from_a_title_is_one_that_is_taken(title: str) -> None:
    found = id_from(check_title(title))
    assert not found or check_id(found) == found


def test_checked_values_are_as_they_are_used() -> None:
    assert check_title("  A\u0308rzte ") == "Ärzte"
    assert check_url(" http://localhost:8080/v1/ ") == "http://localhost:8080/v1"
    assert Plan("É", "none", "https://a.example/v1", "a", "A", "t", "T").origin == "https://a.example"
    assert Plan("連絡先", "none", "https://a.example", "a", "A", "t", "T").name == "component"


# What is written


@pytest.mark.parametrize("kind", AUTHENTICATIONS)
def test_a_new_component_has_no_problems(tmp_path: Path, kind: str) -> None:
    root = made(tmp_path / "new", auth=kind, base_url="https://api.example.com/v1")
    assert validate_component(root).problems == ()
    assert docs.is_current(root / "README.md", docs.section(root))
    assert "# New" in (root / "README.md").read_text()
    assert {
        *("component.json", "api.py", "actions/create_record.py", "triggers/new_records.py", "test/fixture.json"),
        *(".env.example", ".gitignore", ".dockerignore", "Dockerfile", ".github/workflows/ci.yml"),
        *("requirements.txt", "requirements-dev.txt", "pyproject.toml", "README.md"),
        *("tests/test_component.py", "tests/test_create_record.py", "tests/test_new_records.py"),
    } <= names(root)
    assert ("verify_credentials.py" in names(root)) == (kind != "none")
    assert ("tests/test_verify_credentials.py" in names(root)) == (kind != "none")


@pytest.mark.parametrize("title", ODD_TITLES)
def test_odd_titles_spoil_no_file(tmp_path: Path, title: str) -> None:
    """Titles are told in JSON and Markdown only: everything else has ids."""
    root = made(tmp_path / "new", title=title, action=title, action_id="create", trigger=title, trigger_id="poll")
    assert validate_component(root).problems == ()
    descriptor = json.loads((root / "component.json").read_text())
    assert {descriptor["title"], descriptor["actions"]["create"]["title"]} == {title}
    assert docs.is_current(root / "README.md", docs.section(root))
    plain = made(tmp_path / "plain", action_id="create", trigger_id="poll")
    different = {name for name in names(root) if (root / name).read_text() != (plain / name).read_text()}
    assert different <= {"component.json", "README.md", "Dockerfile"}
    assert ("title=" + json.dumps(plan(root, title=title, action_id="a", trigger_id="t").name)) in (
        root / "Dockerfile"
    ).read_text()


@pytest.mark.parametrize("kind", AUTHENTICATIONS)
def test_everything_is_filled_in(tmp_path: Path, kind: str) -> None:
    root = made(tmp_path / "new", auth=kind)
    assert [name for name in names(root) if "@@" in name or "@@" in (root / name).read_text()] == []
    assert [name for name in names(root) if not (root / name).read_text().endswith("\n")] == []


@pytest.mark.parametrize("kind", AUTHENTICATIONS)
def test_the_example_of_variables_fills_the_fixtures(tmp_path: Path, kind: str) -> None:
    root = made(tmp_path / "new", auth=kind)
    (root / ".env.example").rename(root / ".env")
    variables = dotenv.read_env_file(root)
    for name in ("create_record", "new_records"):
        assert "cfg" in fixtures.read_fixture(root, name, variables, without=frozenset())


def test_git_ignores_what_holds_credentials_and_nothing_that_is_code(tmp_path: Path) -> None:
    root = made(tmp_path / "new")
    subprocess.run([GIT, "init", "--quiet", str(root)], check=True)
    secret = {".env", ".env.local", "account.keys.json", "deep/er.keys.json", "cfg.json", "credentials.json", "a.pem"}
    code = {"lib/crm.py", "component.json", ".env.example", ".github/workflows/ci.yml", "test/fixture.json"}
    done = subprocess.run(
        [GIT, "-C", str(root), "check-ignore", "--no-index", *secret, *code], capture_output=True, text=True
    )
    assert set(done.stdout.splitlines()) == secret


def test_the_folder_has_the_permissions_of_any_folder(tmp_path: Path) -> None:
    """A folder of the module tempfile would be for its owner alone."""
    (tmp_path / "other").mkdir()
    assert made(tmp_path / "new").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_all_templates_are_part_of_the_package() -> None:
    """A wheel has only what is named: an editable installation would not tell."""
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())
    folder = Path(str(files("shipmate.tools.scaffold"))) / "templates"
    suffixes = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert {f"*{suffix}" for suffix in suffixes} <= set(project["tool"]["setuptools"]["package-data"]["*"])
    # Folders with a dot in their names are not found as packages.
    assert [path for path in folder.rglob("*") if path.is_dir() and "." in path.name] == []


# What is refused


def test_an_empty_folder_is_filled_and_stays_the_same_one(tmp_path: Path) -> None:
    """A shell or a container may stand in it."""
    folder = tmp_path / "empty"
    folder.mkdir()
    before = folder.stat().st_ino
    assert "component.json" in names(made(folder))
    assert folder.stat().st_ino == before
    assert [path.name for path in folder.iterdir() if path.name.startswith(".shipmate-new-")] == []


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".hidden").write_text("mine")
    with pytest.raises(BadInput, match="not empty"):
        made(tmp_path)
    assert names(tmp_path) == {".hidden"}


def test_other_things_than_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for folder, text in (("file", "else"), ("link", "else"), ("none/new", "none to make new in")):
        with pytest.raises(BadInput, match=f"expected .*{text}"):
            scaffold.check_folder(tmp_path / folder)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a folder that even root cannot write to")
def test_a_folder_that_cannot_be_written_to_is_refused_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["new", "/proc/new"]) == 2
    assert capfd.readouterr().err == (
        "Error: expected a folder that can be written to, found: no such file or directory: /proc/new\n"
    )


@pytest.mark.parametrize("exists", [False, True])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exists: bool) -> None:
    """The README is the last file: everything else has been written by then."""

    def fail(root: Path) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(docs, "section", fail)
    if exists:
        (tmp_path / "new").mkdir()
    with pytest.raises(BadInput, match="no space left on device"):
        made(tmp_path / "new")
    assert [path.name for path in tmp_path.rglob("*")] == ["new"] * exists


def test_what_somebody_else_writes_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = docs.section

    def write_meanwhile(root: Path) -> str:
        (tmp_path / "component.json").write_text("mine")
        return section(root)

    monkeypatch.setattr(docs, "section", write_meanwhile)
    with pytest.raises(BadInput, match=r"component\.json that somebody has just made"):
        made(tmp_path)
    assert {name: (tmp_path / name).read_text() for name in names(tmp_path)} == {"component.json": "mine"}


# The command


def test_the_command_says_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert cli.run(["new", "my crm", "--auth", "none"]) == 0
    python = "python"
    assert capfd.readouterr().out.splitlines() == [
        "Made My crm in my crm: action create_record, trigger new_records, none.",
        "",
        "    cd 'my crm'",
        f"    {python} -m pip install --requirement requirements-dev.txt",
        f"    {python} -m pytest",
    ]
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PATH", "/nowhere")
    assert cli.run(["new", "."]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("Made Here in .: ")
    assert lines[-1] == f"    {sys.executable} -m shipmate validate"
    assert len(lines) == 5
