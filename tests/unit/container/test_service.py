"""Service calls within this process: which result comes of what a component does, and of what the platform sets."""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shipmate.container import service
from shipmate.container.service import Service
from shipmate.container.service_result import Result
from shipmate.container.startup import Installation
from shipmate.emulator import DemoApi, Fault, OAuth2Provider, Platform
from shipmate.logs.log import Redactor
from shipmate.oauth2 import refresh_flow

Answer = Callable[..., Result]


@pytest.fixture
def process_state() -> Iterator[None]:
    """Leave logging and the import path as they were."""
    root, make = logging.getLogger(), logging.getLogRecordFactory()
    before = root.level, root.handlers[:]
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    logging.setLogRecordFactory(make)


def put(root: Path, code: str = "", verifier: str | None = None, **credentials: Any) -> None:
    """Write a component whose action ``go`` has this code."""
    (root / "go.py").write_text(code)
    actions = {"go": {"title": "Go", "main": "./go.py"}}
    (root / "component.json").write_text(
        json.dumps({"title": "Test", "actions": actions, "credentials": credentials or {}})
    )
    if verifier is not None:
        (root / "verify_credentials.py").write_text(verifier)


def environ(platform: Platform, cfg: Any, **more: str | None) -> dict[str, str]:
    """Return what the platform sets for a call; None takes a variable away."""
    given = {
        **platform.environ(),
        "ELASTICIO_POST_RESULT_URL": platform.result_url,
        "ELASTICIO_CFG": cfg if isinstance(cfg, str) else json.dumps(cfg),
        "ELASTICIO_ACTION_OR_TRIGGER": "go",
        "ELASTICIO_GET_MODEL_METHOD": "kinds",
        **more,
    }
    return {name: value for name, value in given.items() if value is not None}


@pytest.fixture
def answer(platform: Platform, tmp_path: Path) -> Answer:
    """Returns the result of a method for the component in ``tmp_path``."""

    def ask(method: str, cfg: Any = "{}", **more: str | None) -> Result:
        return Service(method, Installation(tmp_path, environ(platform, cfg, **more), Redactor())).answer()

    return ask


def error(text: str) -> Result:
    """Return the result that tells of an error."""
    return Result("error", {"message": text})


def test_variables_are_missed_in_the_order_of_the_platform(answer: Answer, tmp_path: Path) -> None:
    """Contract 10.1: with all of them missing, the first one is named, and so on."""
    put(tmp_path, "def kinds(context, cfg):\n    return {}\n")
    names = ["CFG", "API_URI", "API_USERNAME", "API_KEY", "ACTION_OR_TRIGGER", "GET_MODEL_METHOD"]
    for count in range(len(names), 0, -1):
        missing = {f"ELASTICIO_{name}": None for name in names[-count:]}
        assert answer("selectModel", **missing) == error(f"ELASTICIO_{names[-count]} is not provided")
    assert answer("selectModel") == Result("success", {})


@pytest.mark.parametrize("method", ["verifyCredentials", "getMetaModel"])
def test_a_method_needs_no_variables_of_others(answer: Answer, tmp_path: Path, method: str) -> None:
    """Contract 10.1: only selectModel has a model, and credentials belong to no function."""
    put(tmp_path, "def get_meta_model(context, cfg):\n    return {}\n")
    more = {"ELASTICIO_ACTION_OR_TRIGGER": None} if method == "verifyCredentials" else {}
    assert answer(method, **more, ELASTICIO_GET_MODEL_METHOD=None).status == "success"


def test_the_method_is_looked_at_before_anything_else(answer: Answer) -> None:
    """Contract 10.1."""
    result = answer("verify", "")
    assert result == error('Unknown service method "verify"')


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ("{", "Unable to parse CFG"),
        ('{"a": NaN}', "Unable to parse CFG"),
        ("[" * 100_000, "Unable to parse CFG"),
        ("[1]", "Unable to parse CFG: expected a JSON object, found list"),
        ('"s3cret"', "Unable to parse CFG: expected a JSON object, found str"),
    ],
)
def test_a_cfg_that_is_no_json_object_is_named_and_not_shown(
    answer: Answer, caplog: pytest.LogCaptureFixture, cfg: str, message: str
) -> None:
    """It has credentials in it."""
    assert answer("getMetaModel", cfg) == error(message)
    assert "s3cret" not in caplog.text


