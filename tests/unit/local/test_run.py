"""Local runs: the same executor as in the container, with keys in a file and events as lines."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from shipmate.component import load
from shipmate.emulator import OAuth2Provider
from shipmate.errors import FunctionNotFound, MissingSetting
from shipmate.local import run as local
from shipmate.local.run import LocalRun
from shipmate.logs.redaction import Redactor

MESSAGE = {"headers": {}, "body": {"n": 1}}


def put(root: Path, code: str, *, credentials: Any = None, **members: Any) -> None:
    """Write a component whose action ``go`` has this code."""
    (root / "go.py").write_text(code)
    descriptor: dict[str, Any] = {
        "title": "Test",
        "description": "d",
        "actions": {"go": {"title": "Go", "main": "./go.py", **members}},
    }
    if credentials is not None:
        descriptor["credentials"] = credentials
    (root / "component.json").write_text(json.dumps(descriptor))


def run(root: Path, cfg: Mapping[str, Any] | None = None, *, keys_file: Path | None = None, **options: Any) -> LocalRun:
    """Return the component in ``root``, ready to be called."""
    return LocalRun(load(root), cfg or {}, keys_file=keys_file, environ={}, redactor=Redactor(), **options)


def execute(root: Path, work: LocalRun | None = None, snapshot: Any = None) -> tuple[int, list[Mapping[str, Any]]]:
    """Run ``go``; return the number of errors and the lines."""
    lines: list[Mapping[str, Any]] = []
    errors = (work or run(root)).exec(load(root).function("go"), MESSAGE, snapshot or {}, write_line=lines.append)
    return errors, lines


class TestExec:
    def test_events_are_lines_in_order(self, tmp_path: Path) -> None:
        put(
            tmp_path,
            "def process(context, msg, cfg, snapshot):\n"
            "    context.emit('snapshot', snapshot)\n"
            "    return {'body': [msg, cfg, dict(context.flow_variables)]}\n",
        )
        work = run(tmp_path, {"k": "v"}, flow_variables={"a": "b"})
        assert execute(tmp_path, work, snapshot={"s": 1}) == (
            0,
            [
                {"event": "snapshot", "value": {"s": 1}},
                {"event": "data", "value": {"body": [MESSAGE, {"k": "v"}, {"a": "b"}]}},
            ],
        )

    def test_init_runs_first_with_a_cfg_of_its_own(self, tmp_path: Path) -> None:
        put(
            tmp_path,
            "seen = []\n"
            "async def init(cfg):\n    seen.append('init'); cfg['k'] = 'changed'\n"
            "def process(context, msg, cfg, snapshot):\n    return {'body': [*seen, cfg]}\n",
        )
        assert execute(tmp_path, run(tmp_path, {"k": "v"}))[1][0]["value"] == {"body": ["init", {"k": "v"}]}

    @pytest.mark.parametrize(
        ("code", "name"),
        [
            ("def process(context, msg, cfg, snapshot):\n    raise ValueError('boom')\n", "ValueError"),
            ("raise ValueError('boom')\n", "ModuleNotLoadable"),
            ("raise SystemExit(0)\n", "ModuleNotLoadable"),
            ("x = 1\n", "FunctionNotFound"),
            (
                "def init(cfg):\n    raise SystemExit('boom')\ndef process(context, msg, cfg, snapshot): pass\n",
                "SystemExit",
            ),
        ],
    )
    def test_a_failure_is_one_error_event_and_one_line_in_the_log(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, code: str, name: str
    ) -> None:
        put(tmp_path, code)
        with caplog.at_level(logging.INFO):
            errors, lines = execute(tmp_path)
        assert (errors, [line["event"] for line in lines]) == (1, ["error"])
        assert lines[0]["value"]["name"] == name
        assert len(caplog.records) == 1
        assert "\n" not in caplog.records[0].getMessage()

    def test_a_failure_that_cannot_be_printed_is_in_the_log(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        def refuse(_: object) -> None:
            raise OSError("disk full")

        put(tmp_path, "raise ValueError('boom')\n")
        errors = run(tmp_path).exec(load(tmp_path).function("go"), MESSAGE, {}, write_line=refuse)
        assert (errors, "boom" in caplog.text, "disk full" in caplog.text) == (1, True, True)

    def test_secrets_are_removed_from_a_failure_at_import(self, tmp_path: Path) -> None:
        put(tmp_path, "raise ValueError('bad key: s3cret-key')\n")
        lines = execute(tmp_path, run(tmp_path, {"api_key": "s3cret-key"}))[1]
        assert "s3cret-key" not in json.dumps(lines)

    def test_new_keys_are_in_the_file_when_their_line_is_written(self, tmp_path: Path) -> None:
        keys_file = tmp_path / "cfg.json"
        keys_file.write_text('{"_account": 7}')
        put(tmp_path, "def process(context, msg, cfg, snapshot):\n    context.emit('updateKeys', {'oauth': 1})\n")
        seen = []
        run(tmp_path, {"_account": 7}, keys_file=keys_file).exec(
            load(tmp_path).function("go"),
            MESSAGE,
            {},
            write_line=lambda line: seen.append((line["event"], json.loads(keys_file.read_text()))),
        )
        assert seen == [("updateKeys", {"_account": 7, "oauth": 1})]

    def test_a_dead_refresh_token_is_told_without_a_wait(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The lock of the file keeps other processes out, so none can have spent the token without saving its keys."""
        caplog.set_level("INFO", logger="shipmate.oauth2")
        put(tmp_path, "def process(context, msg, cfg, snapshot):\n    context.oauth2(cfg).get('http://127.0.0.1:1/')\n")
        cfg_file = tmp_path / "cfg.json"
        with OAuth2Provider() as provider:
            cfg = {"oauth": {"refresh_token": "dead"}}
            cfg_file.write_text(json.dumps(cfg))
            descriptor = json.loads((tmp_path / "component.json").read_text())
            client = {"client_id": "demo-client", "client_secret": "demo-secret"}
            descriptor["credentials"] = {
                "fields": {"oauth": {"label": "OAuth", "viewClass": "OAuthFieldView"}},
                "oauth2": {"auth_uri": provider.authorize_url, "token_uri": provider.token_url, **client},
            }
            (tmp_path / "component.json").write_text(json.dumps(descriptor))
            errors, lines = execute(tmp_path, run(tmp_path, cfg, keys_file=cfg_file))
        assert errors == 1
        assert "invalid_grant" in str(lines)
        assert "another process" not in caplog.text

    def test_no_refresh_starts_after_a_drain(self, tmp_path: Path) -> None:
        put(
            tmp_path,
            "def process(context, msg, cfg, snapshot):\n    context.oauth2(cfg).get('http://127.0.0.1:9')\n",
            credentials={"oauth2": {"client_id": "c", "client_secret": "s", "token_uri": "http://127.0.0.1:9/token"}},
        )
        work = run(tmp_path, {"oauth": {"refresh_token": "r"}})
        work.drain(1)
        (line,) = execute(tmp_path, work)[1]
        assert line["value"]["name"] == "TokenEndpointUnavailable"
        assert "the process is stopping" in line["value"]["message"]

    def test_the_platform_is_asked_for_only_when_it_is_needed(self, tmp_path: Path) -> None:
        put(tmp_path, "def process(context, msg, cfg, snapshot):\n    context.api\n")
        lines = execute(tmp_path)[1]
        assert lines[0]["value"]["name"] == MissingSetting.__name__


