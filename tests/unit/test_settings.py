"""What the environment says: defaults, bounds, what must be there, and what does not show."""

import dataclasses
from typing import Any

import pytest

from shipmate.errors import BadSetting, MissingSetting
from shipmate.logs.log import Redactor
from shipmate.settings import (
    ApiSettings,
    BrokerSettings,
    OperationsSettings,
    ProxySettings,
    Secret,
    ShutdownSettings,
    StepSettings,
    bounded,
    camel_case,
    integer,
    is_shutdown,
    log_fields,
    number,
    text,
    transport_of,
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
FOR_PROXY = ("SAILOR_PROXY_JWT_SECRET", "SAILOR_PROXY_URI", "MESSAGE_CRYPTO_PASSWORD", "MESSAGE_CRYPTO_IV")
PROXY = {
    **{f"ELASTICIO_{name}": "sixteen bytes ok" for name in (*ALWAYS, *FOR_PROXY)},
    "ELASTICIO_SAILOR_PROXY_URI": "http://proxy:5001",
}
AMQP_REMEDY = "set it, or ELASTICIO_SAILOR_PROXY_URI for the other transport"


@pytest.mark.parametrize("empty", [False, True])
def test_variables_of_a_step_are_missed_in_the_order_of_the_platform(empty: bool) -> None:
    """Contract 17.14: all of them are named at once."""
    names = [*ALWAYS, *FOR_MESSAGES]
    for count in range(len(names)):
        environ = {**STEP, **{f"ELASTICIO_{name}": "" for name in names[count:]}}
        given = environ if empty else {name: value for name, value in environ.items() if value}
        with pytest.raises(MissingSetting) as caught:
            StepSettings.from_environ(given)
        expected = "; ".join(f"ELASTICIO_{name} is missing" for name in names[count:])
        assert str(caught.value).replace(f": {AMQP_REMEDY}", "") == expected


def test_variables_of_a_step_on_the_proxy_are_missed_in_the_order_of_the_platform() -> None:
    """Proxy 2.1; the limit of the size keeps its default."""
    names = [*ALWAYS, *FOR_PROXY]
    for count in range(len(ALWAYS) + 2):
        given = {f"ELASTICIO_{name}": PROXY[f"ELASTICIO_{name}"] for name in names[:count]}
        with pytest.raises(MissingSetting) as caught:
            StepSettings.from_environ({**given, "SHIPMATE_TRANSPORT": "proxy"})
        found = str(caught.value).replace(": SHIPMATE_TRANSPORT is proxy", "")
        assert found == "; ".join(f"ELASTICIO_{name} is missing" for name in names[count:])
    assert StepSettings.from_environ(PROXY).messages.size_limit_bytes == 10_485_760


@pytest.mark.parametrize(("value", "expected"), [("", False), ("false", False), ("0", True), ("true", True)])
def test_the_parsed_truth_value_decides_whether_the_shutdown_hook_runs(value: str, expected: bool) -> None:
    """Contract 2.3, without DEF-22."""
    assert is_shutdown({"ELASTICIO_HOOK_SHUTDOWN": value}) is expected


def test_only_a_step_that_processes_messages_needs_a_transport() -> None:
    """Contract 2.3, proxy 2.1: the variables of transports and messages may be missing for the shutdown hook."""
    environ = {f"ELASTICIO_{name}": "x" for name in ALWAYS}
    assert ShutdownSettings.from_environ(environ).flow.function == "x"
    assert ShutdownSettings.from_environ({**environ, "SHIPMATE_TRANSPORT": "other"}).flow.function == "x"
    with pytest.raises(MissingSetting, match="AMQP_URI"):
        StepSettings.from_environ(environ)
    with pytest.raises(MissingSetting, match="API_KEY"):
        ShutdownSettings.from_environ({**environ, "ELASTICIO_API_KEY": ""})


@pytest.mark.parametrize(("value", "attempts"), [("", None), ("many", None), ("0", 0), ("-1", -1), ("5", 5)])
def test_attempts_to_publish_have_no_limit_unless_there_is_a_number(value: str, attempts: int | None) -> None:
    """Contract 2.1: negative values pass, and 0 is a value."""
    broker = BrokerSettings.from_environ({**STEP, "ELASTICIO_AMQP_PUBLISH_RETRY_ATTEMPTS": value})
    assert broker.publish_attempts == attempts


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "amqp"),
        ({"ELASTICIO_AMQP_URI": "a"}, "amqp"),
        ({"ELASTICIO_SAILOR_PROXY_URI": "p"}, "proxy"),
        ({"ELASTICIO_AMQP_URI": "a", "ELASTICIO_SAILOR_PROXY_URI": "p"}, "amqp"),
        ({"ELASTICIO_AMQP_URI": "", "ELASTICIO_SAILOR_PROXY_URI": "p"}, "proxy"),
        ({"ELASTICIO_SAILOR_PROXY_JWT_SECRET": "s"}, "proxy"),
        ({"ELASTICIO_AMQP_URI": "a", "ELASTICIO_SAILOR_PROXY_JWT_SECRET": "s"}, "amqp"),
        ({"ELASTICIO_AMQP_URI": "a", "SHIPMATE_TRANSPORT": "proxy"}, "proxy"),
        ({"ELASTICIO_SAILOR_PROXY_URI": "p", "SHIPMATE_TRANSPORT": "amqp"}, "amqp"),
        ({"ELASTICIO_SAILOR_PROXY_URI": "p", "SHIPMATE_TRANSPORT": ""}, "proxy"),
    ],
)
def test_the_broker_wins_over_the_proxy_unless_the_choice_is_made(given: dict[str, str], expected: str) -> None:
    """Proxy 17, Q1: an empty variable counts as absent."""
    assert transport_of(given) == expected


