"""What the documents say about the code."""

import importlib
import inspect
import json
import re
import tomllib
from pathlib import Path

import click
import pytest

from shipmate.cli import commands as cli
from shipmate.component import load
from shipmate.emulator import DemoApi, OAuth2Provider
from shipmate.local.run import LocalRun
from shipmate.logs.log import Redactor
from shipmate.oauth2.api import OAuth2
from shipmate.tools import docs
from shipmate.tools.validation import validate_component

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
PYTHON = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))
PYTHON_OF_PAGES = [
    pytest.param(code, id=f"{page}: {code.splitlines()[0]}")
    for page in ("README.md", *PAGES)
    if page != "docs/tutorial.md"  # which is done step by step: tests/end_to_end/test_tutorial.py
    for code in re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
]
NAMES = sorted(set(re.findall(r"\bshipmate(?:\.\w+)+", ARCHITECTURE)))


def look_up(name: str) -> object:
    """Return the module, class or function of a dotted name, wherever the modules in it end."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            found = getattr(found, part)
        return found
    raise AssertionError(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_architecture_names_what_exists(name: str) -> None:
    """A walk through the code that leads nowhere is worse than none."""
    assert look_up(name) is not None


def test_the_architecture_names_functions_at_all() -> None:
    """Guards the test above against finding nothing to check."""
    assert len(NAMES) > 40
    with pytest.raises(AttributeError):
        look_up("shipmate.oauth2.credential.merged")


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", *PAGES])
def test_links_and_files_in_the_documents_exist(document: str) -> None:
    """A link to a file of the repository leads to it."""
    text = (ROOT / document).read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]

    assert [link for link in links if not (ROOT / document).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize("code", PYTHON_OF_PAGES)
def test_python_in_the_documents_runs(code: str) -> None:
    """The block is executed; the functions in it are those that the runtime would call."""
    names: dict[str, object] = {"__name__": "document"}
    exec(compile(code, "document", "exec"), names)  # noqa: S102 - our own document

    for name, arguments in {"process": 4, "verify_credentials": 2}.items():
        if callable(function := names.get(name)):
            assert len(inspect.signature(function).parameters) == arguments


def test_the_first_component_of_the_readme_does_what_the_readme_says(tmp_path: Path) -> None:
    """Its descriptor has no problems, and with an expired token it emits new keys, then data."""
    descriptor = re.findall(r"^```json\n(.*?)^```", README, re.DOTALL | re.MULTILINE)[0]
    (tmp_path / "actions").mkdir()
    (tmp_path / "actions" / "create_contact.py").write_text(PYTHON[0])
    lines: list[dict[str, object]] = []
    with OAuth2Provider({"id": "secret"}) as provider, DemoApi(provider) as api:
        raw = json.loads(descriptor)
        raw["credentials"]["oauth2"]["token_uri"] = provider.token_url
        (tmp_path / "component.json").write_text(json.dumps(raw))
        cfg = {"oauth": {**provider.issue(expired=True), "instance_url": api.url}}
        component = load(tmp_path)
        environ = {"CONTACTS_KEY": "id", "CONTACTS_SECRET": "secret"}
        run = LocalRun(component, cfg, cfg_file=None, environ=environ, redactor=Redactor())
        function = component.function("create_contact")
        errors = run.exec(function, {"body": {"name": "Ada"}}, {}, write_line=lambda line: lines.append(dict(line)))

    assert errors == 0
    assert [line["event"] for line in lines] == ["updateKeys", "data"]
    assert [problem for problem in validate_component(tmp_path).problems if problem.severity == "error"] == []


def test_the_readme_lists_the_commands_and_their_options() -> None:
    """What the help knows, the README knows, and the other way round."""
    listed = set(re.findall(r"^\| `shipmate (\w+)", README, re.MULTILINE))
    assert listed == set(cli.commands.commands)

    options = {
        option
        for command in cli.commands.commands.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    assert {option for option in options - {"--variables"} if option not in README} == set()


def test_the_readme_lists_the_options_of_oauth2() -> None:
    """The table of options is complete."""
    arguments = (inspect.getdoc(OAuth2) or "").partition("Raises:")[0]
    documented = set(re.findall(r"^    (\w+): ", arguments, re.MULTILINE))
    page = README[README.index("## OAuth2 in a page") :]

    assert len(documented) > 10
    assert {name for name in documented if f"`{name}" not in page} == set()


EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/component.json"))


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_described_as_they_are(folder: Path) -> None:
    """``make docs`` does it; it is forgotten when only component.json is in mind."""
    assert docs.is_current(folder / docs.README, docs.section(folder))


def test_make_help_lists_every_target() -> None:
    """The list is made from the comments: a target without one would be missing there."""
    makefile = (ROOT / "Makefile").read_text()
    phony = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split()

    assert sorted(re.findall(r"^([a-z-]+):.*  ## ", makefile, re.MULTILINE)) == sorted(phony)


def test_the_architecture_draws_the_layers_that_are_held() -> None:
    """Each module stands in the same row of the drawing as in the contract."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    there = {path.stem for path in (ROOT / "lib" / "shipmate").iterdir()} - {"__main__"}
    held = [[name for name in re.findall(r"\w+", layer) if name in there] for layer in layers]
    drawing = re.findall(r"^    (\w+(?: · \w+)*)  ", ARCHITECTURE, re.MULTILINE)

    assert [sorted(row.split(" · ")) for row in drawing] == [sorted(row) for row in held if row]