def test_a_missing_descriptor_is_an_error_of_every_method(answer: Answer, tmp_path: Path) -> None:
    """Without it nobody knows what the component is, whatever its verifier says."""
    for method in ("verifyCredentials", "getMetaModel", "selectModel"):
        result = answer(method)
        assert result.status == "error"
        assert result.data["message"].startswith(f"Failed to load component.json from {tmp_path}: ")


@pytest.mark.parametrize("name", ["get_meta_model", "getMetaModel"])
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_metadata_comes_from_either_spelling_plain_or_async(
    answer: Answer, tmp_path: Path, name: str, kind: str
) -> None:
    """Authors who come from Node are not surprised."""
    put(tmp_path, f"{kind} {name}(context, cfg):\n    return {{'in': cfg, 'out': {{}}}}\n")
    assert answer("getMetaModel", {"a": 1}) == Result("success", {"in": {"a": 1}, "out": {}})


@pytest.mark.parametrize("value", ["None", "[]", "0", "''", "{}", "False"])
def test_a_model_may_answer_anything_that_is_json(answer: Answer, tmp_path: Path, value: str) -> None:
    """What is empty is an answer too; only nothing at all is left out."""
    put(tmp_path, f"def kinds(context, cfg):\n    return {value}\n")
    result = answer("selectModel")
    assert json.loads(result.encoded()) == {
        "status": "success",
        **({} if value == "None" else {"data": eval(value)}),  # noqa: S307 - our own literals
    }


@pytest.mark.parametrize("value", ["object()", "{1, 2}", "10**5000", "(each for each in ())", "[b'x']"])
def test_an_answer_that_is_no_json_is_an_error_that_can_be_posted(answer: Answer, tmp_path: Path, value: str) -> None:
    """A result that cannot be written must not be found out only when it is posted."""
    put(tmp_path, f"def kinds(context, cfg):\n    return {value}\n")
    result = answer("selectModel")
    assert result.status == "error"
    assert json.loads(result.encoded())["data"]["message"]


@pytest.mark.parametrize(
    ("method", "name"), [("selectModel", "kinds"), ("selectModel", "_hidden"), ("getMetaModel", "getMetaModel")]
)
def test_a_function_that_does_not_exist_is_named_as_the_platform_knows_it(
    answer: Answer, tmp_path: Path, method: str, name: str
) -> None:
    """Contract 10.2; what begins with an underscore is not for the platform."""
    put(tmp_path, "def _hidden(context, cfg):\n    return {}\n")
    result = answer(method, ELASTICIO_GET_MODEL_METHOD=name)
    assert result == error(f'Method "{name}" is not found in "go" action or trigger')


def test_a_module_that_does_not_import_is_an_error_that_says_where(answer: Answer, tmp_path: Path) -> None:
    """One line, without a traceback."""
    put(tmp_path, "import no_such_module\n")
    message = answer("getMetaModel").data["message"]
    assert "No module named 'no_such_module' (go.py:1)" in message
    assert "\n" not in message


@pytest.mark.parametrize("raised", ["SystemExit(3)", "KeyboardInterrupt()", "ValueError('boom')"])
@pytest.mark.parametrize("method", ["verifyCredentials", "getMetaModel"])
def test_nothing_that_a_component_raises_ends_the_call_without_a_result(
    answer: Answer, tmp_path: Path, method: str, raised: str
) -> None:
    """Contract 10.2: the platform waits for one."""
    code = f"(context, cfg):\n    raise {raised}\n"
    put(tmp_path, f"def get_meta_model{code}", verifier=f"def verify_credentials{code}")
    result = answer(method)
    assert result.status == "error" or result.data["verified"] is False


