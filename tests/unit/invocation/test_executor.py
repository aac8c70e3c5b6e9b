"""One call of one function: every kind of function, and what it returns."""

import asyncio
import dataclasses
import functools
import io
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from shipmate.emulator import Platform
from shipmate.errors import InvalidMessage, MissingSetting, UnknownEvent
from shipmate.invocation import executor
from shipmate.invocation.executor import Outcome
from shipmate.invocation.services import Services
from shipmate.logs import log
from shipmate.logs.log import Redactor
from shipmate.platform.client import PlatformClient
from shipmate.settings import ApiSettings
from tests.unit.invocation.functions import (
    IDS,
    Collected,
    Lenient,
    Run,
    body,
    coroutine,
    exiting,
    failing,
    interrupted,
)


def returning(value: Any) -> Any:
    """Return an asynchronous function that returns a value."""

    async def function(*_: Any) -> Any:
        return value

    return function


def plain(context: Any, msg: Any, cfg: Any, snapshot: Any) -> Any:
    context.emit("data", body(1))
    return body(2)


def generator(context: Any, msg: Any, cfg: Any, snapshot: Any) -> Iterator[Any]:
    yield body(1)
    yield None
    yield body(2)


def returning_generator(context: Any, msg: Any, cfg: Any, snapshot: Any) -> Any:
    yield body(1)
    return body(2)


async def async_generator(context: Any, msg: Any, cfg: Any, snapshot: Any) -> AsyncIterator[Any]:
    yield body(1)
    yield None
    await asyncio.to_thread(lambda: None)
    yield body(2)


async def coroutine_of_a_generator(context: Any, msg: Any, cfg: Any, snapshot: Any) -> Any:
    return generator(context, msg, cfg, snapshot)


KINDS = [plain, coroutine, generator, returning_generator, async_generator, coroutine_of_a_generator]


@pytest.mark.parametrize("function", KINDS)
@pytest.mark.parametrize("is_decorated", [False, True])
def test_every_kind_of_function_emits_what_it_makes(function: Any, is_decorated: bool, run: Run) -> None:
    def decorated(*args: Any) -> Any:
        return function(*args)

    sink = Collected()
    assert run(decorated if is_decorated else functools.partial(function), sink) == Outcome(0)
    assert sink.seen == [("data", body(1)), ("data", body(2))]


@pytest.mark.parametrize("function", [*KINDS])
def test_every_kind_of_function_works_where_a_loop_is_running(function: Any, run: Run) -> None:
    async def test() -> Outcome:
        return run(function, sink)

    sink = Collected()
    assert asyncio.run(test()) == Outcome(0)
    assert sink.seen == [("data", body(1)), ("data", body(2))]


def test_none_is_nothing_and_what_is_empty_is_not_none(run: Run) -> None:
    sink = Collected()
    assert run(lambda *_: None, sink) == Outcome(0)
    assert sink.seen == []
    empties: tuple[Any, ...] = ({}, [], 0, "", False)
    for empty in empties:
        assert run(lambda *_, empty=empty: empty, sink).errors == 1
    assert [name for name, _ in sink.seen] == ["error"] * 5


@pytest.mark.parametrize("function", [lambda value: lambda *_: value, lambda value: returning(value)])
def test_a_lenient_sink_takes_what_the_official_runtime_takes(run: Run, function: Any) -> None:
    """Contract 7: the platform's messages may lack a body, and what is falsy in JavaScript is nothing."""
    sink = Lenient()
    for nothing in (None, 0, "", False):
        assert run(function(nothing), sink) == Outcome(0)
    assert sink.seen == []
    assert run(function({}), sink) == Outcome(0)
    assert run(function({"headers": {}}), sink) == Outcome(0)
    assert sink.seen == [("data", {}), ("data", {"headers": {}})]
    for wrong in ([], "text", 5, True):
        assert run(function(wrong), sink).errors == 1


def test_the_function_gets_context_message_configuration_and_snapshot(services: Services) -> None:
    got: list[Any] = []
    executor.process(
        lambda *args: got.append(args[1:]), "msg", "cfg", "snapshot", sink=Collected(), services=services, ids=IDS
    )
    assert got == [("msg", "cfg", "snapshot")]


