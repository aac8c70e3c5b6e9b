"""Service mode: what is posted for what a function does, and the status that the process ends with."""

import json
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shipmate.container.service import Result, ResultEndpoint, Service
from shipmate.container.startup import Installation
from shipmate.emulator import DemoApi, Fault, OAuth2Provider, Platform
from shipmate.logs.log import Redactor
from tests.container import COMPONENT, SECONDS, Container

NEEDED = ("API_URI", "API_USERNAME", "API_KEY", "CFG", "ACTION_OR_TRIGGER", "GET_MODEL_METHOD")
Ask = Callable[..., Container]


def environ(platform: Platform, cfg: Any, **more: str | None) -> dict[str, str]:
    """Return what the platform sets for a call; None takes a variable away."""
    given = {
        **platform.environ(),
        "ELASTICIO_POST_RESULT_URL": platform.result_url,
        "ELASTICIO_CFG": cfg if isinstance(cfg, str) else json.dumps(cfg),
        "ELASTICIO_ACTION_OR_TRIGGER": "asked",
        "ELASTICIO_GET_MODEL_METHOD": "objects",
        **{f"ELASTICIO_{name}" if name.isupper() and name in NEEDED else name: value for name, value in more.items()},
    }
    return {name: value for name, value in given.items() if value is not None}


@pytest.fixture
def ask(platform: Platform) -> Iterator[Ask]:
    """Starts the command as the platform does."""
    started: list[Container] = []

    def start(method: str, cfg: Any = "{}", **more: str | None) -> Container:
        started.append(Container(environ(platform, cfg, **more), command=("service", method)))
        return started[-1]

    yield start
    for container in started:
        container.close()


def answered(platform: Platform, method: str, cfg: Any, folder: Path = COMPONENT, **more: str | None) -> Result:
    """Return the answer without a process."""
    return Service(method, Installation(folder, environ(platform, cfg, **more), Redactor())).answer()


@pytest.mark.parametrize(
    ("cfg", "data"),
    [
        ({}, {"verified": True}),
        ({"return": 7}, {"verified": True}),
        ({"return": {}}, {"verified": True}),
        ({"return": False}, {"verified": False, "reason": "verify_credentials returned False"}),
        ({"return": {"verified": True, "more": 1}}, {"verified": True, "more": 1}),
        ({"return": {"verified": False, "reason": "no"}}, {"verified": False, "reason": "no"}),
        ({"do": "raise"}, {"verified": False, "reason": "wrong password"}),
        ({"do": "exit"}, {"verified": False, "reason": "The component called sys.exit(1)"}),
    ],
)
def test_the_verdict_is_what_the_function_says(platform: Platform, cfg: Mapping[str, Any], data: Any) -> None:
    """Contract 10.2, 17.13: the mapping of results, without DEF-16."""
    assert answered(platform, "verifyCredentials", cfg) == Result("success", data)


def test_a_component_without_a_verifier_is_verified(platform: Platform, tmp_path: Path) -> None:
    """Contract 10.2: nothing to check."""
    (tmp_path / "component.json").write_text('{"title": "t", "actions": {}}')
    assert answered(platform, "verifyCredentials", {}, tmp_path) == Result("success", {"verified": True})


@pytest.mark.parametrize("broken", ["raise ValueError('at import')", "def verify(): ...", "not Python"])
def test_a_verifier_that_is_broken_verifies_nothing(platform: Platform, tmp_path: Path, broken: str) -> None:
    """Contract 15, DEF-16."""
    (tmp_path / "component.json").write_text('{"title": "t", "actions": {}}')
    (tmp_path / "verify_credentials.py").write_text(broken)
    result = answered(platform, "verifyCredentials", {}, tmp_path)
    assert result.status == "success"
    assert result.data["verified"] is False
    assert "verify_credentials.py" in result.data["reason"]


@pytest.mark.parametrize(
    ("method", "cfg", "data"),
    [
        ("getMetaModel", {"answer": {"in": {}, "out": {}}}, {"in": {}, "out": {}}),
        ("getMetaModel", {"answer": False}, False),
        ("selectModel", {}, {"a": "Account", "c": "Contact"}),
    ],
)
def test_the_data_is_what_a_model_answers(platform: Platform, method: str, cfg: Any, data: Any) -> None:
    """Contract 10.2: as it is, also from an async function."""
    assert answered(platform, method, cfg) == Result("success", data)


def test_an_answer_of_nothing_leaves_data_out() -> None:
    """Contract 10.3."""
    assert Result("success").encoded() == b'{"status":"success"}'