@pytest.mark.parametrize("value", ["AMQP", "prox", "http2", " proxy"])
def test_an_unknown_transport_is_refused_although_the_addresses_are_set(value: str) -> None:
    """A misspelt choice must not end at the default."""
    with pytest.raises(BadSetting, match=rf"^SHIPMATE_TRANSPORT: expected amqp or proxy, found '{value}'$"):
        StepSettings.from_environ({**STEP, **PROXY, "SHIPMATE_TRANSPORT": value})


def test_only_the_variables_of_the_chosen_transport_are_read() -> None:
    """Those of the other one may be missing or wrong."""
    amqp = StepSettings.from_environ({**STEP, "ELASTICIO_SAILOR_PROXY_URI": "nonsense"})
    assert (amqp.proxy, amqp.broker is None) == (None, False)
    proxy = StepSettings.from_environ({**PROXY, "ELASTICIO_AMQP_URI": "nonsense", "SHIPMATE_TRANSPORT": "proxy"})
    assert (proxy.broker, proxy.proxy) == (None, ProxySettings.from_environ(PROXY))
    assert ProxySettings.from_environ(PROXY).uri == "http://proxy:5001"


@pytest.mark.parametrize(
    ("lacking", "given", "expected"),
    [
        ({"AMQP_URI"}, STEP, f"ELASTICIO_AMQP_URI is missing: {AMQP_REMEDY}"),
        (
            {"SAILOR_PROXY_URI"},
            PROXY,
            "ELASTICIO_SAILOR_PROXY_URI is missing: set it, or ELASTICIO_AMQP_URI for the other transport",
        ),
        ({"SAILOR_PROXY_JWT_SECRET"}, PROXY, "ELASTICIO_SAILOR_PROXY_JWT_SECRET is missing"),
        (
            {"SAILOR_PROXY_URI"},
            {**PROXY, "SHIPMATE_TRANSPORT": "proxy", "ELASTICIO_AMQP_URI": "amqp://broker"},
            "ELASTICIO_SAILOR_PROXY_URI is missing: SHIPMATE_TRANSPORT is proxy",
        ),
        (
            {"AMQP_URI"},
            {**STEP, "SHIPMATE_TRANSPORT": "amqp", "ELASTICIO_SAILOR_PROXY_URI": "http://proxy:5001"},
            "ELASTICIO_AMQP_URI is missing: SHIPMATE_TRANSPORT is amqp",
        ),
    ],
)
def test_a_choice_that_is_half_set_names_what_is_missing(
    lacking: set[str], given: dict[str, str], expected: str
) -> None:
    """Without any address, both are named."""
    environ = {name: value for name, value in given.items() if name.removeprefix("ELASTICIO_") not in lacking}
    with pytest.raises(MissingSetting) as caught:
        StepSettings.from_environ(environ)
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://proxy:5001", "http://proxy:5001"),
        ("http://proxy:5001/", "http://proxy:5001"),
        ("HTTP://Proxy", "http://proxy:80"),
        ("https://proxy.example", "https://proxy.example:443"),
        ("http://[::1]:5001", "http://[::1]:5001"),
        ("http://127.0.0.1:65535", "http://127.0.0.1:65535"),
    ],
)
def test_the_address_of_the_proxy_has_a_scheme_a_host_and_a_port(uri: str, expected: str) -> None:
    """Proxy 2.1; the port of the scheme is the default."""
    assert ProxySettings.from_environ({**PROXY, "ELASTICIO_SAILOR_PROXY_URI": uri}).uri == expected


