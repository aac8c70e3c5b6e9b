"""What a container writes: bunyan's records, and nothing secret at any level or in any error."""

import json
import os
import re

from shipmate.emulator import DemoApi, OAuth2Provider, Platform, StepQueues
from tests.container import Launch, eventually

FIELDS = [
    "name", "hostname", "pid", "ELASTICIO_API_USERNAME", "ELASTICIO_COMP_ID", "ELASTICIO_CONTAINER_ID",
    "ELASTICIO_EXEC_ID", "ELASTICIO_FLOW_ID", "ELASTICIO_FUNCTION", "ELASTICIO_STEP_ID", "ELASTICIO_USER_ID",
    "ELASTICIO_WORKSPACE_ID", "tag", "threadId", "messageId", "parentMessageId", "level", "msg", "time", "v",
]  # fmt: skip


def test_a_record_of_a_component_is_that_of_the_platform(launch: Launch, queues: StepQueues) -> None:
    """Contract 17.15, without DEF-24: structured fields are kept, and the lines stay lines."""
    container = launch()
    headers = {"threadId": "th1", "messageId": "m0", "parentMessageId": "p0"}
    queues.publish({"body": {"do": [["log", "info", "two\nlines"], ["log", "trace", "fine"]]}}, headers=headers)
    container.wait_for("two")
    (record,) = [each for each in container.records if each["msg"] == "two\nlines"]
    assert record.pop("field") == {"inner": 1}
    assert list(record) == FIELDS
    assert (record["name"], record["level"], record["v"], record["tag"]) == ("component", 30, 0, "flow")
    assert (record["threadId"], record["messageId"], record["parentMessageId"]) == ("th1", "m0", "p0")
    assert (record["pid"], record["hostname"]) == (container.process.pid, os.uname().nodename)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["time"])


def test_a_record_of_the_runtime_says_which_delivery_it_is_about(launch: Launch, queues: StepQueues) -> None:
    """Contract 13: the ids, or unknown, and where the message came from; a component's record has the ids alone."""
    container = launch(bare={"LOG_LEVEL": "debug"})
    queues.publish({"body": {"do": [["log", "info", "word"]]}}, headers={"threadId": "th1", "parentMessageId": None})
    container.wait_for("word")
    (record,) = [each for each in container.records if each["msg"] == "processing a message"]
    (own,) = [each for each in container.records if each["msg"] == "word"]
    assert (record["name"], record["threadId"], record["parentMessageId"]) == ("sailor", "th1", "unknown")
    assert (record["deliveryTag"], record["redelivered"], record["exchange"]) == (1, False, "")
    assert record["routingKey"] == queues.queue("input")
    assert record["consumerTag"]
    assert record["messageId"] == own["messageId"]
    assert "parentMessageId" not in own
    assert "deliveryTag" not in own


def test_what_could_not_be_published_is_logged_with_its_message(launch: Launch, queues: StepQueues) -> None:
    """Contract 13: the function has returned by then, and its thread may be busy with another message."""
    container = launch(DATA_ROUTING_KEY=f"{queues.name}-nowhere", AMQP_PUBLISH_RETRY_ATTEMPTS=1)
    queues.publish({"body": {"return": {"body": 1}}}, headers={"threadId": "th1", "messageId": "m0"})
    container.wait_for("Failed on publishing")
    (record,) = [each for each in container.records if "Failed on publishing" in each["msg"]]
    assert (record["threadId"], record["messageId"], record["parentMessageId"]) == ("th1", "m0", "unknown")
    assert (record["deliveryTag"], record["routingKey"]) == (1, queues.queue("input"))


def test_a_fatal_record_has_its_error(launch: Launch) -> None:
    """Contract 13: message, name and stack."""
    container = launch("unknown")
    assert container.wait() == 1
    (record,) = [each for each in container.records if each["level"] == 60]
    assert record["err"]["message"] == record["msg"]
    assert {"message", "name", "stack"} <= set(record["err"])


def test_records_below_the_level_are_not_written(launch: Launch, queues: StepQueues) -> None:
    """Contract 2.4: a number, or a name in any case of its letters."""
    container = launch(bare={"LOG_LEVEL": "INFO"})
    do = [["log", "trace", "word"], ["log", "info", "word"], ["log", "error", "word"], ["print", "end"]]
    queues.publish({"body": {"do": do}})
    container.wait_for("end")
    assert sum(record["msg"] == "word" for record in container.records) == 2


def test_nothing_is_logged_where_tests_run_on_the_platform(launch: Launch, queues: StepQueues) -> None:
    """Contract 2.4: NODE_ENV=test, unless a level is asked for."""
    container = launch(bare={"LOG_LEVEL": "", "NODE_ENV": "test"})
    queues.publish({"body": {"do": [["log", "fatal", "word"], ["print", "end"]]}})
    container.wait_for("end")
    assert container.records == []