@pytest.mark.parametrize(
    ("method", "cfg", "more", "message"),
    [
        ("getMetaModel", {"fail": "no such object"}, {}, "no such object"),
        ("getMetaModel", {"exit": True}, {}, "The component called sys.exit(3)"),
        (
            "getMetaModel",
            {},
            {"ACTION_OR_TRIGGER": "silent"},
            'Method "getMetaModel" is not found in "silent" action or',
        ),
        ("selectModel", {}, {"GET_MODEL_METHOD": "none"}, 'Method "none" is not found in "asked" action or trigger'),
        ("selectModel", {}, {"ACTION_OR_TRIGGER": "unknown"}, "'unknown'"),
        ("selectModel", {}, {"GET_MODEL_METHOD": None}, "ELASTICIO_GET_MODEL_METHOD is not provided"),
        ("getMetaModel", {}, {"ACTION_OR_TRIGGER": ""}, "ELASTICIO_ACTION_OR_TRIGGER is not provided"),
        ("getMetaModel", {}, {"API_KEY": None}, "ELASTICIO_API_KEY is not provided"),
        ("getMetaModel", "", {}, "ELASTICIO_CFG is not provided"),
        ("getMetaModel", "{", {}, "Unable to parse CFG"),
        ("verifyCredentials", "[]", {}, "Unable to parse CFG"),
        ("getmetamodel", {}, {}, 'Unknown service method "getmetamodel"'),
    ],
)
def test_what_goes_wrong_is_posted_as_an_error(
    platform: Platform, method: str, cfg: Any, more: Mapping[str, str | None], message: str
) -> None:
    """Contract 10.1, 10.2, 17.13: one clear message, and a status that says that it was delivered."""
    result = answered(platform, method, cfg, **more)
    assert result.status == "error"
    assert message in result.data["message"]


def test_a_result_is_posted_with_the_credentials_of_its_address(ask: Ask, platform: Platform) -> None:
    """Contract 10.3, without J-6: user and password are decoded, sent as a header, and nowhere else."""
    platform.username, platform.key = "us@er", "p:w+ %"
    container = ask("verifyCredentials", {"return": {"verified": True}})
    assert container.wait() == 0
    assert platform.results == [{"status": "success", "data": {"verified": True}}]
    (posted,) = [each for each in platform.journal.requests if each.path.startswith("/results")]
    assert posted.status == 200
    assert "p:w+" not in container.output
    assert "p%3Aw" not in container.output


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://us%40er:p%3Aw@host/res/1", ResultEndpoint("http://host/res/1", "us@er", "p:w")),
        ("http://user:pass+word@host:8080/", ResultEndpoint("http://host:8080/", "user", "pass+word")),
        ("http://user@host/res", ResultEndpoint("http://host/res", "user", "")),
        ("https://host/res?a=b", ResultEndpoint("https://host/res?a=b")),
    ],
)
def test_an_address_is_taken_apart(url: str, place: ResultEndpoint) -> None:
    """Contract 10.3."""
    assert ResultEndpoint.from_environ({"ELASTICIO_POST_RESULT_URL": url}) == place
    assert "p:w" not in repr(place)


def test_a_result_that_is_not_taken_is_tried_again_and_then_given_up(ask: Ask, platform: Platform) -> None:
    """Contract 10.3: one round, as many attempts as the setting says, and status 1."""
    platform.script("/results/1", *[Fault(status=503)] * 5)
    container = ask(
        "verifyCredentials",
        ELASTICIO_API_REQUEST_RETRY_ATTEMPTS="3",
        ELASTICIO_API_REQUEST_RETRY_DELAY="1",
    )
    assert container.wait() == 1
    assert len([each for each in platform.journal.requests if each.path == "/results/1"]) == 3
    assert "Error: the result could not be delivered: POST /results/1" in container.output
    assert platform.key not in container.output


def test_a_result_that_is_taken_at_the_second_attempt_is_delivered(ask: Ask, platform: Platform) -> None:
    """Any success counts, not only 200."""
    platform.script("/results/1", Fault(status=500), Fault(status=201))
    assert ask("verifyCredentials", ELASTICIO_API_REQUEST_RETRY_DELAY="1").wait() == 0


@pytest.mark.parametrize("url", [None, "", "no address"])
def test_without_an_address_there_is_one_line_and_status_one(ask: Ask, url: str | None) -> None:
    """Contract 10.1."""
    container = ask("verifyCredentials", ELASTICIO_POST_RESULT_URL=url)
    assert container.wait() == 1
    (record,) = container.records
    assert len(container.lines) == 1
    assert (record["name"], record["level"]) == ("sailor", 60)
    assert record["msg"].startswith("ELASTICIO_POST_RESULT_URL")


def test_wrong_levels_of_loggers_end_the_call_with_status_one(ask: Ask, platform: Platform) -> None:
    """One line in the log, and no result."""
    container = ask("verifyCredentials", SHIPMATE_LOG_LEVELS="a=b")
    assert container.wait() == 1
    (record,) = container.records
    assert record["err"]["code"] == "bad_setting"
    assert platform.results == []


