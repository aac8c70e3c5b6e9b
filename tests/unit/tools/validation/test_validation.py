"""Checking components: what is an error, what a warning, and what is said about the rest."""

import json
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from shipmate.logs.redaction import Redactor
from shipmate.tools.validation import Problem, Report, validate_component, validate_descriptor

OAUTH2 = {"client_id": "{{ID}}", "client_secret": "{{SECRET}}", "auth_uri": "https://a", "token_uri": "https://t"}
MODULE = "def process(context, msg, cfg, snapshot):\n    return {'body': {}}\n"


@pytest.fixture(autouse=True)
def clean_imports() -> Iterator[None]:
    """Forget the modules and the path of the test's component."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def descriptor(*, action: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return a descriptor without faults, but for these changes; None takes a member away."""
    go = {"title": "Go", "main": "./actions/go.py", "metadata": {"in": {}, "out": {}}, **(action or {})}
    whole = {
        "title": "T",
        "description": "D",
        "actions": {"go": {name: each for name, each in go.items() if each is not None}},
        **changes,
    }
    return {name: each for name, each in whole.items() if each is not None}


def in_file(tmp_path: Path, content: Any) -> Report:
    file = tmp_path / "component.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return validate_descriptor(file)


def in_folder(root: Path, content: Any, **modules: str) -> Report:
    (root / "component.json").write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    (root / "actions").mkdir()
    for name, source in {"go": MODULE, **modules}.items():
        (root / "actions" / f"{name}.py").write_text(source)
    return validate_component(root)


def told(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    return [(each.pointer, each.message) for each in problems]


def fields(**described: Any) -> dict[str, Any]:
    return {"fields": {name: {"label": "L", "viewClass": "TextFieldView", **each} for name, each in described.items()}}


def test_a_descriptor_without_faults_has_no_problems_and_the_rest_is_named(tmp_path: Path) -> None:
    report = in_file(tmp_path, descriptor())
    assert report.problems == ()
    assert report.checked == (f"the structure of {tmp_path / 'component.json'}",)
    assert report.not_checked == (
        "modules and their functions: only the descriptor was asked for",
        "metadata files: only the descriptor was asked for",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"title": "T",\n "x" 3}', "expected JSON, found an error at line 2, column 6 (expecting ':' delimiter)"),
        ("[]", "expected an object, found an array"),
        ("", "expected JSON, found nothing"),
    ],
)
def test_text_that_is_no_descriptor_is_one_error(tmp_path: Path, content: str, message: str) -> None:
    report = in_file(tmp_path, content)
    assert report.problems == (Problem(str(tmp_path / "component.json"), "", message, "error"),)
    assert report.checked == ()
    assert len(report.not_checked) == 1


def nested(depth: int) -> str:
    return json.dumps(descriptor())[:-1] + ', "x": ' + "[" * depth + "]" * depth + "}"


def test_at_any_depth_a_descriptor_is_either_checked_or_nested_too_deep(tmp_path: Path) -> None:
    """Reading it and going through it end at different depths."""
    for depth in range(sys.getrecursionlimit() - 150, sys.getrecursionlimit(), 3):
        report = in_file(tmp_path, nested(depth))
        assert bool(report.checked) != bool(report.errors)
        assert all("too deep" in message for _, message in told(report.errors))


def test_a_descriptor_that_is_nested_too_deep_is_an_error(tmp_path: Path) -> None:
    deep = nested(100_000)
    ((pointer, message),) = told(in_file(tmp_path, deep).errors)
    assert pointer == ""
    assert "too deep" in message