def test_each_value_is_handed_over_before_the_generator_goes_on(run: Run) -> None:
    sink = Collected()
    seen: list[int] = []

    def counting(*_: Any) -> Iterator[Any]:
        for number in range(3):
            yield body(number)
            seen.append(len(sink.events))

    async def counting_async(*_: Any) -> AsyncIterator[Any]:
        for number in range(3):
            yield body(number)
            seen.append(len(sink.events))

    run(counting, sink)
    run(counting_async, sink)
    assert seen == [1, 2, 3, 4, 5, 6]


def test_a_refused_value_is_raised_where_it_was_yielded(run: Run) -> None:
    def careful(*_: Any) -> Iterator[Any]:
        try:
            yield {"no": "body"}
        except InvalidMessage:
            yield body("instead")
        yield body("after")

    async def careful_async(*_: Any) -> AsyncIterator[Any]:
        try:
            yield {"no": "body"}
        except InvalidMessage:
            yield body("instead")
        yield body("after")

    for function in (careful, careful_async):
        sink = Collected()
        assert run(function, sink) == Outcome(0)
        assert sink.seen == [("data", body("instead")), ("data", body("after"))]


def test_a_generator_that_ends_after_a_refused_value_is_done(run: Run) -> None:
    def giving_up(*_: Any) -> Iterator[Any]:
        try:
            yield "no message"
        except InvalidMessage:
            return

    async def giving_up_async(*_: Any) -> AsyncIterator[Any]:
        try:
            yield "no message"
        except InvalidMessage:
            return

    assert run(giving_up, Collected()) == run(giving_up_async, Collected()) == Outcome(0)


def test_the_context_offers_what_the_run_mode_provides(run: Run, services: Services) -> None:
    def function(context: Any, *_: Any) -> None:
        assert context.flow_variables == {"region": "eu"}
        with pytest.raises(MissingSetting):
            _ = context.api
        with pytest.raises(MissingSetting):
            context.attachments.upload("a.csv", b"1,2")

    assert run(function, Collected()) == Outcome(0)


def test_files_are_stored_where_the_run_mode_says(services: Services) -> None:
    """An upload goes to the platform that the run mode knows, and its address into the message."""
    with Platform() as platform:
        settings = ApiSettings.from_environ(platform.environ())
        made = dataclasses.replace(services, platform=lambda: PlatformClient(settings))
        sink = Collected()

        def function(context: Any, *_: Any) -> Any:
            return {"body": {}, "attachments": {"a.csv": context.attachments.upload("a.csv", b"1,2")}}

        assert executor.process(function, {}, {}, {}, sink=sink, services=made, ids=IDS) == Outcome(0)
        assert [each.data for each in platform.maester.objects.values()] == [b"1,2"]
        (event,) = sink.events
        assert event.value["attachments"]["a.csv"]["size"] == 3


def test_records_made_meanwhile_carry_the_ids(run: Run) -> None:
    stream = io.StringIO()

    async def function(context: Any, *_: Any) -> None:
        context.logger.info("one")
        logging.getLogger("else").info("two")

    with log.configure(20, Redactor(), stream=stream, as_json=False):
        run(function, Collected())
    assert all("messageId=message parentMessageId=parent" in line for line in stream.getvalue().splitlines())


def test_a_model_is_what_the_function_returns(services: Services) -> None:
    async def model(context: Any, cfg: Any) -> Any:
        await context.emit("updateKeys", {"oauth": {}})
        return {"a": (1,)}

    sink = Collected()
    assert executor.call_model(model, {}, sink=sink, services=services) == {"a": [1]}
    assert sink.seen == [("updateKeys", {"oauth": {}})]
    assert executor.call_model(lambda context, cfg: None, {}, sink=sink, services=services, ids=IDS) is None