def test_an_error_is_delivered_with_status_zero(ask: Ask, platform: Platform) -> None:
    """Contract 1.7: the result was delivered."""
    assert ask("noSuchMethod").wait() == 0
    assert platform.results[0]["status"] == "error"


def test_a_function_that_never_answers_is_an_error_in_time(ask: Ask, platform: Platform) -> None:
    """Contract 15, DEF-17."""
    container = ask("getMetaModel", {"hang": True}, SHIPMATE_SERVICE_TIMEOUT_SECONDS="1")
    assert container.wait() == 0
    (result,) = platform.results
    assert result == {"status": "error", "data": {"message": "getMetaModel did not answer within 1 seconds"}}


@pytest.mark.parametrize("fail", [None, "it failed"])
def test_keys_are_saved_before_the_answer_is_posted(ask: Ask, platform: Platform, fail: str | None) -> None:
    """Contract 10.4, without DEF-28: also when the method fails."""
    cfg = {"_account": "account", "new_keys": {"oauth": {"access_token": "fresh-token"}}, "fail": fail, "answer": 1}
    assert ask("getMetaModel", cfg).wait() == 0
    assert platform.accounts["account"] == {"oauth": {"access_token": "fresh-token"}}
    assert platform.results[0]["status"] == ("error" if fail else "success")


def test_keys_are_taken_from_verify_credentials_too(platform: Platform) -> None:
    """Contract 10.4."""
    result = answered(platform, "verifyCredentials", {"_account": "account", "do": "keys"})
    assert result == Result("success", {"verified": True})
    assert platform.accounts["account"]["oauth"] == {"access_token": "verified-token"}


def test_keys_that_cannot_be_saved_do_not_change_the_answer(platform: Platform) -> None:
    """Contract 10.4: it is logged."""
    assert answered(platform, "getMetaModel", {"new_keys": {"a": 1}, "answer": 5}) == Result("success", 5)


