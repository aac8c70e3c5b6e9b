"""The log: levels, formats, ids, and that no secret gets into it on any way."""

import base64
import copy
import io
import json
import logging
import os
import pickle
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from logging.handlers import QueueHandler
from queue import SimpleQueue
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.logs import log
from shipmate.logs.log import TRACE, Redactor, message_fields, message_logger, parse_level
from shipmate.logs.redaction import is_secret_name

CANARY = "c4nary-of-the-coal-mine"
ODD_CANARY = 'c4nary "quoted" \\ und\nübel/\U0001f600 &+='


class Log:
    """A configured log that can be read."""

    def __init__(self, as_json: bool) -> None:
        self.redactor = Redactor()
        self.redactor.add(CANARY, ODD_CANARY)
        self.stream = io.StringIO()
        self.foreign = io.StringIO()
        self.configured = log.configure(
            TRACE, self.redactor, stream=self.stream, as_json=as_json, fields={"ELASTICIO_FLOW_ID": "f1", "tag": "f1"}
        )

    @property
    def text(self) -> str:
        return self.stream.getvalue() + self.foreign.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def as_json() -> Iterator[Log]:
    made = Log(as_json=True)
    with made.configured:
        yield made


@pytest.fixture(params=[True, False], ids=["json", "readable"])
def either(request: pytest.FixtureRequest) -> Iterator[Log]:
    """A log in each format, with a handler that a component has added."""
    made = Log(as_json=request.param)
    handler = logging.StreamHandler(made.foreign)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(more)s", defaults={"more": ""}))
    with made.configured:
        logging.getLogger().addHandler(handler)
        yield made


# --- levels


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("trace", 5),
        ("Debug", 10),
        (" INFO ", 20),
        ("warn", 30),
        ("WARNING", 30),
        ("error", 40),
        ("fatal", 50),
        ("10", 5),
        ("20", 10),
        ("35", 25),
        ("60", 50),
        ("61", 20),
        ("9", 20),
        ("-5", 20),
        ("loud", 20),
        ("", 20),
        (None, 20),
    ],
)
def test_levels_are_read_as_bunyan_writes_them(text: str | None, level: int) -> None:
    assert parse_level(text) == level


def test_levels_are_written_as_bunyan_does(as_json: Log) -> None:
    logger = message_logger("component", thread_id=None, message_id=None, parent_message_id=None)
    logger.trace("t")
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        logger.log(level, "x")
    assert [line["level"] for line in as_json.lines] == [10, 20, 30, 40, 50, 60]


def test_levels_below_the_configured_one_are_left_out() -> None:
    stream = io.StringIO()
    with log.configure(logging.INFO, Redactor(), stream=stream, as_json=False):
        logger = message_logger("component", thread_id=None, message_id=None, parent_message_id=None)
        logger.trace("no")
        logger.debug("no")
    assert stream.getvalue() == ""


# --- formats


def test_a_json_line_is_what_bunyan_writes(as_json: Log) -> None:
    logger = message_logger("component", thread_id="t", message_id="m", parent_message_id=None)
    logger.info("two\nlines \u2028 %s", {"a": 1}, extra={"count": 3, "level": "mine", "v": 1, "threadId": "other"})
    assert as_json.stream.getvalue().count("\n") == 1
    assert as_json.stream.getvalue().isascii()
    line = as_json.lines[0]
    assert line.pop("time").endswith("Z")
    assert isinstance(line.pop("pid"), int)
    assert line.pop("hostname")
    assert line == {
        "name": "component",
        "ELASTICIO_FLOW_ID": "f1",
        "tag": "f1",
        "threadId": "other",
        "messageId": "m",
        "count": 3,
        "level_": "mine",
        "v_": 1,
        "level": 30,
        "msg": "two\nlines \u2028 {'a': 1}",
        "v": 0,
    }


@pytest.mark.parametrize(
    ("logger", "name", "field"),
    [
        ("shipmate", "sailor", "shipmate"),
        ("shipmate.amqp", "sailor", "shipmate.amqp"),
        ("shipmates", "component", "shipmates"),
        ("urllib3.connectionpool", "component", "urllib3.connectionpool"),
        ("component", "component", None),
    ],
)
def test_lines_are_named_after_runtime_or_component(logger: str, name: str, field: str | None, as_json: Log) -> None:
    logging.getLogger(logger).info("x")
    assert as_json.lines[0]["name"] == name
    assert as_json.lines[0].get("logger") == field


