"""Functions of an author that raise, given as options of OAuth2: logged with the author's frames, and no token lost."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shipmate.component import load
from shipmate.container.service import Service
from shipmate.container.startup import Installation
from shipmate.emulator import DemoApi, Fault, OAuth2Provider, Platform
from shipmate.local.run import LocalRun
from shipmate.logs.log import Redactor, configure

EXCEPTIONS = ["ValueError", "KeyError", "RuntimeError", "OSError", "AttributeError", "ZeroDivisionError"]
OPTIONS = ["expired", "parse", "dead", "lock"]


@pytest.fixture
def servers() -> Iterator[tuple[OAuth2Provider, DemoApi]]:
    """Return a provider and an API that wants its tokens."""
    with OAuth2Provider() as provider, DemoApi(provider) as api:
        yield provider, api


Run = Callable[[Path, Platform, dict[str, Any], Redactor], Any]


def by_exec(root: Path, platform: Platform, cfg: dict[str, Any], redactor: Redactor) -> Any:
    """Return the body that `exec` emits, or its error."""
    lines: list[Any] = []
    keys_file = root / "account.keys.json"
    keys_file.write_text(json.dumps(cfg))
    run = LocalRun(load(root), cfg, keys_file=keys_file, environ={}, redactor=redactor)
    run.exec(load(root).function("go"), {"body": {}}, {}, write_line=lines.append)
    last = lines[-1]["value"]
    return last.get("body", last)


def by_service(root: Path, platform: Platform, cfg: dict[str, Any], redactor: Redactor) -> Any:
    """Return the answer of a select model."""
    environ = {
        **platform.environ(),
        "ELASTICIO_CFG": json.dumps({**cfg, "_account": "account"}),
        "ELASTICIO_ACTION_OR_TRIGGER": "go",
        "ELASTICIO_GET_MODEL_METHOD": "kinds",
    }
    return Service("selectModel", Installation(root, environ, redactor)).answer().data


def put(root: Path, provider: OAuth2Provider, api: DemoApi, option: str, error: str) -> None:
    """Write a component that gives a function that raises, with the tokens that it knows in its text."""
    (root / "go.py").write_text(
        f"KNOWN = []\n"
        f"def my_function(*arguments):\n"
        f"    raise {error}(f'my own text {{KNOWN}}')\n"
        f"def answer(context, cfg):\n"
        f"    KNOWN.append(cfg['oauth']['refresh_token'])\n"
        f"    session = context.oauth2(cfg, {option}=my_function)\n"
        f"    return {{'status': session.get({api.url + '/me'!r}).status_code}}\n"
        f"def process(context, msg, cfg, snapshot):\n"
        f"    return {{'body': answer(context, cfg)}}\n"
        f"def kinds(context, cfg):\n"
        f"    return answer(context, cfg)\n"
    )
    client = {"client_id": "demo-client", "client_secret": "demo-secret", "token_uri": provider.token_url}
    fields = {"oauth": {"label": "OAuth", "viewClass": "OAuthFieldView"}}
    credentials = {"fields": fields, "oauth2": {**client, "auth_uri": provider.authorize_url}}
    descriptor = {"title": "t", "credentials": credentials, "actions": {"go": {"title": "g", "main": "./go.py"}}}
    (root / "component.json").write_text(json.dumps(descriptor))


@pytest.mark.parametrize("run", [by_exec, by_service])
@pytest.mark.parametrize("error", EXCEPTIONS)
@pytest.mark.parametrize("option", OPTIONS)
def test_a_function_that_raises_costs_neither_the_message_nor_a_token(
    servers: tuple[OAuth2Provider, DemoApi],
    platform: Platform,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    error: str,
    run: Run,
) -> None:
    """It is as if the option were missing, but for the log, which has the author's error, line and no token."""
    provider, api = servers
    keys = provider.issue(expired=option != "expired")
    if option == "expired":
        api.script("/me", Fault(status=403, body={"error": "no"}))
    if option == "dead":
        provider.script("/token", Fault(status=400, body={"error": "invalid_grant"}))
    put(tmp_path, provider, api, option, error)
    redactor = Redactor()
    with configure(20, redactor, stream=sys.stdout, as_json=True):
        answer = run(tmp_path, platform, {"oauth": dict(keys)}, redactor)
    if option == "dead":
        assert "invalid_grant" in json.dumps(answer)
        assert provider.refreshes == 0
    else:
        assert answer == {"status": 403 if option == "expired" else 200}
        assert provider.refreshes == (0 if option == "expired" else 1)
    assert len(provider.token_requests) == (0 if option == "expired" else 1)
    text = capsys.readouterr().out
    (record,) = [each for each in map(json.loads, text.splitlines()) if "my own text" in str(each)]
    assert record["err"]["name"] == error
    assert "go.py" in record["err"]["stack"]
    assert "in my_function" in record["err"]["stack"]
    assert str(keys["refresh_token"]) not in text
    assert option in record["msg"]
