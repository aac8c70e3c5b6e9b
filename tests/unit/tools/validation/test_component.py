"""Checks of a whole component: its descriptor, modules, and metadata files."""

import json
from pathlib import Path

import pytest

from shipmate.logs.redaction import Redactor
from shipmate.tools.validation import validate_component, validate_descriptor
from tests.unit.tools.validation.descriptors import MODULE, descriptor, fields, in_folder, pointers_and_messages


def test_a_component_without_faults_has_no_problems(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text('{"properties": {"a": {"required": true}}}')
    (tmp_path / "verify_credentials.py").write_text("def verify_credentials(context, credentials): ...\n")
    action = {"metadata": {"in": "in.json", "out": "./in.json"}, "dynamicMetadata": True}
    action |= fields(f={"viewClass": "SelectView", "model": "kinds"})
    source = MODULE + "def getMetaModel(context, cfg): ...\ndef kinds(context, cfg): ...\n"
    report = in_folder(tmp_path, descriptor(action=action, credentials=fields(key={})), go=source)
    assert report.problems == ()
    assert report.checked == (
        "the structure of component.json",
        "1 metadata file",
        "1 module: imported, with the functions that component.json names",
        "verify_credentials.py: imported, with its function",
    )
    assert report.not_checked == (
        "what the functions do: no function was called",
        "whether credentials, URLs and OAuth clients work: nothing was sent over the network",
        "dynamic metadata: it exists only at run time",
    )


def test_all_faults_of_modules_are_found_at_once(tmp_path: Path) -> None:
    content = {
        "title": "T",
        "actions": {
            "missing": {"title": "T", "main": "./actions/missing.py", "metadata": {}},
            "outside": {"title": "T", "main": "../x.py", "metadata": {}},
            "script": {"title": "T", "main": "./component.json", "metadata": {}},
            "breaks": {"title": "T", "main": "./actions/breaks.py", "metadata": {}},
            "again": {"title": "T", "main": "./actions/breaks.py", "metadata": {}},
            "empty": {"title": "T", "main": "./actions/empty.py", "dynamicMetadata": True},
            "select": {"title": "T", "main": "actions/go", "metadata": {}, **fields(f={"model": "kinds"}, g={})},
        },
    }
    content["actions"]["select"]["fields"]["h"] = 3  # type: ignore[index]
    runs = "import pathlib\nwith open(pathlib.Path(__file__).parent / 'runs', 'a') as runs:\n    runs.write('x')\n"
    report = in_folder(tmp_path, content, breaks=runs + "raise ValueError('boom')", empty="def proces(): ...")
    found = dict(pointers_and_messages(report.errors))
    assert found.keys() == {
        "/actions/missing/main",
        "/actions/outside/main",
        "/actions/script/main",
        "/actions/breaks/main",
        "/actions/again/main",
        "/actions/empty/main",
        "/actions/empty/dynamicMetadata",
        "/actions/select/fields/f/model",
        "/actions/select/fields/h",
    }
    assert "found no such file" in found["/actions/missing/main"]
    assert "inside the component" in found["/actions/outside/main"]
    assert "expected a Python module" in found["/actions/script/main"]
    assert "ValueError: boom (actions/breaks.py:4)" in found["/actions/breaks/main"]
    assert found["/actions/again/main"] == found["/actions/breaks/main"]
    assert (tmp_path / "actions" / "runs").read_text() == "x"
    assert "did you mean 'proces'?" in found["/actions/empty/main"]
    assert "get_meta_model" in found["/actions/empty/dynamicMetadata"]
    assert "expected a function kinds" in found["/actions/select/fields/f/model"]
    assert "2 modules: imported, with the functions that component.json names" in report.checked
    assert not any("dynamic metadata" in each for each in report.checked)


@pytest.mark.parametrize(
    ("name", "content", "file", "pointer", "message"),
    [
        ("none.json", "{}", "component.json", "/actions/go/metadata/in", "expected a readable file"),
        ("in.json", '{"a"', "component.json", "/actions/go/metadata/in", "expected JSON, found"),
        ("in.json", "[]", "component.json", "/actions/go/metadata/in", "expected a schema as an object"),
        ("in.json", '{"properties": 3}', "in.json", "/properties", "expected an object, found a number"),
        ("in.json", '{"items": {"$ref": "other.json#/a"}}', "in.json", "/items/$ref", "in the same file"),
    ],
)
def test_a_fault_of_a_metadata_file_is_an_error(
    tmp_path: Path, name: str, content: str, file: str, pointer: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    (error,) = in_folder(tmp_path, descriptor(action={"metadata": {"in": "./in.json"}})).errors
    assert (error.file, error.pointer) == (file, pointer)
    assert message in error.message


@pytest.mark.parametrize(
    ("source", "message"), [("1 / 0", "ZeroDivisionError"), ("x = 1", "expected a function verify_credentials")]
)
def test_a_verifier_that_does_not_work_is_an_error(tmp_path: Path, source: str, message: str) -> None:
    (tmp_path / "verify_credentials.py").write_text(source)
    (error,) = in_folder(tmp_path, descriptor()).errors
    assert (error.file, error.pointer) == ("verify_credentials.py", "")
    assert message in error.message


def test_without_a_verifier_the_report_says_that_credentials_are_not_verified(tmp_path: Path) -> None:
    report = in_folder(tmp_path, descriptor(credentials=fields(key={})))
    assert report.problems == ()
    assert "verification of credentials: there is no verify_credentials.py" in report.not_checked


def test_a_faulty_descriptor_does_not_hide_the_faults_of_its_modules(tmp_path: Path) -> None:
    content = descriptor(title=3, credentials=[], envVars=1, triggers={"t": {"main": 3}, "u": 3})
    found = pointers_and_messages(in_folder(tmp_path, content, go="raise SystemExit(3)").errors)
    assert {"/title", "/credentials", "/envVars", "/triggers/t/main", "/triggers/u"} < {each for each, _ in found}
    assert any("sys.exit(3) was called" in message for _, message in found)


def test_a_descriptor_that_cannot_be_read_leaves_the_verifier_to_be_checked(tmp_path: Path) -> None:
    (tmp_path / "verify_credentials.py").write_text("1 / 0")
    found = validate_component(tmp_path).errors
    assert [each.file for each in found] == ["component.json", "verify_credentials.py"]
    assert "no such file" in found[0].message


def test_what_modules_print_goes_to_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    in_folder(tmp_path, descriptor(), go="print('hello')\n" + MODULE)
    assert capsys.readouterr() == ("", "hello\n")


def test_slips_of_published_descriptors_are_warnings(tmp_path: Path) -> None:
    """A keyword among the properties, a type that JSON Schema lacks, and a list as model do no harm."""
    out = {"type": "object", "properties": {"type": "object", "properties": {"type": {"type": "numeric"}}}}
    field = {"label": "Currency", "viewClass": "SelectView", "model": ["EUR", "USD"]}
    action = {"title": "Go", "main": "go.js", "metadata": {"in": "in.json", "out": out}, "fields": {"c": field}}
    file = tmp_path / "component.json"
    file.write_text(json.dumps({"title": "T", "description": "D", "actions": {"go": action}}))
    (tmp_path / "in.json").write_text(json.dumps(out))
    report = validate_descriptor(file)
    assert report.errors == ()
    assert {each.pointer for each in report.warnings} == {
        "/actions/go/metadata/out/properties",
        "/actions/go/metadata/out/properties/properties/type/type",
        "/actions/go/fields/c/model",
    }
    of_files = [each for each in validate_component(tmp_path).warnings if each.file == "in.json"]
    assert [each.pointer for each in of_files] == ["/properties", "/properties/properties/type/type"]


def test_a_secret_in_an_error_of_the_author_is_masked(tmp_path: Path) -> None:
    """It is masked for every function that names the module."""
    action = {"title": "T", "main": "actions/go.py", "metadata": {}}
    redactor = Redactor()
    redactor.add_environment({"API_SECRET": "hunter2hunter2"})
    (tmp_path / "component.json").write_text(json.dumps({"title": "T", "actions": {"a": action, "b": action}}))
    (tmp_path / "actions").mkdir()
    (tmp_path / "actions" / "go.py").write_text("raise ValueError('bad: hunter2hunter2')")
    errors = validate_component(tmp_path, redactor).errors
    assert [each.pointer for each in errors] == ["/actions/a/main", "/actions/b/main"]
    assert all("ValueError: bad: *** (actions/go.py:1)" in each.message for each in errors)


def test_a_module_that_hides_one_of_python_is_a_warning(tmp_path: Path) -> None:
    """All code in the process can import from the root; a folder hides a module only as a package."""
    for folder in ("html", "calendar", "helpers"):
        (tmp_path / folder).mkdir()
    for file in ("queue.py", "token.json", "html/__init__.py", "helpers/__init__.py", "shared.py"):
        (tmp_path / file).write_text("")
    report = in_folder(tmp_path, descriptor())
    assert report.errors == ()
    assert [(each.file, each.pointer) for each in report.warnings] == [("html", ""), ("queue.py", "")]
    assert "hides Python's module" in report.warnings[0].message


def test_a_folder_that_does_not_exist_is_a_component_without_a_descriptor(tmp_path: Path) -> None:
    """The report has no other problem."""
    (error,) = validate_component(tmp_path / "nowhere").problems
    assert "no such file" in error.message


BROKEN = Path(__file__).parents[3] / "components"


DEFECTS = {
    "broken_json": ("error", "component.json", "", "expected JSON, found an error at line 3, column 36 (expecting ','"),
    "duplicate_id": ("error", "component.json", "/actions/go", "expected a unique id, found the id of a trigger"),
    "duplicate_key": ("error", "component.json", "/title", "expected a unique key, found a repeated one"),
    "env_var_is_no_object": ("error", "component.json", "/envVars/CLIENT_ID", "expected an object, found text"),
    "exits_at_import": (
        "error",
        "component.json",
        "/actions/go/main",
        "sys.exit('leaving') was called (actions/go.py:3)",
    ),
    "field_without_label": (
        "error",
        "component.json",
        "/actions/go/fields/name",
        "expected the property 'label', found none",
    ),
    "hides_a_module_of_python": (
        "warning",
        "queue.py",
        "",
        "expected another name, found queue, which hides Python's module queue",
    ),
    "imports_what_is_not_there": (
        "error",
        "component.json",
        "/actions/go/main",
        "No module named 'a_module_that_nobody_has' (actions/go.py:1)",
    ),
    "main_is_no_text": ("error", "component.json", "/actions/go/main", "expected text, found a number"),
    "main_leaves_the_root": (
        "error",
        "component.json",
        "/actions/go/main",
        "expected main as a path inside the component",
    ),
    "metadata_file_is_no_json": ("error", "component.json", "/actions/go/metadata/in", "at line 2, column 1"),
    "metadata_file_is_no_schema": (
        "error",
        "schemas/in.json",
        "/properties/name/type",
        "expected one of object, array",
    ),
    "metadata_refers_elsewhere": (
        "error",
        "component.json",
        "/actions/go/metadata/in/properties/pet/$ref",
        "expected a reference to a schema in the same file, found another",
    ),
    "missing_dynamic_metadata": (
        "error",
        "component.json",
        "/actions/go/dynamicMetadata",
        "expected a function get_meta_model in ./actions/go.py, found none; available: process",
    ),
    "missing_metadata_file": ("error", "component.json", "/actions/go/metadata/in", "no such file or directory"),
    "missing_module": ("error", "component.json", "/actions/go/main", "found no such file"),
    "missing_select_model": (
        "error",
        "component.json",
        "/actions/go/fields/list/model",
        "expected a function get_lists in ./actions/go.py, found none; available: process",
    ),
    "missing_title": ("error", "component.json", "", "expected the property 'title', found none"),
    "missing_token_uri": (
        "error",
        "component.json",
        "/credentials/oauth2",
        "expected the property 'token_uri', found none",
    ),
    "no_functions": ("error", "component.json", "", "expected at least one trigger or action, found none"),
    "no_process": (
        "error",
        "component.json",
        "/actions/go/main",
        "expected a function process in ./actions/go.py, found none; did you mean 'proces'?",
    ),
    "prints_at_import": None,
    "raises_at_import": ("error", "component.json", "/actions/go/main", "ValueError: not today (actions/go.py:1)"),
    "select_without_model": (
        "error",
        "component.json",
        "/actions/go/fields/list",
        "expected the property 'model' for a SelectView, found none",
    ),
    "undeclared_variable": (
        "error",
        "component.json",
        "/credentials/oauth2/client_secret",
        "expected a variable of envVars or the id of a credential field, found {{CLIENT_SECRET}}",
    ),
    "unknown_required_field": (
        "error",
        "component.json",
        "/actions/go/fields/sheet/require",
        "expected the id of a field, found 'book'",
    ),
    "unknown_trigger_type": (
        "error",
        "component.json",
        "/triggers/poll/type",
        "expected one of 'polling', 'webhook', found 'pooling'; did you mean 'polling'?",
    ),
    "unknown_view_class": (
        "warning",
        "component.json",
        "/actions/go/fields/name/viewClass",
        "expected a known view, found 'TextFeildView'; did you mean 'TextFieldView'?",
    ),
    "verifier_does_not_import": (
        "error",
        "verify_credentials.py",
        "",
        "RuntimeError: no verifier today (verify_credentials.py:1)",
    ),
    "verifier_without_function": ("error", "verify_credentials.py", "", "expected a function verify_credentials"),
}
"""What is found in each of the components that are broken on purpose: severity, file, pointer, text."""


def test_every_broken_component_has_an_expected_problem() -> None:
    """Otherwise a folder would prove nothing."""
    folders = {each.name for each in BROKEN.iterdir() if (each / "component.json").is_file()}
    assert folders - {"container", "files"} == set(DEFECTS)  # those that containers run in tests


@pytest.mark.parametrize("name", DEFECTS)
def test_a_component_with_one_defect_has_one_problem(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The problem has its place, and output of the component does not go to standard output."""
    found = [
        (each.severity, each.file, each.pointer, each.message) for each in validate_component(BROKEN / name).problems
    ]
    expected = DEFECTS[name]
    assert [each[:3] for each in found] == ([expected[:3]] if expected else [])
    assert expected is None or expected[3] in found[0][3]
    assert capsys.readouterr().out == ""
