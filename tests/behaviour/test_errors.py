"""What a step publishes when something fails, and what becomes of the input."""

import base64
import json

import pytest

from tests.station import Start, commands


def test_an_error_and_data_publish_both_and_reject_the_input(start: Start) -> None:
    """Contract 17.4: what was emitted before and after an error is published, and the input is rejected."""
    message = commands(["emit", "data", {"body": 1}], ["emit", "error", {"message": "no", "name": "Mine"}])
    message["body"]["return"] = {"body": 2}
    done = start(ERROR_RATE_LIMIT=100).deliver(message, headers={"messageId": "m0"})
    assert done.bodies == [1, 2]
    (error,) = done.errors
    assert error.error == {"name": "Mine", "message": "no", "stack": "Not Available"}
    assert error.error_input == message
    assert error.headers["parentMessageId"] == "m0"
    assert "protocolVersion" not in error.headers
    assert error.headers["end"] >= error.headers["start"]
    assert not done.is_success


def test_an_exception_is_an_error_with_the_traceback_of_the_author(start: Start) -> None:
    """Contract 6.2: it begins in the author's file."""
    done = start().deliver(commands(["raise", "it failed"]))
    (error,) = done.errors
    assert (error.error["name"], error.error["message"]) == ("ValueError", "it failed")
    assert error.error["stack"].startswith("Traceback")
    assert "commands.py" in error.error["stack"].splitlines()[1]
    assert not done.is_success


@pytest.mark.parametrize("protocol", [1, 2])
def test_the_input_of_an_error_is_always_text(start: Start, protocol: int) -> None:
    """Contract 6.2: base64, whatever the input's encoding was."""
    (error,) = start().deliver(commands(["exit"]), protocol=protocol).errors
    assert error.error_input == commands(["exit"])
    assert error.error["message"] == "The component called sys.exit(3)"


def test_what_cannot_be_decoded_is_an_error_without_input(start: Start) -> None:
    """Contract 14: an error tells of it, the input is rejected, and the next one is processed."""
    station = start(ERROR_RATE_LIMIT=100)
    encode = station.cipher.encode
    wrong = [
        b"",
        b"not base64 at all!",
        base64.b64encode(b"0123456789abcdef"),
        encode(b"no JSON", 1),
        encode(b"[1]", 1),
        encode(b"null", 1),
    ]
    for body in wrong:
        done = station.deliver_raw(body, {"messageId": "m1", "threadId": "t1"})
        (error,) = done.errors
        assert (error.error["name"], error.error_input) == ("Undecodable", None)
        assert error.headers["parentMessageId"] == "m1"
        assert not done.is_success
    assert station.deliver({"body": {"return": {"body": "fine"}}}).bodies == ["fine"]


def test_error_format_input_is_given_decrypted(start: Start) -> None:
    """Contract 4.4, without DEF-14: a step that handles errors gets them, and may itself fail."""
    station = start("hooked", INPUT_FORMAT="error")
    failure, message = {"name": "E", "message": "m", "stack": "s"}, {"body": {"x": 1}}
    envelope = {
        "error": station.cipher.encode(json.dumps(failure).encode(), 1).decode(),
        "errorInput": station.cipher.encode(json.dumps(message).encode(), 1).decode(),
    }
    headers = {"messageId": "m1", "protocolVersion": 2, "Custom": "c"}
    assert station.deliver_raw(json.dumps(envelope).encode(), headers).bodies == [
        {"error": failure, "errorInput": message}
    ]
    undecodable = station.deliver_raw(b"not JSON", {"messageId": "m2"})
    (error,) = undecodable.errors
    assert error.headers["parentMessageId"] == "m2"
    assert not undecodable.is_success


def test_a_handler_of_errors_that_fails_publishes_what_it_was_given(start: Start) -> None:
    """Contract 15, DEF-14: the input of its error is encrypted, too."""
    station = start("calls", INPUT_FORMAT="error")
    envelope = {"errorInput": station.cipher.encode(b'{"body": 1}', 1).decode()}
    done = station.deliver_raw(json.dumps(envelope).encode(), {"messageId": "m1", "protocolVersion": 2})
    (error,) = done.errors
    assert error.error_input == envelope
    assert not done.is_success