def test_a_model_raises_what_the_function_raises(services: Services) -> None:
    def wrong(context: Any, cfg: Any) -> None:
        context.emit("data", body(1))

    def yielding(context: Any, cfg: Any) -> Iterator[int]:
        yield 1

    for function, error in [(failing, ValueError), (exiting, SystemExit), (wrong, UnknownEvent)]:
        with pytest.raises(error):
            executor.call_model(function, {}, sink=Collected(), services=services)
    unusable: tuple[Any, ...] = (yielding, lambda *_: {1})
    for answer in unusable:
        with pytest.raises(InvalidMessage):
            executor.call_model(answer, {}, sink=Collected(), services=services)


def test_lost_keys_of_a_model_are_logged_and_publish_nothing(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    async def model(context: Any, cfg: Any) -> Any:
        context.emit("updateKeys", {})
        return {}

    sink = Collected(updateKeys=OSError("down"))
    assert executor.call_model(model, {}, sink=sink, services=services) == {}
    assert sink.events == []
    assert "could not be handed over: down" in caplog.text


def test_without_a_function_all_credentials_are_verified(services: Services) -> None:
    assert executor.verify(None, {}, sink=Collected(), services=services) == {"verified": True}


async def verified_later(context: Any, credentials: Any) -> Any:
    return {"verified": True, "who": "me"}


def yielding_verifier(context: Any, credentials: Any) -> Iterator[Any]:
    yield True


class Reply:
    """What a verifier may return without meaning anything by it."""


@pytest.mark.parametrize(
    ("function", "verdict"),
    [
        (lambda *_: {"verified": False, "more": (1,)}, {"verified": False, "more": [1]}),
        (lambda *_: None, {"verified": True}),
        (lambda *_: True, {"verified": True}),
        (lambda *_: {}, {"verified": True}),
        (lambda *_: 0, {"verified": True}),
        (lambda *_: Reply(), {"verified": True}),
        (lambda *_: False, {"verified": False, "reason": "verify_credentials returned False"}),
        (failing, {"verified": False, "reason": "with ***"}),
        (exiting, {"verified": False, "reason": "The component called sys.exit(3)"}),
        (verified_later, {"verified": True, "who": "me"}),
        (
            yielding_verifier,
            {"verified": False, "reason": "This function must return its result, found a generator"},
        ),
        (
            lambda *_: {"verified": {1}},
            {
                "verified": False,
                "reason": "Not JSON: found set, which has no order: use sorted(...) or list(...) at /verified",
            },
        ),
    ],
)
def test_what_a_verifier_does_decides(function: Any, verdict: Any, services: Services) -> None:
    assert executor.verify(function, {}, sink=Collected(), services=services, ids=IDS) == verdict


def test_an_interrupted_verifier_gives_no_verdict(services: Services) -> None:
    with pytest.raises(KeyboardInterrupt):
        executor.verify(interrupted, {}, sink=Collected(), services=services)


def test_a_hook_with_an_argument_more_gets_a_context_and_emits_keys_alone(services: Services) -> None:
    """Webhooks are subscribed with a session; a message that nobody has asked for goes nowhere."""
    sink = Collected()

    def startup(context: Any, cfg: Any) -> Any:
        context.emit("updateKeys", {"oauth": {"access_token": "new"}})
        with pytest.raises(UnknownEvent):
            context.emit("data", {"body": {}})
        return cfg

    async def shutdown(context: Any, cfg: Any, startup_data: Any) -> Any:
        context.logger.info("bye")
        return startup_data

    def with_default(cfg: Any, more: Any = "default") -> Any:
        return cfg, more

    assert executor.run_hook(startup, 1, sink=sink, services=services) == 1
    assert [(event.name, event.value) for event in sink.events] == [("updateKeys", {"oauth": {"access_token": "new"}})]
    assert executor.run_hook(shutdown, 1, 2, sink=sink, services=services) == 2
    assert executor.run_hook(with_default, 1, sink=sink, services=services) == (1, "default")


def test_hooks_are_plain_or_async(services: Services) -> None:
    async def hook(cfg: Any) -> Any:
        return cfg

    given: Any = {"sink": Collected(), "services": services}
    assert executor.run_hook(lambda cfg, data: (cfg, data), 1, 2, **given) == (1, 2)
    assert executor.run_hook(hook, 1, **given) == 1
    with pytest.raises(ValueError, match="with"):
        executor.run_hook(failing, **given)