@pytest.mark.parametrize(
    ("content", "pointer", "message"),
    [
        (descriptor(title=None), "", "expected the property 'title', found none"),
        (descriptor(title=3), "/title", "expected text, found a number"),
        (descriptor(title=""), "/title", "expected text, found an empty one"),
        (descriptor(title=" "), "/title", "expected text, found only blanks"),
        ({"title": "T"}, "", "expected at least one trigger or action, found none"),
        ({"title": "T", "actions": {}}, "", "expected at least one trigger or action, found none"),
        (descriptor(action={"main": None}), "/actions/go", "expected the property 'main', found none"),
        (descriptor(action={"title": None}), "/actions/go", "expected the property 'title', found none"),
        (descriptor(action={"order": "first"}), "/actions/go/order", "expected a number, found text"),
        (descriptor(env="ID"), "/env", "expected an object or an array of names, found text"),
        (descriptor(triggers=[]), "/triggers", "expected an object, found an array"),
        (descriptor(triggers={"a/b": 3}), "/triggers/a~1b", "expected an object, found a number"),
        (descriptor(credentials=[]), "/credentials", "expected an object, found an array"),
        (descriptor(credentials={"fields": {"f": 3}}), "/credentials/fields/f", "expected an object, found a number"),
        (
            descriptor(triggers={"t": {"title": "T", "main": "t.py", "type": "poling", "metadata": {}}}),
            "/triggers/t/type",
            "expected one of 'polling', 'webhook', found 'poling'; did you mean 'polling'?",
        ),
        (descriptor(authClientTypes=["oauth3"]), "/authClientTypes/0", "expected one of 'oauth2', 'basic'"),
        (descriptor(envVars={"A": "x"}), "/envVars/A", "expected an object, found text"),
        (descriptor(buildType="zip"), "/buildType", "expected one of 'docker', 'slug', found 'zip'"),
        (descriptor(buildType=3), "/buildType", "expected one of 'docker', 'slug', found something else"),
        (descriptor(buildType="x" * 21), "/buildType", "expected one of 'docker', 'slug', found something else"),
        (descriptor(deprecated="yes"), "/deprecated", "expected a boolean, found text"),
        (descriptor(action={"metadata": {"in": 3}}), "/actions/go/metadata/in", "expected an object or text"),
        (descriptor(action={"metadata": {"in": ""}}), "/actions/go/metadata/in", "expected at least 1 characters"),
        (
            descriptor(action={"metadata": {"out": {"properties": {"a": {"maxLength": -1}}}}}),
            "/actions/go/metadata/out/properties/a/maxLength",
            "expected a number that is at least 0, found a smaller one",
        ),
        (
            descriptor(action={"metadata": {"out": {"$ref": "https://example.com/s.json"}}}),
            "/actions/go/metadata/out/$ref",
            "expected a reference to a schema in the same file, found another",
        ),
        (descriptor(action=fields(f={"viewClass": 3})), "/actions/go/fields/f/viewClass", "expected text, found a num"),
        (
            descriptor(action=fields(f={"viewClass": "SelectView"})),
            "/actions/go/fields/f",
            "expected the property 'model' for a SelectView, found none",
        ),
        (descriptor(action=fields(f={"required": "x"})), "/actions/go/fields/f/required", "expected a boolean, found"),
        (
            descriptor(credentials=fields(f={"viewClass": "SelectView", "model": "kinds"})),
            "/credentials/fields/f/model",
            "expected an object in a field of credentials, found text",
        ),
        (
            descriptor(triggers={"go": {"title": "T", "main": "t.py", "metadata": {}}}),
            "/actions/go",
            "expected an id that no trigger has, found it again",
        ),
        (
            '{"title": "T", "actions": {"a": {"main": "x", "title": "T", "metadata": {}, "l": [{"k": 1, "k": 2}]}}}',
            "/actions/a/l/0/k",
            "expected each key once, found it again",
        ),
        (
            descriptor(credentials={"oauth1": {"consumer_key": "k"}}),
            "/credentials/oauth1",
            "expected the property 'access_token_uri', found none",
        ),
        (
            descriptor(envVars={"ID": {}}, credentials={"oauth2": OAUTH2}),
            "/credentials/oauth2/client_secret",
            "expected a variable of envVars or the id of a credential field, found {{SECRET}}",
        ),
        (
            descriptor(action={"fields": {"f": {"viewClass": "CheckBoxView"}}}),
            "/actions/go/fields/f",
            "expected the property 'label', found none",
        ),
        (
            descriptor(action=fields(sheet={}, f={"require": ["sheets", "sheet"]})),
            "/actions/go/fields/f/require",
            "expected the id of a field, found 'sheets'; did you mean 'sheet'?",
        ),
        (
            descriptor(action=fields(f={"require": "none"})),
            "/actions/go/fields/f/require",
            "expected the id of a field, found 'none'",
        ),
        (
            descriptor(credentials={**fields(ID={}, SECRET={}), "oauth2": {**OAUTH2, "client_auth": "magic"}}),
            "/credentials/oauth2/client_auth",
            "expected one of 'post', 'basic', 'none', 'private_key_jwt', found 'magic'",
        ),
        (
            descriptor(action={"order": {}}),
            "/actions/go/order",
            "expected a number, found an object",
        ),
    ],
)
def test_a_fault_of_the_descriptor_is_an_error(tmp_path: Path, content: Any, pointer: str, message: str) -> None:
    errors = told(in_file(tmp_path, content).errors)
    assert errors[0][0] == pointer
    assert errors[0][1].startswith(message)


