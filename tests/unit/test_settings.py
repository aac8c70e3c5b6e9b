"""What the environment says: defaults, bounds, what must be there, and what does not show."""

import dataclasses
from typing import Any

import pytest

from shipmate.errors import MissingSetting
from shipmate.settings import (
    ApiSettings,
    Secret,
    ShutdownSettings,
    StepSettings,
    bounded,
    camel_case,
    integer,
    is_shutdown,
    log_fields,
    text,
)

NEEDED = {
    "ELASTICIO_API_URI": "https://api.example.com/",
    "ELASTICIO_API_USERNAME": "runtime@example.com",
    "ELASTICIO_API_KEY": "the-key-itself",
}


def test_a_variable_that_is_there_is_returned_as_it_is() -> None:
    """A text is neither trimmed nor changed."""
    assert text({"NAME": " value "}, "NAME") == " value "


@pytest.mark.parametrize("environ", [{}, {"NAME": ""}])
def test_a_variable_that_must_be_there_is_missed_by_its_name(environ: dict[str, str]) -> None:
    """Unset and empty are the same, and the message names the variable."""
    with pytest.raises(MissingSetting, match=r"^NAME is missing$"):
        text(environ, "NAME")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7),
        ("0", 0),
        ("-4", -4),
        ("+5", 5),
        ("  6", 6),
        ("12abc", 12),
        ("1.9", 1),
        ("", 3),
        ("abc", 3),
        ("abc12", 3),
        ("-", 3),
        ("0x1F", 31),
        ("-0x10", -16),
        ("0x", 3),
        ("1e3", 1),
        ("٣", 3),
        (None, 3),
    ],
)
def test_leading_digits_make_a_number_and_anything_else_the_default(value: str | None, expected: int) -> None:
    """A number is read as the platform's own runtime reads it."""
    assert integer({} if value is None else {"N": value}, "N", 3) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("0", 0), ("4", 4), ("5", 2), ("-1", 2), ("many", 2), ("", 2), ("3x", 3)]
)
def test_a_number_out_of_bounds_counts_as_absent(value: str, expected: int) -> None:
    """Both bounds belong to what is allowed; beyond them the default is taken."""
    assert bounded({"N": value}, "N", 2, 0, 4) == expected


def test_the_address_and_the_credentials_are_enough() -> None:
    """Everything else has a default."""
    settings = ApiSettings.from_environ(NEEDED)
    assert dataclasses.asdict(settings) == {
        "uri": "https://api.example.com",
        "username": "runtime@example.com",
        "key": "the-key-itself",
        "workspace_id": "",
        "flow_id": "",
        "step_id": "",
        "attempts": 3,
        "delay_ms": 100,
        "storage_uri": "",
        "storage_token": "",
        "storage_retries": 2,
        "storage_timeout_ms": 10_000,
        "limits": {"max_bytes": 67_108_864, "seconds": 600},
        "has_proxy": False,
    }


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize(
    "change", [lambda environ, name: environ.pop(name), lambda environ, name: environ.update({name: ""})]
)
def test_without_the_address_or_the_credentials_the_missing_one_is_named(name: str, change: Any) -> None:
    """Whoever installs the component learns which variable to set."""
    environ = dict(NEEDED)
    change(environ, name)
    with pytest.raises(MissingSetting, match=name):
        ApiSettings.from_environ(environ)


def test_every_variable_has_its_setting() -> None:
    """What is set wins over the defaults, and addresses lose their last slash."""
    settings = ApiSettings.from_environ(
        {
            **NEEDED,
            "ELASTICIO_WORKSPACE_ID": "workspace",
            "ELASTICIO_FLOW_ID": "flow",
            "ELASTICIO_STEP_ID": "step",
            "ELASTICIO_API_REQUEST_RETRY_ATTEMPTS": "7",
            "ELASTICIO_API_REQUEST_RETRY_DELAY": "0",
            "ELASTICIO_OBJECT_STORAGE_URI": "https://storage.example.com/",
            "ELASTICIO_OBJECT_STORAGE_TOKEN": "storage-token",
            "REQUEST_MAX_RETRY": "4",
            "REQUEST_TIMEOUT": "500",
        }
    )
    assert (settings.workspace_id, settings.flow_id, settings.step_id) == ("workspace", "flow", "step")
    assert (settings.attempts, settings.delay_ms) == (7, 0)
    assert (settings.storage_uri, settings.storage_token) == ("https://storage.example.com", "storage-token")
    assert (settings.storage_retries, settings.storage_timeout_ms) == (4, 500)


@pytest.mark.parametrize(("retries", "timeout"), [("5", "499"), ("-1", "20001"), ("", "soon"), ("0", "0")])
def test_the_storage_is_not_asked_more_often_or_longer_than_allowed(retries: str, timeout: str) -> None:
    """Contract 2.4: retries and time limit of the object storage are bounded, and 0 counts as unset."""
    settings = ApiSettings.from_environ({**NEEDED, "REQUEST_MAX_RETRY": retries, "REQUEST_TIMEOUT": timeout})
    assert (settings.storage_retries, settings.storage_timeout_ms) == (2, 10_000)


