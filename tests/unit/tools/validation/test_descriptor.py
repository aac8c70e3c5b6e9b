"""Checks of a descriptor alone: errors, and warnings for what may be intended."""

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from shipmate.tools.validation import Problem
from tests.unit.tools.validation.descriptors import OAUTH2, descriptor, fields, in_file, pointers_and_messages


def test_a_descriptor_without_faults_has_no_problems_and_the_rest_is_named(tmp_path: Path) -> None:
    report = in_file(tmp_path, descriptor())
    assert report.problems == ()
    assert report.checked == (f"the structure of {tmp_path / 'component.json'}",)
    assert report.not_checked == (
        "modules and their functions: only the descriptor was checked",
        "metadata files: only the descriptor was checked",
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


@pytest.mark.usefixtures("usual_recursion_limit")
def test_at_any_depth_a_descriptor_is_either_checked_or_nested_too_deep(tmp_path: Path) -> None:
    """Parsing and checking reach their limits at different depths."""
    for depth in range(sys.getrecursionlimit() - 150, sys.getrecursionlimit(), 3):
        report = in_file(tmp_path, nested(depth))
        assert bool(report.checked) != bool(report.errors)
        assert all("too deep" in message for _, message in pointers_and_messages(report.errors))


def test_a_descriptor_that_is_nested_too_deep_is_an_error(tmp_path: Path) -> None:
    deep = nested(100_000)
    ((pointer, message),) = pointers_and_messages(in_file(tmp_path, deep).errors)
    assert pointer == ""
    assert "too deep" in message


@pytest.mark.parametrize(
    ("content", "pointer", "message"),
    [
        (descriptor(title=None), "", "expected the property 'title', found none"),
        (descriptor(title=3), "/title", "expected text, found a number"),
        (descriptor(title=""), "/title", "expected text, found empty text"),
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
            "expected a number of at least 0, found a smaller one",
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
            "expected a unique id, found the id of a trigger",
        ),
        (
            '{"title": "T", "actions": {"a": {"main": "x", "title": "T", "metadata": {}, "l": [{"k": 1, "k": 2}]}}}',
            "/actions/a/l/0/k",
            "expected a unique key, found a repeated one",
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
            "expected one of 'post', 'basic', 'basic_raw', 'none', 'private_key_jwt', found 'magic'",
        ),
        (
            descriptor(action={"order": {}}),
            "/actions/go/order",
            "expected a number, found an object",
        ),
    ],
)
def test_a_fault_of_the_descriptor_is_an_error(tmp_path: Path, content: Any, pointer: str, message: str) -> None:
    errors = pointers_and_messages(in_file(tmp_path, content).errors)
    assert errors[0][0] == pointer
    assert errors[0][1].startswith(message)


@pytest.mark.parametrize("missing", list(OAUTH2))
def test_oauth2_needs_its_settings(tmp_path: Path, missing: str) -> None:
    oauth2 = {name: "x" for name in OAUTH2 if name != missing}
    expected = [("/credentials/oauth2", f"expected the property {missing!r}, found none")]
    assert pointers_and_messages(in_file(tmp_path, descriptor(credentials={"oauth2": oauth2})).errors) == expected


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
        *(
            (
                descriptor(credentials={**fields(ID={}, SECRET={}), "oauth2": {**OAUTH2, name: address}}),
                f"/credentials/oauth2/{name}",
                "expected an https address, found an http one, which shows secrets to others",
            )
            for name, address in {
                "auth_uri": "http://a.example/auth",
                "token_uri": "HTTP://{{ID}}.a.example",
                "revoke_uri": "http://localhost.a.example",
            }.items()
        ),
    ],
)
def test_what_may_be_on_purpose_is_a_warning(tmp_path: Path, content: Any, pointer: str, message: str) -> None:
    report = in_file(tmp_path, content)
    assert report.errors == ()
    assert pointers_and_messages(report.warnings) == [(pointer, message)]


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


def test_the_schema_of_the_descriptor_is_valid() -> None:
    """Editors use it, too."""
    schema = json.loads((files("shipmate.tools.validation") / "component.schema.json").read_text())
    Draft7Validator.check_schema(schema)


@pytest.mark.parametrize(
    "address", ["http://localhost:80/t", "http://127.0.0.1/t", "http://[::1]", "{{ID}}", "https://t"]
)
def test_an_address_on_this_machine_needs_no_tls(tmp_path: Path, address: str) -> None:
    credentials = {**fields(ID={}, SECRET={}), "oauth2": {**OAUTH2, "token_uri": address}}
    assert in_file(tmp_path, descriptor(credentials=credentials)).problems == ()


def credentials(views: dict[str, str], **members: Any) -> dict[str, Any]:
    """Return a descriptor whose credentials have fields with these view classes."""
    described = {name: {"label": name, "viewClass": view} for name, view in views.items()}
    return descriptor(credentials={"fields": described, **members.pop("credentials", {})}, **members)


@pytest.mark.parametrize(
    ("content", "pointer", "message"),
    [
        (credentials({}, authClientTypes=["basic"]), "/credentials/fields", "expected a field with HTTPAuthView"),
        (credentials({"auth": "HTTPAuthView"}, authClientTypes=[]), "/authClientTypes", "expected a type of secrets"),
        (
            credentials({"auth": "HTTPAuthView"}, authClientTypes=["oauth2"], credentials={"oauth2": OAUTH2}),
            "/credentials/oauth2",
            "expected either authClientTypes or this, found both",
        ),
        (
            credentials({"auth": "HTTPAuthView"}, authClientTypes=["oauth2_instagram"]),
            "/authClientTypes",
            "expected no oauth2_instagram with HTTPAuthView",
        ),
        (
            credentials({"apiKey": "TextFieldView"}),
            "/credentials/fields/apiKey/viewClass",
            "expected PasswordFieldView for a secret, found TextFieldView",
        ),
    ],
)
def test_authentication_that_does_not_fit_together_is_a_warning(
    tmp_path: Path, content: dict[str, Any], pointer: str, message: str
) -> None:
    found = pointers_and_messages(in_file(tmp_path, content).warnings)
    assert [text for place, text in found if place == pointer and text.startswith(message)] != []


@pytest.mark.parametrize(
    "content",
    [
        credentials({"auth": "HTTPAuthView"}, authClientTypes=["oauth2", "basic", "api_key", "noauth"]),
        credentials({"oauth": "OAuthFieldView"}, authClientTypes=["oauth2"]),
        credentials({"username": "TextFieldView", "password": "PasswordFieldView", "url": "TextFieldView"}),
        credentials({"key": "TextFieldView", "email": "TextFieldView"}),
    ],
)
def test_authentication_that_fits_together_has_no_problem(tmp_path: Path, content: dict[str, Any]) -> None:
    assert in_file(tmp_path, content).problems == ()