@pytest.mark.parametrize("missing", list(OAUTH2))
def test_oauth2_needs_its_settings(tmp_path: Path, missing: str) -> None:
    oauth2 = {name: "x" for name in OAUTH2 if name != missing}
    expected = [("/credentials/oauth2", f"expected the property {missing!r}, found none")]
    assert told(in_file(tmp_path, descriptor(credentials={"oauth2": oauth2})).errors) == expected


def test_the_platforms_oauth_client_stands_in_for_the_clients_settings(tmp_path: Path) -> None:
    oauth2 = {name: OAUTH2[name] for name in ("auth_uri", "token_uri")}
    assert in_file(tmp_path, descriptor(useOAuthClient=True, credentials={"oauth2": oauth2})).errors == ()
    assert in_file(tmp_path, descriptor(credentials={"oauth2": oauth2, "useOAuthClient": True})).errors == ()


@pytest.mark.parametrize(
    ("content", "pointer", "message"),
    [
        (
            descriptor(action=fields(f={"viewClass": "TextFeildView"})),
            "/actions/go/fields/f/viewClass",
            "expected a known view, found 'TextFeildView'; did you mean 'TextFieldView'?",
        ),
        (
            descriptor(action=fields(f={"viewClass": "?"})),
            "/actions/go/fields/f/viewClass",
            "expected a known view, found '?'",
        ),
        (descriptor(description=None), "", "expected the property 'description', found none"),
        (
            descriptor(action={"metadata": None}),
            "/actions/go",
            "expected metadata or dynamicMetadata, found neither",
        ),
        (
            descriptor(credentials={**fields(ID={}), "oauth2": {**OAUTH2, "scopes": ["a"]}}),
            "/credentials/oauth2/client_secret",
            "expected a variable of envVars or the id of a credential field, found {{SECRET}}",
        ),
    ],
)
def test_what_may_be_on_purpose_is_a_warning(tmp_path: Path, content: Any, pointer: str, message: str) -> None:
    report = in_file(tmp_path, content)
    assert report.errors == ()
    assert told(report.warnings) == [(pointer, message)]


@pytest.mark.parametrize(
    "content",
    [
        descriptor(action={"metadata": {}, "order": "10", "help": {"link": "#x"}, "note": "n"}, docsUrl="x", env={}),
        descriptor(credentials={"fields": {"auth": {"viewClass": "HTTPAuthView"}}}, authClientTypes=["noauth"]),
        descriptor(credentials={}, service="x", consumesRawData=True),
        descriptor(action={"metadata": None, "dynamicMetadata": True}),
        descriptor(action={"metadata": {"out": "./schemas/not-there.json"}, "main": "./lib/go.js"}),
        descriptor(action=fields(f={"viewClass": "SelectView", "model": "kinds", "require": []})),
        descriptor(action={"fields": {"f": {"viewClass": "CSVReadView"}, "g": {"viewClass": "RESTAPIView"}}}),
        descriptor(envVars={"ID": {}, "SECRET": {"required": True}}, credentials={"oauth2": OAUTH2}),
        descriptor(env=["ID", "SECRET", 3], credentials={"oauth2": OAUTH2}),
        descriptor(envVars={"ID": {}}, env={"SECRET": "x"}, credentials={"oauth2": OAUTH2}),
    ],
)
def test_what_published_descriptors_do_is_no_problem(tmp_path: Path, content: dict[str, Any]) -> None:
    assert in_file(tmp_path, content).problems == ()


