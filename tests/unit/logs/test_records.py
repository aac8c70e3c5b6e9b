"""Records: no secret gets into one, however it is logged."""

import copy
import logging
import pickle
import threading
from collections.abc import Callable
from logging.handlers import QueueHandler
from queue import SimpleQueue
from typing import Any

import pytest

from shipmate.logs.log import TRACE, message_logger
from shipmate.logs.records import excerpt, redacted
from tests.unit.logs.canaries import CANARY, Coded, Log, Unprintable, nested_error


def test_odd_extra_values_do_not_reach_the_caller(either: Log) -> None:
    circular: list[Any] = []
    circular.append(circular)

    class Silent:
        def __str__(self) -> str:
            raise ValueError("no text")

    odd = {"nan": float("nan"), "real": 1.5, "circular": circular, "silent": Silent(), "keys": {(1, 2): 1, 3: 4}}
    logging.getLogger("component").info("odd", extra={**odd, "some": [object(), (1, None)]})
    assert "odd" in either.stream.getvalue()


def test_arguments_that_do_not_fit_are_named_and_not_printed(either: Log, capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("component").info("%d things", CANARY)
    logging.getLogger("component").info(Unprintable(CANARY), CANARY)
    assert "%d things (arguments do not fit)" in either.text
    assert "Unprintable (arguments do not fit)" in either.text
    assert CANARY not in either.text + capsys.readouterr().err


class Holder:
    """An object whose text has a secret."""

    def __str__(self) -> str:
        return f"holder of {CANARY}"


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


RESERVED = [*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"]


@pytest.mark.parametrize("name", RESERVED)
def test_extra_fields_may_have_any_name(name: str, as_json: Log) -> None:
    logger = message_logger("component", thread_id="t", message_id="m", parent_message_id=None)
    logger.info("said", extra={name: CANARY, f"{name}_": "other", "id": 7})
    line = as_json.lines[-1]
    assert (line["msg"], line["id"]) == ("said", 7)
    assert {f"{name}_", f"{name}__"} <= line.keys()
    assert sorted((line[f"{name}_"], line[f"{name}__"])) == ["***", "other"]


def test_extra_that_is_no_mapping_is_a_field_itself(as_json: Log) -> None:
    message_logger("component", thread_id="t", message_id="m", parent_message_id=None).info("said", extra=["a"])  # type: ignore[arg-type]
    assert as_json.lines[-1]["extra"] == ["a"]


def test_a_secret_at_the_cut_is_removed_before(as_json: Log) -> None:
    for length in range(len(CANARY) + 1):
        assert CANARY[:4] not in excerpt(f"{'x' * 20} {CANARY} and more", 20 + length)
    assert excerpt("short", 5) == "short"
    assert redacted(f"<{CANARY}>") == "<***>"
