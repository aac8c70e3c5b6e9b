"""Variables that are not set: one error names all of them, whichever command needs them."""

import itertools
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from shipmate.component import load
from shipmate.container import service
from shipmate.container.service import Service
from shipmate.container.startup import Installation
from shipmate.emulator import OAuth2Provider, Platform
from shipmate.errors import ClientMisconfigured, MissingSetting
from shipmate.invocation.services import platform_of
from shipmate.local.run import LocalRun
from shipmate.logs.log import Redactor
from shipmate.oauth2.options import ClientOptions, Variables
from shipmate.platform.attachments import Attachments
from shipmate.platform.client import PlatformClient
from shipmate.tools.login.config import sign_in_config
from shipmate.tools.login.signin import exchange

API = ("ELASTICIO_API_URI", "ELASTICIO_API_USERNAME", "ELASTICIO_API_KEY")
STORAGE = ("ELASTICIO_OBJECT_STORAGE_URI", "ELASTICIO_OBJECT_STORAGE_TOKEN")
WORKSPACE = ("ELASTICIO_WORKSPACE_ID",)
FILE = "https://storage.example/objects/1?storage_type=maester"

PLATFORM_CALLS: list[tuple[Callable[[Callable[[], PlatformClient]], Any], tuple[str, ...]]] = [
    (lambda platform: Attachments(platform).upload("a.csv", b"1"), API),
    (lambda platform: Attachments(platform).open(FILE), STORAGE),
    (lambda platform: platform().objects.create(b"1"), STORAGE),
    (lambda platform: platform().get("/v2/workspaces"), API),
    (lambda platform: platform().step("flow", "step"), API),
    (lambda platform: platform().update_account("account", {}), API),
    (lambda platform: platform().startup_data("flow"), API),
    (lambda platform: platform().secret("id"), API + WORKSPACE),
    (lambda platform: platform().refresh_secret("id"), API + WORKSPACE),
]