@pytest.mark.parametrize("rest", ["/path", "/message?prefetch=1", "?stepId=1", "#here"])
def test_the_rest_of_the_address_is_ignored_with_a_warning(rest: str, caplog: pytest.LogCaptureFixture) -> None:
    """Proxy 2.1: requests carry paths of their own."""
    settings = ProxySettings.from_environ({**PROXY, "ELASTICIO_SAILOR_PROXY_URI": f"http://proxy:5001{rest}"})
    assert settings.uri == "http://proxy:5001"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.messages[0].startswith("ELASTICIO_SAILOR_PROXY_URI: ")


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("amqp://guest:pa55word@broker:5672/", "amqp://; a broker's address belongs in ELASTICIO_AMQP_URI"),
        ("http://user:pa55word@proxy:5001", "a user or a password"),
        ("http://proxy:0", "port 0"),
        ("http://proxy:65536", "ports are 1 to 65535"),
        ("http://proxy:port", "ports are 1 to 65535"),
        ("http://[proxy", "a host"),
        ("proxy:5001", "another scheme or none"),
        ("h2c://proxy:5001", "another scheme or none"),
        ("//proxy:5001", "another scheme or none"),
        ("http://:5001", "no host"),
        ("http://proxy :5001", "white space"),
        ("http://proxy:5001\\@other", "a backslash"),
        ("http://proxy:5001\n", "white space"),
    ],
)
def test_a_wrong_address_of_the_proxy_is_refused_without_a_quotation(uri: str, found: str) -> None:
    """It may have a password."""
    with pytest.raises(BadSetting) as caught:
        StepSettings.from_environ({**PROXY, "ELASTICIO_SAILOR_PROXY_URI": uri})
    message = str(caught.value)
    assert message.startswith("ELASTICIO_SAILOR_PROXY_URI: expected http://host:port, found ")
    assert found in message
    assert "pa55word" not in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "field", "value", "expected"),
    [
        ("PREFETCH_SAILOR", "prefetch", "20", 20),
        ("PREFETCH_SAILOR", "prefetch", "0", 1),
        ("RECONNECT_INITIAL_DELAY", "reconnect_initial_delay_ms", "0", 0),
        ("RECONNECT_INITIAL_DELAY", "reconnect_initial_delay_ms", "-1", 1_000),
        ("RECONNECT_MAX_DELAY", "reconnect_max_delay_ms", "0", 0),
        ("RECONNECT_BACKOFF_MULTIPLIER", "reconnect_multiplier", "1.5", 1.5),
        ("RECONNECT_BACKOFF_MULTIPLIER", "reconnect_multiplier", "0", 0),
        ("RECONNECT_BACKOFF_MULTIPLIER", "reconnect_multiplier", "-1", 2),
        ("RECONNECT_BACKOFF_MULTIPLIER", "reconnect_multiplier", "Infinity", 2),
        ("RECONNECT_JITTER_FACTOR", "reconnect_jitter", "0", 0),
        ("RECONNECT_JITTER_FACTOR", "reconnect_jitter", "0.05", 0.05),
        ("RECONNECT_JITTER_FACTOR", "reconnect_jitter", "1.01", 0.3),
        ("RECONNECT_MAX_RETRIES", "reconnect_attempts", "0", 0),
        ("RECONNECT_MAX_RETRIES", "reconnect_attempts", "", None),
        ("OBJECT_REQUEST_RETRY_ATTEMPTS", "request_attempts", "3", 3),
        ("OBJECT_REQUEST_RETRY_ATTEMPTS", "request_attempts", "0", 0),
        ("OBJECT_REQUEST_RETRY_ATTEMPTS", "request_attempts", "many", None),
        ("OBJECT_REQUEST_RETRY_DELAY", "request_delay_ms", "0", 0),
        ("OBJECT_REQUEST_MAX_RETRY_DELAY", "request_max_delay_ms", "7", 7),
        ("PING_INTERVAL_MS", "ping_interval_ms", "250", 250),
        ("PING_INTERVAL_MS", "ping_interval_ms", "0", 10_000),
    ],
)
def test_the_numbers_of_the_proxy_may_be_fractions_and_0(
    name: str, field: str, value: str, expected: float | None
) -> None:
    """Proxy 2.2, without PDEF-17; beyond the bounds the default is taken."""
    settings = ProxySettings.from_environ({**PROXY, f"ELASTICIO_PROXY_{name}": value})
    assert getattr(settings, field) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1.5", 1.5),
        (" .25", 0.25),
        ("2.", 2),
        ("0", 0),
        ("1,5", 1),
        ("9.01", 3),
        ("-0.1", 3),
        ("x", 3),
        ("", 3),
        ("٣", 3),
    ],
)
def test_a_decimal_number_is_read_up_to_its_end(value: str, expected: float) -> None:
    """As integers are, but with its fraction."""
    assert number({"N": value}, "N", 3, 0, 9) == expected