def test_no_message_has_a_value_of_the_descriptor(tmp_path: Path) -> None:
    report = in_file(tmp_path, descriptor(credentials={"oauth2": ["S3CRET"]}, title=["S3CRET"], envVars="S3CRET"))
    assert len(report.errors) == 3
    assert "S3CRET" not in str(report)


@pytest.mark.parametrize(
    ("content", "pointer", "meant"),
    [
        (descriptor(action={"metaData": {}}), "/actions/go/metaData", None),
        (descriptor(action={"metadata": None, "metaData": {}}), "/actions/go/metaData", "metadata"),
        (descriptor(action={"descripton": "Goes"}), "/actions/go/descripton", "description"),
        (descriptor(trigger={}), "/trigger", "triggers"),
        (descriptor(credentials={"field": {}}), "/credentials/field", "fields"),
        (descriptor(action=fields(f={"viewclass": "TextView"})), "/actions/go/fields/f/viewclass", None),
        (descriptor(credentials={"fields": {"f": {"viewclass": "X"}}}), "/credentials/fields/f/viewclass", "viewClass"),
        (descriptor(credentials=fields(f={"requird": True})), "/credentials/fields/f/requird", "required"),
        (descriptor(icon="x", action={"icon": "x"}), "/icon", None),
    ],
)
def test_a_name_that_is_nearly_a_known_one_is_a_warning(
    tmp_path: Path, content: Any, pointer: str, meant: str | None
) -> None:
    """Without it the member is silently of no use; one that is there already is not meant."""
    found = dict(told(in_file(tmp_path, content).warnings))
    assert found.get(pointer) == (meant and f"expected a known property; did you mean {meant!r}?")


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
        "verify_credentials.py imports and has its function",
    )
    assert report.not_checked == (
        "what the functions do: none of them was called",
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
    found = dict(told(report.errors))
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


def test_credentials_without_a_verifier_are_said_to_go_unchecked(tmp_path: Path) -> None:
    report = in_folder(tmp_path, descriptor(credentials=fields(key={})))
    assert report.problems == ()
    assert "verification of credentials: there is no verify_credentials.py" in report.not_checked


def test_a_faulty_descriptor_does_not_hide_the_faults_of_its_modules(tmp_path: Path) -> None:
    content = descriptor(title=3, credentials=[], envVars=1, triggers={"t": {"main": 3}, "u": 3})
    found = told(in_folder(tmp_path, content, go="raise SystemExit(3)").errors)
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


def test_a_report_tells_errors_from_warnings() -> None:
    error, warning = Problem("f", "", "m"), Problem("f", "", "m", "warning")
    report = Report((warning, error))
    assert report.errors == (error,)
    assert report.warnings == (warning,)


def test_slips_of_published_descriptors_are_warnings(tmp_path: Path) -> None:
    """A keyword among the properties, a type that JSON schema lacks, a list as model: they do no harm."""
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


def test_a_secret_in_an_error_of_the_author_is_not_told(tmp_path: Path) -> None:
    """Neither where the module is named first nor where it is named again."""
    action = {"title": "T", "main": "actions/go.py", "metadata": {}}
    redactor = Redactor()
    redactor.add_environment({"API_SECRET": "hunter2hunter2"})
    (tmp_path / "component.json").write_text(json.dumps({"title": "T", "actions": {"a": action, "b": action}}))
    (tmp_path / "actions").mkdir()
    (tmp_path / "actions" / "go.py").write_text("raise ValueError('bad: hunter2hunter2')")
    errors = validate_component(tmp_path, redactor).errors
    assert [each.pointer for each in errors] == ["/actions/a/main", "/actions/b/main"]
    assert all("ValueError: bad: *** (actions/go.py:1)" in each.message for each in errors)


@pytest.mark.parametrize(
    ("code", "expected", "found"),
    [
        ("def process(msg, cfg): ...", "process(context, msg, cfg, snapshot)", "process(msg, cfg)"),
        ("class process: ...", "process(context, msg, cfg, snapshot)", "process()"),
        (MODULE + "def init(): ...", "init(cfg)", "init()"),
        (MODULE + "def get_meta_model(cfg): ...", "get_meta_model(context, cfg)", "get_meta_model(cfg)"),
    ],
)
def test_a_function_with_other_arguments_is_an_error(tmp_path: Path, code: str, expected: str, found: str) -> None:
    """It imports, and would fail for every message."""
    action = {"dynamicMetadata": "get_meta_model" in code}
    (error,) = in_folder(tmp_path, descriptor(action=action), go=code + "\n").errors

    assert error.message == f"expected {expected}, found {found}"


def test_a_verifier_with_other_arguments_is_an_error(tmp_path: Path) -> None:
    """Otherwise no credentials would ever be verified."""
    (tmp_path / "verify_credentials.py").write_text("def verify_credentials(cfg): ...\n")
    (error,) = in_folder(tmp_path, descriptor()).errors

    assert (error.file, error.pointer) == ("verify_credentials.py", "")
    assert error.message == "expected verify_credentials(context, credentials), found verify_credentials(cfg)"


@pytest.mark.parametrize("code", ["def process(*any): ...", "process = print", "def process(a, b, c, d, e=1): ..."])
def test_arguments_may_have_any_names(tmp_path: Path, code: str) -> None:
    """And a decorator may hide them."""
    assert in_folder(tmp_path, descriptor(), go=code + "\n").errors == ()


def test_a_module_that_hides_one_of_python_is_a_warning(tmp_path: Path) -> None:
    """The root is importable for everything in the process; a folder hides only as a package."""
    for folder in ("html", "calendar", "helpers"):
        (tmp_path / folder).mkdir()
    for file in ("queue.py", "token.json", "html/__init__.py", "helpers/__init__.py", "shared.py"):
        (tmp_path / file).write_text("")
    report = in_folder(tmp_path, descriptor())
    assert report.errors == ()
    assert [(each.file, each.pointer) for each in report.warnings] == [("html", ""), ("queue.py", "")]
    assert "hides the module of Python" in report.warnings[0].message


def test_a_folder_that_does_not_exist_is_a_component_without_a_descriptor(tmp_path: Path) -> None:
    """And nothing else is said of it."""
    (error,) = validate_component(tmp_path / "nowhere").problems
    assert "no such file" in error.message


def test_the_schema_of_the_descriptor_is_one() -> None:
    """It is for editors, too."""
    schema = json.loads((files("shipmate.tools.validation") / "component.schema.json").read_text())
    Draft7Validator.check_schema(schema)


BROKEN = Path(__file__).parents[3] / "components"
DEFECTS = {
    "broken_json": ("error", "component.json", "", "expected JSON, found an error at line 3, column 36 (expecting ','"),
    "duplicate_id": ("error", "component.json", "/actions/go", "expected an id that no trigger has, found it again"),
    "duplicate_key": ("error", "component.json", "/title", "expected each key once, found it again"),
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
        "expected a name of its own, found queue, which hides the module of Python with that name",
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


def test_every_defect_is_named() -> None:
    """A folder that no test reads would prove nothing."""
    folders = {each.name for each in BROKEN.iterdir() if (each / "component.json").is_file()}
    assert folders - {"container"} == set(DEFECTS)  # the one that containers run in tests


@pytest.mark.parametrize("name", DEFECTS)
def test_a_component_with_one_defect_has_one_problem(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told with its place, and whatever the component prints stays off standard output."""
    found = [
        (each.severity, each.file, each.pointer, each.message) for each in validate_component(BROKEN / name).problems
    ]
    expected = DEFECTS[name]
    assert [each[:3] for each in found] == ([expected[:3]] if expected else [])
    assert expected is None or expected[3] in found[0][3]
    assert capsys.readouterr().out == ""