ALWAYS = (
    "FLOW_ID", "EXEC_ID", "STEP_ID", "CONTAINER_ID", "WORKSPACE_ID", "USER_ID", "COMP_ID", "FUNCTION",
    "API_URI", "API_USERNAME", "API_KEY",
)  # fmt: skip
FOR_MESSAGES = (
    "AMQP_URI", "LISTEN_MESSAGES_ON", "PUBLISH_MESSAGES_TO", "DATA_ROUTING_KEY", "ERROR_ROUTING_KEY",
    "REBOUND_ROUTING_KEY", "SNAPSHOT_ROUTING_KEY", "MESSAGE_CRYPTO_IV", "MESSAGE_CRYPTO_PASSWORD",
)  # fmt: skip
STEP = {f"ELASTICIO_{name}": "sixteen bytes ok" for name in (*ALWAYS, *FOR_MESSAGES)}


@pytest.mark.parametrize("empty", [False, True])
def test_variables_of_a_step_are_missed_in_the_order_of_the_platform(empty: bool) -> None:
    """Contract 17.14: all of them are named at once."""
    names = [*ALWAYS, *FOR_MESSAGES]
    for count in range(len(names)):
        environ = {**STEP, **{f"ELASTICIO_{name}": "" for name in names[count:]}}
        given = environ if empty else {name: value for name, value in environ.items() if value}
        with pytest.raises(MissingSetting) as caught:
            StepSettings.from_environ(given)
        assert str(caught.value) == "; ".join(f"ELASTICIO_{name} is missing" for name in names[count:])


@pytest.mark.parametrize(("value", "expected"), [("", False), ("false", False), ("0", True), ("true", True)])
def test_the_parsed_truth_value_decides_whether_the_shutdown_hook_runs(value: str, expected: bool) -> None:
    """Contract 2.3, without DEF-22."""
    assert is_shutdown({"ELASTICIO_HOOK_SHUTDOWN": value}) is expected


def test_only_a_step_that_processes_messages_needs_a_broker() -> None:
    """Contract 2.3: the variables of the broker and of messages may be missing for the shutdown hook, and no others."""
    environ = {f"ELASTICIO_{name}": "x" for name in ALWAYS}
    assert ShutdownSettings.from_environ(environ).flow.function == "x"
    with pytest.raises(MissingSetting, match="AMQP_URI"):
        StepSettings.from_environ(environ)
    with pytest.raises(MissingSetting, match="API_KEY"):
        ShutdownSettings.from_environ({**environ, "ELASTICIO_API_KEY": ""})


@pytest.mark.parametrize(("value", "attempts"), [("", None), ("many", None), ("0", 0), ("-1", -1), ("5", 5)])
def test_attempts_to_publish_have_no_limit_unless_there_is_a_number(value: str, attempts: int | None) -> None:
    """Contract 2.1: negative values pass, and 0 is a value."""
    broker = StepSettings.from_environ({**STEP, "ELASTICIO_AMQP_PUBLISH_RETRY_ATTEMPTS": value}).broker
    assert broker.publish_attempts == attempts


def test_additional_variables_become_headers() -> None:
    """Contract 5.4, 17.14: its whole list; what is unset makes no header, and what is empty does."""
    values = {
        "ELASTICIO_FIRST_ONE": "firstOne",
        "MY_VAR": "myVar",
        "ELASTICIO_CONTRACT_ID": "contractId",
        "A1_B2": "a1B2",
        "FOO_1BAR": "foo1Bar",
        "V2_API": "v2Api",
        "foo-bar": "fooBar",
        "XMLHttp": "xmlHttp",
        "ELASTICIO_THIRD_ELASTICIO_ENV": "thirdElasticioEnv",
        "FOO_1ST_BAR": "foo1stBar",
        "EMPTY": "empty",
    }
    environ = {**STEP, **{name: "" if name == "EMPTY" else name for name in values}}
    environ["ELASTICIO_ADDITIONAL_VARS_FOR_HEADERS"] = ", ".join([*values, "UNSET", ""])
    messages = StepSettings.from_environ(environ).messages
    assert messages.extra_headers == {header: environ[name] for name, header in values.items()}
    assert camel_case("MY__VAR") == "myVar"


def test_the_log_has_the_variables_that_are_set() -> None:
    """Contract 13: its sixteen names, also when they are empty, and no other."""
    names = (
        "API_USERNAME COMP_ID COMP_NAME CONTAINER_ID CONTRACT_ID EXEC_ID EXEC_TYPE EXECUTION_RESULT_ID FLOW_ID "
        "FLOW_VERSION FUNCTION STEP_ID TASK_USER_EMAIL TENANT_ID USER_ID WORKSPACE_ID"
    ).split()
    environ = {f"ELASTICIO_{name}": name.lower() for name in names} | {"ELASTICIO_COMP_NAME": ""}
    assert log_fields({**environ, "ELASTICIO_API_KEY": "no", "FLOW_ID": "no"}) == {**environ, "tag": "flow_id"}
    assert log_fields({}) == {}


def test_settings_do_not_show_what_is_secret() -> None:
    """The representation can be logged."""
    settings = ApiSettings.from_environ({**NEEDED, "ELASTICIO_OBJECT_STORAGE_TOKEN": "storage-token"})
    assert "the-key-itself" not in repr(settings)
    assert "storage-token" not in repr(settings)
    assert repr([Secret("hidden")]) == "['***']"


def test_settings_are_frozen() -> None:
    """The environment is read once."""
    settings = ApiSettings.from_environ(NEEDED)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.uri = "https://elsewhere.example.com"  # type: ignore[misc]