def test_the_secret_of_the_proxy_is_hidden() -> None:
    """In representations and in the log."""
    environ = {**PROXY, "ELASTICIO_SAILOR_PROXY_JWT_SECRET": "the-secret-of-the-proxy"}
    redactor = Redactor()
    redactor.add_environment(environ)
    assert "the-secret-of-the-proxy" not in repr(StepSettings.from_environ(environ))
    assert "the-secret-of-the-proxy" not in redactor.redact("signed with the-secret-of-the-proxy")


def test_additional_variables_become_snake_case_on_the_proxy() -> None:
    """Proxy 2.5: its whole list; letters and digits are separate words."""
    values = {
        "ELASTICIO_FIRST_ONE": "first_one",
        "MY_VAR": "my_var",
        "ELASTICIO_THIRD_ELASTICIO_ENV": "third_elasticio_env",
        "A1_B2": "a_1_b_2",
        "V2_API": "v_2_api",
        "foo-bar": "foo_bar",
        "XMLHttp": "xml_http",
        "MY__VAR": "my_var",
    }
    environ = {**PROXY, **dict.fromkeys(values, "value")}
    environ["ELASTICIO_ADDITIONAL_VARS_FOR_HEADERS"] = ", ".join([*values, "UNSET"])
    assert set(StepSettings.from_environ(environ).messages.extra_headers) == set(values.values())


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


def test_a_step_is_not_watched_unless_it_is_asked_for() -> None:
    """And only one of two variables asks for it."""
    assert StepSettings.from_environ(STEP).operations == OperationsSettings()
    assert not OperationsSettings().is_asked_for
    others = {"SHIPMATE_HTTP_HOST": "::1", "SHIPMATE_STUCK_SECONDS": "60", "SHIPMATE_METRICS": "false"}
    assert not OperationsSettings.from_environ(others).is_asked_for
    assert OperationsSettings.from_environ({"SHIPMATE_HTTP_PORT": "9090"}).is_asked_for
    assert OperationsSettings.from_environ({"SHIPMATE_HEALTH_FILE": "/run/health"}).is_asked_for


def test_the_variables_of_watching_are_read() -> None:
    """Empty ones count as missing."""
    names = ("HTTP_PORT", "HTTP_HOST", "METRICS", "STUCK_SECONDS", "HEALTH_FILE")
    values = ("9090", "::1", "true", "604800", "/run/health")
    environ = {f"SHIPMATE_{name}": value for name, value in zip(names, values, strict=True)}
    assert StepSettings.from_environ({**STEP, **environ}).operations == OperationsSettings(
        port=9090, host="::1", needs_metrics=True, stuck_seconds=604_800, health_file="/run/health"
    )
    assert OperationsSettings.from_environ(dict.fromkeys(environ, "")) == OperationsSettings()


@pytest.mark.parametrize("value", ["0", "65536", "-1", "9090 ", "9_090", "9.5", "²", "٣", "1" * 5000, "0x10"])
def test_a_wrong_port_is_no_default(value: str) -> None:
    """An operator who asks for a port must not find out later that there is none."""
    with pytest.raises(BadSetting, match="SHIPMATE_HTTP_PORT: expected a port from 1 to 65535, found '"):
        OperationsSettings.from_environ({"SHIPMATE_HTTP_PORT": value})


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