def test_secrets_are_taken_out_of_what_is_posted_and_logged(
    answer: Answer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An author's exception may have the whole configuration in it."""
    code = "(context, cfg):\n    raise ValueError(f'refused: {cfg}')\n"
    put(
        tmp_path,
        f"def get_meta_model{code}",
        verifier=f"def verify_credentials{code}",
        fields={"pin": {"label": "PIN", "viewClass": "PasswordFieldView"}},
    )
    cfg = {"pin": "9876543210", "oauth": {"access_token": "tok-abcdefg"}, "url": "visible"}
    with caplog.at_level(1):
        texts = [json.dumps(answer(method, cfg).data) for method in ("verifyCredentials", "getMetaModel")]
    for text in texts:
        assert "visible" in text
        assert "9876543210" not in text
        assert "tok-abcdefg" not in text


EMITS = {
    "plain": "def get_meta_model(context, cfg):\n    context.emit('updateKeys', {'oauth': {'access_token': 'n'}})\n",
    "awaited": (
        "async def get_meta_model(context, cfg):\n"
        "    await context.emit('updateKeys', {'oauth': {'access_token': 'n'}})\n"
    ),
    "not awaited": (
        "async def get_meta_model(context, cfg):\n    context.emit('updateKeys', {'oauth': {'access_token': 'n'}})\n"
    ),
}


@pytest.mark.parametrize("code", EMITS.values(), ids=EMITS)
@pytest.mark.parametrize("end", ["return 'done'", "raise ValueError('boom')"])
class TestKeysOfFunctions:
    """What functions emit by themselves. Source: contract 10.4."""

    def test_they_are_saved_before_there_is_a_result(
        self, answer: Answer, platform: Platform, tmp_path: Path, code: str, end: str
    ) -> None:
        """Also when the method fails: DEF-28."""
        put(tmp_path, f"{code}    {end}\n")
        result = answer("getMetaModel", {"_account": "account"})
        assert platform.accounts["account"] == {"oauth": {"access_token": "n"}}
        assert result == (Result("success", "done") if end.startswith("return") else error("boom"))

    @pytest.mark.parametrize("cfg", [{"_account": "account"}, {}], ids=["refused", "no account"])
    def test_a_failure_to_save_them_is_logged_and_changes_no_result(
        self,
        answer: Answer,
        platform: Platform,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
        cfg: Mapping[str, Any],
        code: str,
        end: str,
    ) -> None:
        """The person before the screen asked for something else."""
        platform.script("/v1/accounts/account", Fault(status=403), times=9)
        put(tmp_path, f"{code}    {end}\n")
        result = answer("getMetaModel", cfg)
        assert result == (Result("success", "done") if end.startswith("return") else error("boom"))
        assert "new keys could not be saved" in [record.getMessage() for record in caplog.records]


def test_a_failure_to_save_keys_leaves_the_verdict_as_it_is(answer: Answer, platform: Platform, tmp_path: Path) -> None:
    """Contract 10.4, in verifyCredentials likewise."""
    platform.script("/v1/accounts/account", Fault(status=403))
    put(
        tmp_path,
        verifier=(
            "def verify_credentials(context, cfg):\n"
            "    context.emit('updateKeys', {'a': 1})\n"
            "    return {'verified': True}\n"
        ),
    )
    assert answer("verifyCredentials", {"_account": "account"}) == Result("success", {"verified": True})


@pytest.mark.parametrize("given", ["cfg", "{'oauth': cfg['oauth']}"], ids=["the cfg", "a part of it"])
def test_a_request_is_not_sent_with_refreshed_keys_that_are_not_saved(
    answer: Answer, platform: Platform, tmp_path: Path, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They end with the process, so nobody may be told that the credentials are good."""
    monkeypatch.setattr(refresh_flow, "_FIRST_PAUSE_SECONDS", 0)
    with OAuth2Provider({"id": "secret"}) as provider, DemoApi(provider) as api:
        platform.script("/v1/accounts/account", Fault(status=403), times=9)
        put(
            tmp_path,
            verifier=f"def verify_credentials(context, cfg):\n"
            f"    return {{'verified': context.oauth2({given}).get({api.url + '/me'!r}).ok}}\n",
            oauth2={"token_uri": provider.token_url, "client_id": "id", "client_secret": "secret"},
        )
        result = answer("verifyCredentials", {"_account": "account", "oauth": provider.issue(expired=True)})
        assert result.data["verified"] is False
        assert [each.status for each in api.requests] == [401]


class TestRun:
    """The whole call: result, post, status."""

    @pytest.fixture(autouse=True)
    def signals(self, process_state: None) -> Iterator[None]:
        """Hold that the handlers of signals are as before."""
        before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
        yield
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before

    def test_a_result_is_posted_once_and_ends_with_zero(self, platform: Platform, tmp_path: Path) -> None:
        """Contract 1.7."""
        put(tmp_path, "def kinds(context, cfg):\n    return {'a': 'A'}\n")
        assert service.run("selectModel", environ(platform, {}), tmp_path) == 0
        assert platform.results == [{"status": "success", "data": {"a": "A"}}]

    @pytest.mark.parametrize("path", ["/part", "part", "./part/"])
    def test_the_component_is_found_below_the_current_folder(
        self, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        """Contract 2.4: a leading slash does not make the path absolute."""
        (tmp_path / "part").mkdir()
        put(tmp_path / "part", "def kinds(context, cfg):\n    return 1\n")
        monkeypatch.chdir(tmp_path)
        assert service.run("selectModel", environ(platform, {}, ELASTICIO_COMPONENT_PATH=path), None) == 0
        assert platform.results == [{"status": "success", "data": 1}]

    @pytest.mark.parametrize(
        "faults",
        [[Fault(status=404)], [Fault(redirect="/elsewhere")], [Fault(drop="before")] * 3, [Fault(status=429)] * 3],
        ids=["refused", "redirected", "dropped", "busy"],
    )
    def test_a_result_that_nobody_takes_is_one_line_and_one(
        self, platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str], faults: list[Fault]
    ) -> None:
        """Contract 10.3: one round of attempts, and no redirect is followed."""
        put(tmp_path)
        platform.script("/results/1", *faults)
        more = {"ELASTICIO_API_REQUEST_RETRY_DELAY": "1"}
        assert service.run("verifyCredentials", environ(platform, {}, **more), tmp_path) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("Error: the result could not be delivered: POST /results/1 of the platform")
        assert platform.key not in line
        assert [each.path for each in platform.requests] == ["/results/1"] * len(faults)
        assert platform.results == []

    def test_a_late_answer_is_not_posted_after_the_error(self, platform: Platform, tmp_path: Path) -> None:
        """There is one result, whenever the function ends."""
        put(tmp_path, "import go_on\ndef kinds(context, cfg):\n    go_on.event.wait()\n    return 1\n")
        (tmp_path / "go_on.py").write_text("import threading\nevent = threading.Event()\n")
        released = threading.Event()

        def release() -> None:
            platform.journal.wait_for(1)
            sys.modules.pop("go_on").event.set()
            released.set()

        releaser = threading.Thread(target=release)
        releaser.start()
        platform.script("/results/1", Fault(hold=released))
        more = {"SHIPMATE_SERVICE_TIMEOUT_SECONDS": "1"}
        assert service.run("selectModel", environ(platform, {}, **more), tmp_path) == 0
        releaser.join()
        message = "selectModel did not answer within 1 seconds"
        assert platform.results == [{"status": "error", "data": {"message": message}}]

    @pytest.mark.parametrize(
        ("variables", "seconds"),
        [
            ({}, 300),
            ({"SCHEDULED_EXECUTION_TIMEOUT": "720"}, 720),
            ({"SCHEDULED_EXECUTION_TIMEOUT": "720", "SHIPMATE_SERVICE_TIMEOUT_SECONDS": "5"}, 5),
            ({"SCHEDULED_EXECUTION_TIMEOUT": "60", "SHIPMATE_SERVICE_TIMEOUT_SECONDS": "0"}, 60),
            ({"SCHEDULED_EXECUTION_TIMEOUT": "-1"}, 300),
        ],
    )
    def test_a_method_may_take_as_long_as_the_platform_waits(self, variables: dict[str, str], seconds: int) -> None:
        """The platform can give a component more than its usual time; the variable of the runtime wins."""
        assert service._limit_seconds(variables) == seconds

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_the_wait_for_a_slow_address(
        self, platform: Platform, tmp_path: Path, number: signal.Signals
    ) -> None:
        """Nobody waits for the result any more."""
        put(tmp_path)
        never = threading.Event()
        platform.script("/results/1", Fault(hold=never))

        def stop() -> None:
            platform.journal.wait_for(1)
            os.kill(os.getpid(), number)

        stopper = threading.Thread(target=stop)
        stopper.start()
        try:
            assert service.run("verifyCredentials", environ(platform, {}), tmp_path) == 128 + number
        finally:
            never.set()
            stopper.join()