class TestCall:
    def test_the_answer_of_a_model_is_returned(self, tmp_path: Path) -> None:
        put(tmp_path, "def process(c, m, g, s): pass\ndef kinds(context, cfg):\n    return {'a': cfg['b']}\n")
        answer = run(tmp_path, {"b": 1}).call(load(tmp_path).function("go"), "kinds")
        assert (answer.value, answer.is_success) == ({"a": 1}, True)

    @pytest.mark.parametrize("failure", ["ValueError('boom')", "SystemExit(0)"])
    def test_a_failure_is_the_answer(self, tmp_path: Path, failure: str) -> None:
        put(tmp_path, f"def process(c, m, g, s): pass\ndef kinds(context, cfg):\n    raise {failure}\n")
        answer = run(tmp_path).call(load(tmp_path).function("go"), "kinds")
        assert (answer.value["error"]["name"], answer.is_success) == (failure.split("(")[0], False)

    def test_a_model_that_does_not_exist_is_wrong_usage(self, tmp_path: Path) -> None:
        put(tmp_path, "def process(c, m, g, s): pass\ndef kinds(context, cfg): pass\n")
        with pytest.raises(FunctionNotFound, match="kinds"):
            run(tmp_path).call(load(tmp_path).function("go"), "nope")

    def test_keys_are_saved_without_a_line(self, tmp_path: Path) -> None:
        keys_file = tmp_path / "cfg.json"
        keys_file.write_text("{}")
        put(
            tmp_path,
            "def process(c, m, g, s): pass\n"
            "def kinds(context, cfg):\n    context.emit('updateKeys', {'oauth': 1})\n    return {}\n",
        )
        answer = run(tmp_path, keys_file=keys_file).call(load(tmp_path).function("go"), "kinds")
        assert (answer.value, json.loads(keys_file.read_text())) == ({}, {"oauth": 1})


