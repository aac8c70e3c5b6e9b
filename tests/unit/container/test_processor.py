"""How one delivery is processed: what the log says of it, and that it is settled whatever happens."""

import logging

import pytest

from tests.station import StartInMemory, commands


def test_metadata_that_cannot_be_read_is_an_error(start_in_memory: StartInMemory) -> None:
    """The transport says why; the message is not looked at."""
    station = start_in_memory()
    station.transport.deliver(b"", {}, unreadable="expected other headers")
    (error,) = station.transport.published
    assert error.event == "error"
    assert [is_success for _, is_success in station.transport.settled] == [False]


def test_a_message_that_fails_before_its_function_is_settled(
    start_in_memory: StartInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong, no message stays in work for ever."""
    station = start_in_memory()

    def broken() -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(station.loaded.resources.state, "config", broken)
    done = station.deliver(commands())
    assert [each.error["message"] for each in done.errors] == ["broken"]
    assert not done.is_success


def test_a_message_is_settled_though_its_error_cannot_be_published(
    start_in_memory: StartInMemory, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has both reasons."""
    station = start_in_memory()
    station.transport.refuse("error")
    done = station.deliver_raw(b"undecodable", {})
    assert (done.errors, done.is_success) == ([], False)
    texts = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert texts[-2].startswith("a message could not be decoded: ")
    assert texts[-1] == "the error of a message could not be published: refused"