class Coded(Exception):
    code = "coded"


def test_an_exception_is_the_err_member(as_json: Log) -> None:
    logger = logging.getLogger("component")
    for error in (Coded("boom"), ValueError("boom"), SystemExit(3)):
        try:
            raise error
        except BaseException:
            logger.exception("failed")
    logger.error("failed", extra={"err": {"name": "Mine"}})
    logger.error("failed", exc_info=True)
    coded, plain, left, mine, none = (line.get("err", {}) for line in as_json.lines)
    assert (coded["message"], coded["name"], coded["code"]) == ("boom", "Coded", "coded")
    assert "Traceback" in coded["stack"]
    assert "code" not in plain
    assert "code" not in left
    assert mine == {"name": "Mine"}
    assert none == {}


def test_a_terminal_shows_time_level_logger_message_and_fields() -> None:
    stream = io.StringIO()
    with log.configure(logging.INFO, Redactor(), stream=stream, as_json=False):
        logging.getLogger("component").info(
            "made", extra={"id": 7, "name_": "a b", "empty": "", "plain": "x", "none": None}
        )
        try:
            raise ValueError("boom")
        except ValueError:
            logging.getLogger("component").exception("failed")
    first, second, *rest = stream.getvalue().splitlines()
    assert first[8] == "."
    assert first[12:] == " INFO  component: made id=7 name_='a b' empty='' plain=x none=None"
    assert second[12:] == " ERROR component: failed"
    assert rest[0] == "Traceback (most recent call last):"
    assert rest[-1] == "ValueError: boom"


def test_what_a_stream_cannot_encode_is_escaped() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    with log.configure(logging.INFO, Redactor(), stream=stream, as_json=False):
        logging.getLogger().info("ü \ud800")
    assert raw.getvalue().endswith(b"\\xfc \\ud800\n")