def test_no_secret_is_written_or_sent_anywhere(queues: StepQueues, launch: Launch, platform: Platform) -> None:
    """Keys, passwords, tokens and bodies, at the finest level, in all that goes wrong."""
    platform.key = "canary-api-key"
    with OAuth2Provider({"canary-client": "canary-client-secret"}) as provider, DemoApi(provider) as api:
        keys = provider.issue(expired=True)
        platform.accounts["account"]["oauth"] = keys
        bare = {
            "LOG_LEVEL": "trace",
            "TEST_API": api.url,
            "TEST_PROVIDER": provider.url,
            "TEST_CLIENT_ID": "canary-client",
            "TEST_CLIENT_SECRET": "canary-client-secret",
        }
        calls = launch("calls", bare, ERROR_RATE_LIMIT=100)
        queues.publish({"body": {"number": "canary-body"}})
        queues.take("data")
        provider.revoke()
        provider.expire_access_tokens()
        queues.publish({"body": {"number": "canary-body"}})
        (refused,) = queues.take("error", timeout_seconds=15)
        outputs = [calls.output, json.dumps(refused.error)]
        assert calls.stop() == 0
        saved = platform.accounts["account"]["oauth"]
    told = launch(bare={**bare, "SHIPMATE_STOP_SECONDS": "0"}, ERROR_RATE_LIMIT=100)
    texts = [saved["access_token"], platform.key, "canary-client-secret", "emulator-password"]
    queues.publish({"body": {"do": [["log", "info", f"with {text}"] for text in texts]}})
    queues.publish({"body": {"do": [["raise", " ".join(texts)]], "canary": "canary-body"}})
    queues.publish_raw(b"canary-body", {"messageId": "m"})
    queues.publish({"body": {"return": {"body": "canary-body", "headers": {"x-eio-routing-key": "nowhere"}}}})
    told.wait_for("could not be routed", count=2)
    outputs += [json.dumps(each.error) for each in queues.take("error", 2)]
    assert told.stop() == 0
    eventually(lambda: queues.depth("input") == 1, queues)
    everything = "\n".join([*outputs, told.output])
    canaries = [
        *texts, "canary-body", saved["refresh_token"], keys["access_token"], keys["refresh_token"],
    ]  # fmt: skip
    assert [canary for canary in canaries if canary in everything] == []
    assert "***" in everything


def test_the_access_line_is_written_for_each_message_if_it_is_asked_for(launch: Launch, queues: StepQueues) -> None:
    """With the ids and the delivery; without the body."""
    container = launch(bare={"SHIPMATE_ACCESS_LOG": "true", "LOG_LEVEL": "info"})
    queues.publish({"body": {"return": {"body": "canary"}}}, headers={"threadId": "th1", "messageId": "m0"})
    queues.publish({"body": {"do": [["raise", "canary"]]}}, headers={"messageId": "m1"})
    container.wait_for("a message is done", count=2)
    lines = {each["messageId"]: each for each in container.records if each.get("code") == "access"}

    assert (lines["m0"]["outcome"], lines["m0"]["events"]) == ("success", {"data": 1})
    assert (lines["m1"]["outcome"], lines["m1"]["events"]) == ("error", {"error": 1})
    assert (lines["m0"]["threadId"], lines["m0"]["logger"]) == ("th1", "shipmate.access")
    assert lines["m0"]["deliveryTag"] != lines["m1"]["deliveryTag"]
    assert min(line["bytes"] for line in lines.values()) > 20
    assert "canary" not in str(lines)


def test_no_access_line_is_written_unless_it_is_asked_for(launch: Launch, queues: StepQueues) -> None:
    container = launch()
    queues.publish({"body": {"return": {"body": 1}}})
    queues.take("data")
    assert container.stop() == 0
    assert "shipmate.access" not in container.output


def test_a_single_logger_has_a_level_of_its_own(launch: Launch, queues: StepQueues) -> None:
    """Also a child of the component's logger."""
    container = launch(bare={"LOG_LEVEL": "error", "SHIPMATE_LOG_LEVELS": "shipmate.step=debug,component=trace"})
    queues.publish({"body": {"do": [["log", "trace", "word"], ["print", "end"]]}})
    container.wait_for("end")
    assert {each["msg"] for each in container.records} >= {"processing a message", "word"}
    assert {each.get("logger") for each in container.records} <= {"shipmate.step", None}


def test_wrong_levels_of_loggers_end_the_start_with_one_line(launch: Launch) -> None:
    """Status 1, and the line says what was expected."""
    container = launch(bare={"SHIPMATE_LOG_LEVELS": "shipmate.amqp=loud"})
    assert container.wait() == 1
    (record,) = container.records
    assert (record["level"], record["err"]["code"]) == (60, "bad_setting")
    assert record["msg"].startswith("SHIPMATE_LOG_LEVELS: expected trace, debug, info")
