"""Failures: any value that an author raises or emits as an error has a shape, and a stack that starts in their file."""

import math

import pytest

from shipmate.errors import InvalidMessage, ReauthorizationRequired
from shipmate.invocation.failure import error_text, format_error
from shipmate.invocation.message import check_message
from shipmate.jsonvalue import plain, to_json


def raised_by_author() -> BaseException:
    try:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise RuntimeError("outer") from inner
    except RuntimeError as error:
        return error


def test_an_exception_keeps_its_class_text_and_traceback_with_causes() -> None:
    formatted = format_error(raised_by_author())
    assert formatted["name"] == "RuntimeError"
    assert formatted["message"] == "outer"
    assert "KeyError: 'inner'" in formatted["stack"]
    assert "raised_by_author" in formatted["stack"]


def test_the_stack_of_an_exception_starts_in_the_authors_file() -> None:
    class Strange:
        def __getattr__(self, name: str) -> object:
            raise ReauthorizationRequired(f"no {name}")

    def author() -> None:
        from_json_of_author(Strange())

    def from_json_of_author(value: object) -> None:
        hash(value)
        value.anything  # type: ignore[attr-defined]  # noqa: B018

    with pytest.raises(ReauthorizationRequired) as raised:
        author()
    stack = format_error(raised.value)["stack"]
    assert stack.splitlines()[-1] == "code: reauthorization_required"
    with pytest.raises(InvalidMessage) as refused:
        plain({"a": {1}})
    lines = format_error(refused.value)["stack"].splitlines()
    assert "test_failure.py" in lines[1]
    assert not any("shipmate/invocation/message.py" in line for line in lines)


def test_a_stack_of_the_runtime_alone_is_left_out() -> None:
    code = compile("def go(check): check(0)", str(__file__).replace(__file__, _runtime_file()), "exec")
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102
    error = InvalidMessage("x")
    try:
        names["go"](check_message)  # type: ignore[operator]
    except InvalidMessage as raised:
        error = raised
    assert error.__traceback__ is not None
    error.__traceback__ = error.__traceback__.tb_next
    assert "File" not in format_error(error)["stack"]


def _runtime_file() -> str:
    return check_message.__code__.co_filename


def test_groups_are_formatted_with_their_members() -> None:
    formatted = format_error(BaseExceptionGroup("several", [ValueError("one"), raised_by_author()]))
    assert formatted["name"] == "ExceptionGroup"
    assert "ValueError: one" in formatted["stack"]


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class WithMessage:
    message = "from an object"
    name = "Odd"
    stack = 5


class Hostile:
    @property
    def message(self) -> str:
        raise ValueError("no message")

    def __str__(self) -> str:
        return "hostile"


@pytest.mark.parametrize(
    ("value", "name", "text"),
    [
        ("boom", "Error", "boom"),
        (None, "Error", "Not Available"),
        ("", "Error", "Not Available"),
        (False, "Error", "Not Available"),
        (0, "Error", "Not Available"),
        (math.nan, "Error", "Not Available"),
        (42, "Error", 42),
        ([], "Error", []),
        ({"code": 5}, "Error", {"code": 5}),
        ({"message": "m", "name": "N"}, "N", "m"),
        ({"message": None, "name": ""}, "Error", None),
        ({"message": ""}, "Error", ""),
        ({"message": 0}, "Error", 0),
        ({"message": False, "name": 5}, 5, False),
        ({1}, "Error", "{1}"),
        (WithMessage(), "Odd", "from an object"),
        (Hostile(), "Error", "hostile"),
        (ValueError(), "ValueError", "ValueError"),
        (Unprintable(), "Unprintable", "Unprintable"),
        (SystemExit(3), "SystemExit", "The component called sys.exit(3)"),
    ],
)
def test_anything_can_be_an_error(value: object, name: str, text: object) -> None:
    formatted = format_error(value)
    assert (formatted["name"], formatted["message"]) == (name, text)
    assert formatted["stack"]
    to_json(formatted)


def test_the_stack_that_an_object_brings_is_kept() -> None:
    assert format_error({"message": "m", "stack": "s"})["stack"] == "s"
    assert format_error("m")["stack"] == "Not Available"


def test_an_exception_that_cannot_be_formatted_has_no_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(error: BaseException) -> None:
        raise ValueError("broken")

    monkeypatch.setattr("traceback.TracebackException.from_exception", broken)
    assert format_error(KeyError("k")) == {"name": "KeyError", "message": "'k'", "stack": "Not Available"}


def test_an_exit_without_a_status_is_an_error_of_its_own() -> None:
    assert error_text(SystemExit()) == "The component called sys.exit()"