class TestVerify:
    @pytest.mark.parametrize(
        ("code", "verdict"),
        [
            (None, {"verified": True}),
            ("def verify_credentials(context, credentials):\n    return {'verified': False}\n", {"verified": False}),
            (
                "def verify_credentials(context, credentials):\n    raise ValueError('no')\n",
                {"verified": False, "reason": "no"},
            ),
        ],
    )
    def test_the_verdict_is_the_answer(self, tmp_path: Path, code: str | None, verdict: dict[str, Any]) -> None:
        put(tmp_path, "def process(c, m, g, s): pass\n")
        if code is not None:
            (tmp_path / "verify_credentials.py").write_text(code)
        answer = run(tmp_path).verify()
        assert (answer.value, answer.is_success) == (verdict, verdict["verified"])

    def test_a_check_that_does_not_load_verifies_nothing(self, tmp_path: Path) -> None:
        put(tmp_path, "def process(c, m, g, s): pass\n")
        (tmp_path / "verify_credentials.py").write_text("raise ValueError('boom')\n")
        answer = run(tmp_path).verify()
        assert (answer.value["verified"], answer.is_success) == (False, False)
        assert "boom" in answer.value["reason"]


def test_the_redactor_learns_the_secrets_of_cfg_and_environment(tmp_path: Path) -> None:
    fields = {
        "pin": {"label": "PIN", "viewClass": "PasswordFieldView"},
        "login": {"label": "Login", "viewClass": "OAuthFieldView"},
        "plain": {"label": "Plain", "viewClass": "TextFieldView"},
    }
    put(tmp_path, "", credentials={"fields": fields})
    redactor = Redactor()
    local.register_secrets(
        redactor,
        load(tmp_path),
        {
            "pin": "1234567",
            "login": {"access_token": "acc-123456", "token_type": "Bearer"},
            "oauth": {"refresh_token": "ref-123456"},
            "plain": "harmless",
            "api_key": "key-123456",
        },
        {
            "CRM_SECRET": "env-123456",
            "ELASTICIO_AMQP_URI": "amqp://u:pw-123456@host",
            "LANG": "C.UTF-8 harmless",
            "PWD": "/folder",
        },
    )
    text = redactor.redact(
        "1234567 acc-123456 ref-123456 key-123456 env-123456 amqp://u:pw-123456@host /folder harmless Bearer"
    )
    assert text == "*** *** *** *** *** *** /folder harmless Bearer"
