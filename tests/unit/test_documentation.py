"""What the documents say about the code."""

import importlib
import inspect
import json
import re
import tomllib
from pathlib import Path

import pytest

from shipmate.component import load
from shipmate.emulator import DemoApi, OAuth2Provider
from shipmate.local.run import LocalRun
from shipmate.logs.log import Redactor
from shipmate.tools import docs

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
PYTHON = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))
FOLDERS = (".", "bench", "bench/results", "deploy", "examples/*")
DOCUMENTS = sorted(str(path.relative_to(ROOT)) for folder in FOLDERS for path in ROOT.glob(f"{folder}/*.md")) + PAGES
PYTHON_OF_PAGES = [
    pytest.param(code, id=f"{page}: {code.splitlines()[0]}")
    for page in ("README.md", *PAGES)
    if not page.startswith("docs/tutorial")  # they are done step by step: tests/end_to_end/test_tutorial.py
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


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_and_files_in_the_documents_exist(document: str) -> None:
    """A link to a file of the repository leads to it."""
    text = (ROOT / document).read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]

    assert [link for link in links if not (ROOT / document).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_documents_are_as_wide_as_the_code(document: str) -> None:
    """Tables, code and what ``shipmate docs`` generates are as wide as they have to be."""
    text = (ROOT / document).read_text()
    text = re.sub(f"{re.escape(docs.page.BEGIN)}.*{re.escape(docs.page.END)}", "", text, flags=re.DOTALL)
    text = re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.DOTALL | re.MULTILINE)

    lines = [line for line in text.splitlines() if not line.startswith(("|", "    "))]
    assert [line for line in lines if len(line) > 120] == []


def test_documents_are_found() -> None:
    """Guards the tests above."""
    assert {"README.md", "bench/README.md", "docs/tutorial.md", "examples/salesforce/README.md"} <= set(DOCUMENTS)


@pytest.mark.parametrize("code", PYTHON_OF_PAGES)
def test_python_in_the_documents_runs(code: str) -> None:
    """The block is executed; the functions in it are those that the runtime would call."""
    names: dict[str, object] = {"__name__": "document"}
    exec(compile(code, "document", "exec"), names)  # noqa: S102 - our own document

    for name, arguments in {"process": 4, "verify_credentials": 2}.items():
        if callable(function := names.get(name)):
            assert len(inspect.signature(function).parameters) == arguments


def test_the_first_component_of_the_readme_does_what_the_readme_says(tmp_path: Path) -> None:
    """With an expired token it emits new keys, then data."""
    (tmp_path / "actions").mkdir()
    (tmp_path / "actions" / "create_contact.py").write_text(PYTHON[0])
    lines: list[dict[str, object]] = []
    with OAuth2Provider({"id": "secret"}) as provider, DemoApi(provider) as api:
        descriptor = {
            "title": "Contacts",
            "credentials": {
                "fields": {"oauth": {"label": "Account", "viewClass": "OAuthFieldView"}},
                "oauth2": {"client_id": "id", "client_secret": "secret", "token_uri": provider.token_url},
            },
            "actions": {"create_contact": {"title": "Create", "main": "./actions/create_contact.py"}},
        }
        (tmp_path / "component.json").write_text(json.dumps(descriptor))
        cfg = {"oauth": {**provider.issue(expired=True), "instance_url": api.url}}
        component = load(tmp_path)
        run = LocalRun(component, cfg, keys_file=None, environ={}, redactor=Redactor())
        function = component.function("create_contact")
        errors = run.exec(function, {"body": {"name": "Ada"}}, {}, write_line=lambda line: lines.append(dict(line)))

    assert errors == 0
    assert [line["event"] for line in lines] == ["updateKeys", "data"]


def test_the_readme_has_the_picture_of_the_explanation() -> None:
    """It is drawn twice, and stays one picture."""
    (picture,) = re.findall(r"^```mermaid\n.*?^```", README, re.DOTALL | re.MULTILINE)

    assert picture in (ROOT / "docs" / "explanation" / "refresh.md").read_text()


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("## Throughput of `oauth2`", "moves {} to {} times the messages"),
        ("## CPU time per message of `oauth2`", "at {} to {} times"),
    ],
)
def test_the_readme_has_the_measured_ratios(section: str, sentence: str) -> None:
    """The last column holds the ratios to the official Node runtime."""
    tables = (ROOT / "bench" / "results" / "latest.md").read_text()
    table = tables.partition(section)[2].partition("\n## ")[0]
    ratios = re.findall(r"^\| (?:1|20|100) \| at once \|.*\*\*~?([\d.]+)x\*\* \|$", table, re.MULTILINE)

    assert len(ratios) == 3
    assert sentence.format(min(ratios, key=float), max(ratios, key=float)) in " ".join(README.split())


EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/component.json"))
DESCRIBED = [
    (ROOT, ROOT / "docs" / "reference" / "rest-component.md"),
    *((each, each / "README.md") for each in EXAMPLES),
]


@pytest.mark.parametrize(("folder", "page"), DESCRIBED, ids=[str(page.relative_to(ROOT)) for _, page in DESCRIBED])
def test_the_components_are_described_as_they_are(folder: Path, page: Path) -> None:
    """``make docs`` does it; it is forgotten when only component.json is in mind."""
    assert docs.is_current(page, docs.section(folder))


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