class TestOAuth2:
    """Requests to APIs from service calls."""

    @pytest.fixture
    def world(
        self, platform: Platform, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[tuple[OAuth2Provider, dict[str, str]]]:
        """A provider, a protected API, and the variables that name them."""
        with OAuth2Provider() as provider, DemoApi(provider) as api:
            names = {
                "TEST_API": api.url,
                "TEST_PROVIDER": provider.url,
                "TEST_CLIENT_ID": "demo-client",
                "TEST_CLIENT_SECRET": "demo-secret",
            }
            for name, value in names.items():
                monkeypatch.setenv(name, value)
            yield provider, names

    def test_an_expired_token_is_refreshed_and_saved(
        self, platform: Platform, world: tuple[OAuth2Provider, dict[str, str]]
    ) -> None:
        """It all works the same in service calls."""
        provider, names = world
        keys = provider.issue(expired=True)
        for method, cfg in (("verifyCredentials", {"do": "call"}), ("getMetaModel", {"call": True})):
            given = {**cfg, "_account": "account", "oauth": keys}
            result = answered(platform, method, given, **names)
            assert result.status == "success"
            assert result.data in ({"verified": True}, {"status": 200})
            keys = platform.accounts["account"]["oauth"]
            provider.expire_access_tokens()

    def test_without_an_account_no_token_is_asked_for(
        self, platform: Platform, world: tuple[OAuth2Provider, dict[str, str]]
    ) -> None:
        """New keys could not be saved, so the old ones are not spent."""
        provider, names = world
        given = {"do": "call", "oauth": provider.issue(expired=True)}
        result = answered(platform, "verifyCredentials", given, **names)
        assert result.data["verified"] is False
        assert "_account" in result.data["reason"]
        assert [each for each in provider.journal.requests if each.path == "/token"] == []

    def test_a_signal_lets_a_refresh_reach_the_platform(
        self, ask: Ask, platform: Platform, world: tuple[OAuth2Provider, dict[str, str]]
    ) -> None:
        """A rotated token that is not saved is lost."""
        provider, names = world
        go_on = threading.Event()
        provider.script("/token", Fault(hold=go_on))
        given = {"call": True, "_account": "account", "oauth": provider.issue(expired=True)}
        container = ask("getMetaModel", given, **names)
        provider.journal.wait_for(1, SECONDS, server=provider.name)
        container.send(signal.SIGTERM)
        go_on.set()
        assert container.wait() == 143
        assert platform.accounts["account"]["oauth"]["access_token"] != given["oauth"]["access_token"]
        assert "demo-secret" not in container.output

    def test_a_refresh_under_way_outlives_the_time_limit(
        self, ask: Ask, platform: Platform, world: tuple[OAuth2Provider, dict[str, str]]
    ) -> None:
        """The error is posted in time, and the process ends when the rotated token is saved."""
        provider, names = world
        go_on = threading.Event()
        provider.script("/token", Fault(hold=go_on))
        given = {"call": True, "_account": "account", "oauth": provider.issue(expired=True)}
        container = ask("getMetaModel", given, SHIPMATE_SERVICE_TIMEOUT_SECONDS="1", **names)
        platform.journal.wait_for(1, SECONDS)
        go_on.set()
        assert container.wait() == 0
        assert [each["status"] for each in platform.results] == ["error"]
        assert platform.accounts["account"]["oauth"]["access_token"] != given["oauth"]["access_token"]

    def test_no_secret_is_written_at_any_level(
        self, platform: Platform, world: tuple[OAuth2Provider, dict[str, str]], tmp_path: Path
    ) -> None:
        """Contract 17.15: neither old nor new tokens, nor what the environment and the address have."""
        provider, names = world
        descriptor = json.loads((COMPONENT / "component.json").read_text())
        (tmp_path / "component.json").write_text(json.dumps(descriptor))
        (tmp_path / "verify_credentials.py").write_text(
            "import os\n"
            "def verify_credentials(context, cfg):\n"
            "    context.logger.trace('credentials %s in %s', cfg, dict(os.environ))\n"
            "    context.oauth2(cfg).get(os.environ['TEST_API'] + '/me').raise_for_status()\n"
            "    raise ValueError(f'cannot use {cfg}')\n"
        )
        platform.key = "platform:key"
        keys = provider.issue(expired=True)
        given = environ(platform, {"_account": "account", "oauth": keys}, LOG_LEVEL="trace", **names)
        container = Container(given, command=("service", "verifyCredentials"), folder=tmp_path)
        assert container.wait() == 0
        container.close()
        fresh = platform.accounts["account"]["oauth"]
        assert fresh["access_token"] != keys["access_token"]
        tokens = [each[name] for each in (keys, fresh) for name in ("access_token", "refresh_token")]
        said = container.output + json.dumps(platform.results)
        assert "credentials {" in said
        assert platform.results[0]["data"]["reason"].startswith("cannot use {")
        hidden = [*tokens, "demo-secret", platform.key, "platform%3Akey"]
        assert [secret for secret in hidden if secret in said] == []


def test_keys_that_are_being_saved_reach_the_platform_before_a_signal_ends_the_process(
    ask: Ask, platform: Platform
) -> None:
    """Also those that a function emits by itself: it has the only copy."""
    go_on = threading.Event()
    platform.script("/v1/accounts/account", Fault(hold=go_on))
    cfg = {"_account": "account", "new_keys": {"oauth": {"access_token": "fresh-token"}}}
    container = ask("getMetaModel", cfg)
    platform.journal.wait_for(1, SECONDS)
    container.send(signal.SIGINT)
    container.wait_for("stopping, as soon as")
    go_on.set()
    assert container.wait() == 130
    assert platform.accounts["account"] == {"oauth": {"access_token": "fresh-token"}}
    assert platform.results == []


def test_the_log_is_what_the_platform_reads(ask: Ask, platform: Platform) -> None:
    """Contract 13: one JSON object per line on standard output, with the ids that are known."""
    more = {"ELASTICIO_CONTRACT_ID": "contract", "LOG_LEVEL": "info"}
    container = ask("getMetaModel", {"fail": "no such object"}, **more)
    assert container.wait() == 0
    records = container.records
    assert len(records) == len(container.lines) > 0
    assert {record["name"] for record in records} == {"sailor"}
    assert {(each["ELASTICIO_CONTRACT_ID"], each["ELASTICIO_FLOW_ID"], each["tag"], each["v"]) for each in records} == {
        ("contract", "flow", "flow", 0)
    }
    (failed,) = [record for record in records if record["msg"] == "the method failed"]
    assert (failed["level"], failed["method"], failed["err"]["name"]) == (50, "getMetaModel", "ValueError")
    assert {"level": 30, "msg": "the result was delivered", "status": "error"}.items() <= records[-1].items()


def test_a_folder_that_is_given_is_the_component(platform: Platform, tmp_path: Path) -> None:
    """Whatever the current folder and the platform's path are."""
    given = environ(platform, {"answer": 1}, ELASTICIO_COMPONENT_PATH="/elsewhere")
    command = ("service", "getMetaModel", "--component", str(COMPONENT))
    container = Container(given, command=command, folder=tmp_path)
    assert container.wait() == 0
    container.close()
    assert platform.results == [{"status": "success", "data": 1}]


def test_a_command_without_a_method_is_bad_usage(platform: Platform) -> None:
    """Nothing was asked, and there is nothing to post."""
    container = Container(environ(platform, {}), command=("service",))
    assert container.wait() == 2
    container.close()
    assert "METHOD" in container.output
    assert platform.results == []