def parts(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return all choices of some names, one at least."""
    return [choice for count in range(1, len(names) + 1) for choice in itertools.combinations(names, count)]


def said(error: BaseException | str) -> list[str]:
    """Return the names that an error calls missing, in order."""
    return [part.partition(" is missing")[0] for part in str(error).split("; ") if " is missing" in part]


@pytest.mark.parametrize("number", range(len(PLATFORM_CALLS)))
@pytest.mark.parametrize("empty", [False, True])
def test_a_call_of_the_platform_names_all_that_it_lacks(number: int, empty: bool) -> None:
    """And none that it does not need; nothing is sent."""
    call, needed = PLATFORM_CALLS[number]
    for missing in parts(needed):
        environ = {name: "http://127.0.0.1:1" for name in needed if name not in missing}
        environ |= dict.fromkeys(missing, "") if empty else {}
        with pytest.raises(MissingSetting) as caught:
            call(platform_of(environ))
        assert said(caught.value) == list(missing)


OPTIONS = {
    "token_url": "https://{{HOST}}/token",
    "client_id": "{{CRM_ID}}",
    "client_secret": "{{CRM_KEY}}",
    "scopes": ["{{SCOPE}}", "{{SCOPE}}"],
    "extra": {"a": [{"b": "x{{EXTRA}}y"}], "claims": {"sub": "{{SUBJECT}}"}},
    "jwt_header": {"kid": "{{KID}}"},
}
VALUES = {name: "value" for name in ("HOST", "CRM_ID", "CRM_KEY", "KID", "SCOPE", "EXTRA", "SUBJECT")}
PAIRS = [*itertools.combinations(VALUES, 1), *itertools.combinations(VALUES, 2), tuple(VALUES)]


@pytest.mark.parametrize("missing", PAIRS)
@pytest.mark.parametrize("grant", ["refresh_token", "client_credentials", "jwt_bearer"])
def test_a_client_names_all_variables_that_it_lacks(missing: tuple[str, ...], grant: str) -> None:
    """Each once, and with its option."""
    options = ClientOptions.from_options({**OPTIONS, "grant": grant}, {}, "oauth")
    environ = {name: value for name, value in VALUES.items() if name not in missing}
    with pytest.raises(MissingSetting) as caught:
        options.fill(Variables(environ, {}, frozenset({"CRM_ID"})))
    assert said(caught.value) == list(missing)
    if "CRM_ID" in missing:
        remedy = "set the credential field or the environment variable for client_id of OAuth2"
        assert f"CRM_ID is missing: {remedy}" in str(caught.value)


DESCRIBED = {
    "auth_uri": "https://{{SIGN_IN}}/auth",
    "revoke_uri": "https://{{HOST}}/revoke",
    "token_uri": "https://{{HOST}}/token",
    "client_id": "{{CRM_ID}}",
    "client_secret": "{{CRM_KEY}}",
    "audience": "{{AUDIENCE}}",
    "token_params": {"tenant": "{{TENANT}}"},
    "other_uri": "{{NOT_READ}}",
}


def descriptor(folder: Path, **oauth2: Any) -> None:
    """Write a component with these OAuth2 settings, whose action ``go`` sends a request."""
    fields = {"oauth": {"label": "OAuth", "viewClass": "OAuthFieldView"}}
    content = {
        "title": "t",
        "credentials": {"fields": fields, "oauth2": oauth2},
        "actions": {"go": {"title": "g", "main": "./go.py"}},
    }
    (folder / "component.json").write_text(json.dumps(content))
    send = "context.oauth2(cfg).get('http://127.0.0.1:1/')"
    (folder / "go.py").write_text(
        f"def process(context, msg, cfg, snapshot):\n    {send}\ndef kinds(context, cfg):\n    {send}\n"
    )
    (folder / "verify_credentials.py").write_text(f"def verify_credentials(context, cfg):\n    {send}\n")


def test_login_names_all_variables_that_it_lacks(tmp_path: Path) -> None:
    """Before a browser opens."""
    descriptor(tmp_path, **DESCRIBED)
    with pytest.raises(MissingSetting) as caught:
        sign_in_config(load(tmp_path), {}, {})
    assert said(caught.value) == ["SIGN_IN", "HOST", "TENANT", "CRM_ID", "CRM_KEY", "AUDIENCE"]
    filled = dict.fromkeys(said(caught.value), "value.example")
    assert sign_in_config(load(tmp_path), {}, filled).auth_uri == "https://value.example/auth"


@pytest.mark.parametrize("command", ["exec", "call", "verify", "service"])
def test_every_way_to_run_a_component_names_all_variables(tmp_path: Path, platform: Platform, command: str) -> None:
    """In the error of its message, its answer or its reason."""
    client = {"token_uri": "https://{{HOST}}/token", "client_id": "{{CRM_ID}}", "client_secret": "{{CRM_KEY}}"}
    descriptor(tmp_path, auth_uri="https://a.example", **client)
    cfg = {"oauth": {"refresh_token": "r"}, "_account": "account"}
    run = LocalRun(load(tmp_path), cfg, keys_file=None, environ={}, redactor=Redactor())
    function = load(tmp_path).function("go")
    if command == "exec":
        lines: list[Any] = []
        assert run.exec(function, {"body": {}}, {}, write_line=lines.append) == 1
        text = lines[0]["value"]["message"]
    elif command == "call":
        text = run.call(function, "kinds").value["error"]["message"]
    elif command == "verify":
        text = run.verify().value["reason"]
    else:
        result = Service("selectModel", Installation(tmp_path, variables(platform, cfg), Redactor())).answer()
        text = result.data["message"]
    assert said(text) == ["HOST", "CRM_ID", "CRM_KEY"]


def variables(platform: Platform, cfg: Any = None) -> dict[str, str]:
    """Return the variables of a service call."""
    return {
        **platform.environ(),
        "ELASTICIO_CFG": json.dumps(cfg or {}),
        "ELASTICIO_ACTION_OR_TRIGGER": "go",
        "ELASTICIO_GET_MODEL_METHOD": "kinds",
    }


def test_a_service_call_posts_the_first_and_logs_all(
    tmp_path: Path, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    """The platform knows the text of the first one; the operator needs all of them."""
    environ = {name: value for name, value in variables(platform).items() if name not in API}
    result = Service("selectModel", Installation(tmp_path, environ, Redactor())).answer()
    assert (result.status, result.data) == ("error", {"message": "ELASTICIO_API_URI is not provided"})
    assert f"variables are missing: {', '.join(API)}" in caplog.messages


def test_a_service_call_that_can_post_nothing_names_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address of the result, too."""
    root, make = logging.getLogger(), logging.getLogRecordFactory()
    before = root.level, root.handlers[:]
    try:
        assert service.run("selectModel", {}, tmp_path) == 1
    finally:
        root.setLevel(before[0])
        root.handlers[:] = before[1]
        logging.setLogRecordFactory(make)
    (line,) = capsys.readouterr().out.splitlines()
    record: Mapping[str, Any] = json.loads(line)
    names = ["POST_RESULT_URL", "CFG", "API_URI", "API_USERNAME", "API_KEY", "ACTION_OR_TRIGGER", "GET_MODEL_METHOD"]
    assert said(record["msg"]) == [f"ELASTICIO_{name}" for name in names]


def test_a_sign_in_that_a_client_is_refused_names_its_variables(tmp_path: Path) -> None:
    """As a refresh does."""
    with OAuth2Provider() as provider:
        client = {"client_id": "{{CRM_ID}}", "client_secret": "{{CRM_KEY}}", "token_uri": provider.token_url}
        descriptor(tmp_path, auth_uri=provider.authorize_url, **client)
        config = sign_in_config(load(tmp_path), {}, {"CRM_ID": "demo-client", "CRM_KEY": "wrong"})
        with pytest.raises(ClientMisconfigured, match=r"client_id \(from CRM_ID\), client_secret \(from CRM_KEY\)"):
            exchange(config, "code", "http://127.0.0.1/", None, redactor=Redactor())


@pytest.mark.parametrize("grant", ["refresh_token", "client_credentials"])
def test_a_refresh_that_a_client_is_refused_names_its_variables(tmp_path: Path, grant: str) -> None:
    """In the error of the message."""
    with OAuth2Provider() as provider:
        client = {"client_id": "{{CRM_ID}}", "client_secret": "{{CRM_KEY}}", "token_uri": provider.token_url}
        descriptor(tmp_path, auth_uri=provider.authorize_url, **client)
        code = (tmp_path / "go.py").read_text().replace("oauth2(cfg)", f"oauth2(cfg, grant={grant!r})")
        (tmp_path / "go.py").write_text(code)
        environ = {"CRM_ID": "demo-client", "CRM_KEY": "wrong"}
        cfg = {"oauth": {"refresh_token": "r"}}
        run = LocalRun(load(tmp_path), cfg, keys_file=None, environ=environ, redactor=Redactor())
        text = run.call(load(tmp_path).function("go"), "kinds").value["error"]["message"]
    assert "client_id (from CRM_ID), client_secret (from CRM_KEY)" in text


def test_a_client_id_of_blanks_names_its_variable() -> None:
    """It is set, but there is nothing in it."""
    options = ClientOptions.from_options({"token_url": "https://a.example", "client_id": "{{CRM_ID}}"}, {}, "oauth")
    with pytest.raises(ClientMisconfigured, match=r"found only blanks: give client_id \(from CRM_ID\)"):
        options.fill(Variables({"CRM_ID": " \n"}, {}, frozenset()))