def test_a_stream_that_is_gone_does_not_reach_the_caller(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    with log.configure(logging.INFO, Redactor(), stream=stream, as_json=False):
        stream.close()
        logging.getLogger().info("x")
    assert "Logging error" in capsys.readouterr().err


def test_odd_extra_values_do_not_reach_the_caller(either: Log) -> None:
    circular: list[Any] = []
    circular.append(circular)

    class Silent:
        def __str__(self) -> str:
            raise ValueError("no text")

    odd = {"nan": float("nan"), "real": 1.5, "circular": circular, "silent": Silent(), "keys": {(1, 2): 1, 3: 4}}
    logging.getLogger("component").info("odd", extra={**odd, "some": [object(), (1, None)]})
    assert "odd" in either.stream.getvalue()


def test_arguments_that_do_not_fit_are_told_and_not_printed(either: Log, capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("component").info("%d things", CANARY)
    logging.getLogger("component").info(Unprintable(CANARY), CANARY)
    assert "%d things (unfit arguments)" in either.text
    assert "Unprintable (unfit arguments)" in either.text
    assert CANARY not in either.text + capsys.readouterr().err


# --- configuring


def test_configuring_again_replaces_and_restoring_undoes() -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.getLogRecordFactory()
    first, second = io.StringIO(), io.StringIO()
    outer = log.configure(logging.INFO, Redactor(), stream=first, as_json=False)
    inner = log.configure(logging.INFO, Redactor(), stream=second, as_json=False)
    logging.getLogger().info("once")
    inner.restore()
    logging.getLogger().info("again")
    outer.restore()
    assert (first.getvalue().count("again"), second.getvalue().count("once")) == (1, 1)
    assert "once" not in first.getvalue()
    assert (root.handlers, root.level, logging.getLogRecordFactory()) == before


def test_a_record_factory_of_others_is_kept() -> None:
    class Own(logging.LogRecord):
        pass

    original = logging.getLogRecordFactory()
    logging.setLogRecordFactory(Own)
    try:
        with log.configure(logging.INFO, Redactor(), stream=io.StringIO(), as_json=False):
            assert type(logging.getLogRecordFactory()("n", 20, "p", 1, "m", (), None)) is Own
        assert logging.getLogRecordFactory() is Own
    finally:
        logging.setLogRecordFactory(original)


# --- ids


def test_message_loggers_are_standard_but_not_registered(as_json: Log) -> None:
    known = set(logging.Logger.manager.loggerDict)
    logger = message_logger("component", thread_id="t", message_id="m", parent_message_id="p")
    assert isinstance(logger, logging.Logger)
    child = logger.getChild("part")
    child.info("x")
    assert set(logging.Logger.manager.loggerDict) - known <= {"component", "component.part"}
    assert logging.getLogger("component") is not logger
    line = as_json.lines[0]
    assert (line["logger"], line["threadId"], line["messageId"], line["parentMessageId"]) == (
        "component.part",
        "t",
        "m",
        "p",
    )


def test_other_loggers_carry_the_ids_while_a_message_is_processed(as_json: Log) -> None:
    logger = logging.getLogger("shipmate.oauth2")
    with message_fields("t", "m", None):
        logger.info("during")
    logger.info("after")
    during, after = as_json.lines
    assert (during["threadId"], during["messageId"]) == ("t", "m")
    assert "parentMessageId" not in during
    assert "threadId" not in after


def test_a_trace_record_names_the_line_that_wrote_it() -> None:
    records: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    logger = message_logger("component", thread_id=None, message_id=None, parent_message_id=None)
    logger.setLevel(TRACE)
    logger.addHandler(Keep())
    logger.trace("x")
    assert records[0].filename == "test_log.py"


# --- canaries


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class Holder:
    """An object whose text has a secret."""

    def __str__(self) -> str:
        return f"holder of {CANARY}"


def nested_error() -> BaseException:
    try:
        try:
            raise KeyError(CANARY)
        except KeyError as cause:
            raise ValueError(f"outer {CANARY}") from cause
    except ValueError as error:
        error.add_note(f"note {CANARY}")
        return error


def leak_by_message(logger: logging.Logger) -> None:
    logger.log(TRACE, f"text {CANARY}")


def leak_by_arguments(logger: logging.Logger) -> None:
    logger.debug("%s %r %s", CANARY, {"a": CANARY}, Holder())
    logger.debug("%(a)s", {"a": CANARY})


def leak_by_object(logger: logging.Logger) -> None:
    logger.info(Holder())
    logger.info({"a": [CANARY]})


def leak_by_extra(logger: logging.Logger) -> None:
    logger.info("x", extra={"more": CANARY, "deep": {"a": [CANARY, (Holder(),)], CANARY: 1}})
    logger.info("x", extra={"more": Holder()})


def leak_by_exception(logger: logging.Logger) -> None:
    logger.error("x", exc_info=nested_error())
    logger.error("x", exc_info=BaseExceptionGroup("several", [nested_error()]))
    logger.error("x", exc_info=Unprintable(CANARY))


def leak_by_exception_code(logger: logging.Logger) -> None:
    error = Coded(CANARY)
    error.code = CANARY
    logger.error("x", exc_info=error)


def leak_by_stack(logger: logging.Logger) -> None:
    names: dict[str, Any] = {"logger": logger}
    exec(compile("logger.error('x', stack_info=True)", f"/{CANARY}.py", "exec"), names)  # noqa: S102


def leak_by_name(logger: logging.Logger) -> None:
    logging.getLogger(f"component.{CANARY}").info("x")


def leak_by_urllib3(logger: logging.Logger) -> None:
    logging.getLogger("urllib3.connectionpool").debug(
        '%s://%s:%s "%s %s %s" %s', "https", "host", 443, "GET", f"/path?key={CANARY}", "HTTP/1.1", 200
    )


def leak_by_thread(logger: logging.Logger) -> None:
    thread = threading.Thread(target=logger.info, args=(f"in a thread {CANARY}",))
    thread.start()
    thread.join()


LEAKS: list[Callable[[logging.Logger], None]] = [
    leak_by_message,
    leak_by_arguments,
    leak_by_object,
    leak_by_extra,
    leak_by_exception,
    leak_by_exception_code,
    leak_by_stack,
    leak_by_name,
    leak_by_urllib3,
    leak_by_thread,
]


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("name", ["component", "shipmate.oauth2", "someone.else"])
def test_no_canary_gets_into_any_record(leak: Callable[[logging.Logger], None], name: str, either: Log) -> None:
    leak(logging.getLogger(name))
    leak(message_logger(name, thread_id="t", message_id="m", parent_message_id=None))
    assert "***" in either.stream.getvalue()
    assert CANARY not in either.text


@pytest.mark.parametrize(
    "write",
    [
        str,
        repr,
        ascii,
        lambda secret: repr({"a": secret}),
        lambda secret: repr([secret + "'"]),
        lambda secret: repr(secret.encode()),
        json.dumps,
        lambda secret: json.dumps(secret, ensure_ascii=False),
        lambda secret: json.dumps(json.dumps({"a": secret})),
        lambda secret: json.dumps(secret).replace("/", "\\/"),
        quote,
        quote_plus,
        lambda secret: quote(secret, safe=""),
        lambda secret: quote(secret, safe="").lower() if secret.islower() else quote(secret, safe=""),
        lambda secret: base64.b64encode(secret.encode()).decode(),
        lambda secret: base64.b64encode(f"client:{secret}".encode()).decode(),
        lambda secret: base64.b64encode(f"client2:{secret}".encode()).decode(),
        lambda secret: base64.b64encode(f"a:{secret}!".encode()).decode(),
        lambda secret: base64.urlsafe_b64encode(f"a:{secret}!".encode()).decode(),
    ],
)
@pytest.mark.parametrize("secret", [CANARY, ODD_CANARY])
def test_secrets_are_recognised_however_they_are_written(write: Callable[[str], str], secret: str, either: Log) -> None:
    logging.getLogger("component").info("value: %s", write(secret), extra={"more": write(secret)})
    for handled in (either.stream.getvalue(), either.foreign.getvalue()):
        assert "***" in handled
        assert write(secret) not in handled
        for part in ("c4nary", "coal-mine", "übel", base64.b64encode(b"c4nary").decode().rstrip("=")):
            assert part not in handled


@given(st.text(min_size=8).filter(lambda text: len(text.encode("utf-8", "replace")) >= 8))
def test_any_secret_is_removed_from_text_and_json(secret: str) -> None:
    redactor = Redactor()
    redactor.add(secret)
    assert "***" in redactor.redact(f"<{secret}>")
    assert "***" in redactor.redact(json.dumps([secret]))
    assert "***" in redactor.redact(json.dumps({"a": secret}, ensure_ascii=False))


def test_a_record_in_a_queue_or_pickled_or_copied_has_no_canary(either: Log) -> None:
    queue: SimpleQueue[logging.LogRecord] = SimpleQueue()
    handler = QueueHandler(queue)
    logging.getLogger().addHandler(handler)
    logging.getLogger("component").error("x %s", CANARY, exc_info=nested_error(), extra={"more": CANARY})
    logging.getLogger().removeHandler(handler)
    record = queue.get_nowait()
    assert CANARY not in repr(record.__dict__)
    again = pickle.loads(pickle.dumps(logging.getLogRecordFactory()("n", 20, "p", 1, CANARY, (), None)))  # noqa: S301
    assert again.getMessage() == "***"
    for again in (copy.copy(record), pickle.loads(pickle.dumps(record))):  # noqa: S301
        assert CANARY not in repr(again.__dict__)
        assert again.getMessage() == record.getMessage()


def test_an_exception_without_secrets_stays_available_to_handlers(either: Log) -> None:
    records: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    handler = Keep()
    logging.getLogger().addHandler(handler)
    error = ValueError("harmless")
    logging.getLogger("component").error("x", exc_info=error)
    logging.getLogger("component").error("x", exc_info=nested_error())
    logging.getLogger().removeHandler(handler)
    assert records[0].exc_info is not None
    assert records[0].exc_info[1] is error
    assert records[1].exc_info is None
    assert CANARY not in logging.Formatter().format(records[1])


# --- the redactor


def test_short_values_and_nothing_are_ignored() -> None:
    redactor = Redactor()
    redactor.add("short", "", None, "sixsix")
    assert redactor.redact("short sixsix") == "short ***"


def test_secrets_are_collected_by_their_names() -> None:
    redactor = Redactor()
    redactor.add_mapping(
        {
            "oauth": {"access_token": "first-value", "token_type": "BearerType", "scope": "scope-value"},
            "apiKey": "second-value",
            "credentials": {"username": "public-user", "value": "third-value", "list": ["fourth-value"]},
            "privateKeys": "not-a-secret-name",
            "client_secret": {"nested": "fifth-value"},
            "password": 123456,
            "name": "public-name",
            "": {"auth": ["sixth-value"]},
            7: {"secret": "seventh-value"},
        }
    )
    text = (
        "first-value second-value third-value fourth-value fifth-value sixth-value seventh-value "
        "BearerType scope-value public-user public-name"
    )
    assert redactor.redact(text) == "*** " * 7 + "BearerType scope-value public-user public-name"


@pytest.mark.parametrize(
    "name",
    "token accessToken ACCESS_TOKEN refresh_token clientSecret password PASSWD apikey api-key X-API-Key privateKeyPem "
    "Authorization set-cookie client_assertion code_verifier ELASTICIO_API_KEY ELASTICIO_MESSAGE_CRYPTO_PASSWORD "
    "accesstoken tokenValue".split(),
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    "token_type tokenUrl secretId keyword monkey author oauth name expires_in passwordHint 123 password_at".split(),
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


def test_the_first_secrets_are_kept_and_of_tokens_the_newest() -> None:
    redactor = Redactor()
    redactor.add("api-key-of-the-process")
    for number in range(3000):
        redactor.add(f"token-{number:05}-number", f"{number:05}-with-another-head")
    redactor.add(*(f"token-{number:05}-number" for number in range(2990, 3000)))
    assert redactor.redact("api-key-of-the-process") == "***"
    assert redactor.redact("token-02999-number token-02600-number") == "*** ***"
    assert redactor.redact("token-01000-number") == "token-01000-number"
    assert redactor.redact("01000-with-another-head") == "01000-with-another-head"
    assert len(redactor._secrets) == 1256
    assert len(redactor._forms) < 1256 * 8
    assert len(redactor._lengths) < 1256 * 8


def test_secrets_that_start_alike_or_contain_each_other_are_told_apart() -> None:
    redactor = Redactor()
    redactor.add("common-start-a", "common-start-a-longer", "common-start-b")
    assert redactor.redact("common-start-a-longer|common-start-a|common-start-c") == "***|***|common-start-c"


def test_the_lines_of_a_key_are_secrets_of_their_own() -> None:
    redactor = Redactor()
    redactor.add("first line of a key\nsecond line of a key\nend")
    assert redactor.redact("  second line of a key\n  end") == "  ***\n  end"


def test_adding_and_redacting_at_once_is_safe() -> None:
    redactor = Redactor()
    failures: list[BaseException] = []

    def add(part: int) -> None:
        for number in range(500):
            redactor.add(f"token-{part}-{number}-of-a-thread")

    def redact() -> None:
        try:
            for number in range(500):
                redactor.redact(f"x token-1-{number}-of-a-thread")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=add, args=(part,)) for part in range(3)] + [threading.Thread(target=redact)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ('{"Authorization": "Bearer abc", "x": 1}', '{"Authorization": "***", "x": 1}'),
        ("[('Authorization', 'Bearer abc'), ('b', 'c')]", "[('Authorization', '***'), ('b', 'c')]"),
        ("b'GET /\\r\\nAuthorization: Bearer abc\\r\\nHost: x'", "b'GET /\\r\\nAuthorization: ***\\r\\nHost: x'"),
        ("Cookie: a=b; c=d\nHost: x", "Cookie: ***\nHost: x"),
        ("set-cookie=a", "set-cookie=***"),
        ("X-Shopify-Access-Token: abc", "X-Shopify-Access-Token: ***"),
        ("sent bearer abcd, twice", "sent bearer ***, twice"),
        ("the bearer token is missing", "the bearer token is missing"),
        ("Basic dXNlcjpwYXNz", "Basic ***"),
        ("Basic authentication, basic abcdefghi, Basic", "Basic authentication, basic abcdefghi, Basic"),
        ("id eyJhbGciOi.eyJzdWIi.c2ln!", "id ***!"),
        ('{"access_token": "a b\\" c", "t": 1}', '{"access_token": "***", "t": 1}'),
        ('"{\\"id_token\\": \\"xyz\\", \\"a\\": 1}"', '"{\\"id_token\\": \\"***\\", \\"a\\": 1}"'),
        ("{'password': 'x', 'b': 1}", "{'password': '***', 'b': 1}"),
        ("{'client_secret': b'x'}", "{'client_secret': '***'}"),
        ("password=hunter2, user=bob", "password=***, user=bob"),
        ("a=1&refresh_token=x%20y&client_assertion=z", "a=1&refresh_token=***&client_assertion=***"),
        (
            "code=abc&grant_type=authorization_code&code_verifier=v",
            "code=***&grant_type=authorization_code&code_verifier=***",
        ),
        ("/cb?state=s&code=abc", "/cb?state=s&code=***"),
        ('{"code": "4/0AX4XfWhabcdefghijkl"}', '{"code": "***"}'),
        ("status code=500 code: 5", "status code=500 code: 5"),
        ('{"code": "reauthorization_required"}', '{"code": "reauthorization_required"}'),
        ("Token(api_key='abc', n=1)", "Token(api_key='***', n=1)"),
        ("amqp://user:pass@host:5672/x and http://tok@h", "amqp://***@host:5672/x and http://***@h"),
        ("https://h/?email=a@b.c", "https://h/?email=a@b.c"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----.", "-----BEGIN RSA PRIVATE KEY-----***."),
        ("token=None token == x token_type=Bearer", "token=None token == x token_type=Bearer"),
        ('"refresh_token": null, "secret": ""', '"refresh_token": null, "secret": ""'),
        ("No refresh token: sign in again", "No refresh token: sign in again"),
    ],
)
def test_what_looks_like_a_secret_is_removed_and_other_text_stays(text: str, redacted: str) -> None:
    assert Redactor().redact(text) == redacted


@given(st.text(alphabet=st.sampled_from("tokenpassword=:\"'\\ {}&?eyJ.abc\n")))
def test_masked_text_is_masked_once_and_for_all(text: str) -> None:
    redactor = Redactor()
    once = redactor.redact(text)
    assert redactor.redact(once).count("***") >= once.count("***") - once.count("=***")


def test_values_keep_their_shape_without_secrets() -> None:
    redactor = Redactor()
    redactor.add(CANARY)
    value = {
        "a": [1, 1.5, None, True, CANARY, ("x",)],
        "token": "anything",
        "secret": "",
        CANARY: 1,
        "password": 5,
        6: 7,
    }
    assert redactor.redact_json(value) == {
        "a": [1, 1.5, None, True, "***", ["x"]],
        "token": "***",
        "secret": "",
        "***": 1,
        "password": 5,
        6: 7,
    }


def test_a_traceback_printed_by_anyone_can_be_redacted() -> None:
    redactor = Redactor()
    redactor.add(CANARY)
    text = "".join(traceback.format_exception(nested_error()))
    assert CANARY in text
    assert CANARY not in redactor.redact(text)


def test_nothing_heavy_is_imported_for_the_log() -> None:
    code = "import sys, shipmate.logs.log; print({'asyncio', 'requests', 'orjson', 'jsonschema'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "set()"


def test_a_child_of_a_messages_logger_has_fields_of_its_own(as_json: Log) -> None:
    """Contract 13: besides the ids of the message, and without a change to its parent."""
    parent = message_logger("component", thread_id="t", message_id=None, parent_message_id=None)
    parent.child({"order": 7}).warning("first")
    parent.warning("second")
    first, second = as_json.lines
    assert (first["order"], first["threadId"], first["name"]) == (7, "t", "component")
    assert (second.get("order"), second["threadId"]) == (None, "t")
