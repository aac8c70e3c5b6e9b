"""Reads JSON and YAML files into the same plain values, within limits.

YAML has the values of its core schema, which are those of JSON: ``yes`` and ``2026-01-31`` are text.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from shipmate.errors import BadInput
from shipmate.jsonvalue import BOM, InvalidJson, Members, members_of, parse_json, pointer_to, repeated_keys
from shipmate.wording import file_problem, not_utf8

if TYPE_CHECKING:
    from yaml.events import Event, ScalarEvent

LARGEST_BYTES: Final = 10 * 1024 * 1024
DEEPEST: Final = 100
"""The most levels of objects and arrays."""
MOST_VALUES: Final = 500_000
"""The most values of a file; those behind an alias of YAML count each time."""
_NULLS: Final = ("", "~", "null", "Null", "NULL")
_BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,400}")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]{1,400}|[0-9]{1,400}(?:\.[0-9]{0,400})?)(?:[eE][-+]?[0-9]{1,3})?")
_REWRITTEN: Final = re.compile(r"\+.*|[-+]?0[0-9].*")
"""Numbers that are probably no numbers, but codes and phone numbers: their zeros and signs would be lost."""
_MISTAKABLE: Final = re.compile(
    r"yes|no|on|off|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}|[0-9]{1,2}(?::[0-9]{2}){1,2}", re.IGNORECASE
)
"""Texts that YAML 1.1 takes for booleans, dates and numbers."""
_TEXT_TAGS: Final = ("!", "tag:yaml.org,2002:str")
_NEEDS_QUOTES: Final = "put text that begins with one of * & ! @ ` % into quotes"


class FlowFileError(BadInput):
    """A flow file cannot be read, or has the wrong content."""

    def __init__(self, path: Path, pointer: str, problem: str) -> None:
        """Create the error.

        Args:
            path: The file.
            pointer: The JSON pointer of the wrong part, empty for the whole file.
            problem: What was expected, and what was found.
        """
        super().__init__(f"{path}: {pointer}: {problem}" if pointer else f"{path}: {problem}")
        self.path = path
        self.pointer = pointer
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a file."""

    value: Any = field(repr=False)
    plain: Mapping[str, str] = field(default_factory=dict)
    """The values without quotes whose meaning people mistake, as the file has them, by their pointers.

    These are numbers that JSON writes in another way, such as ``1.10``, and texts that older versions of YAML take for
    something else: ``no``, ``2026-01-31``, ``08:00``.
    """


def read_document(path: Path) -> Document:
    """Return the content of a JSON or YAML file.

    Args:
        path: The file. Its ending decides on the format; with another ending, a file that begins with a brace is JSON.

    Raises:
        FlowFileError: The file cannot be read, is neither JSON nor YAML, repeats a key, or exceeds a limit.
    """
    text = _read_text(path)
    if not text.strip():
        raise FlowFileError(path, "", "expected a flow in JSON or YAML, found an empty file")
    document = Document(_parse_json(path, text)) if _is_json(path, text) else _Yaml(path).parse(text)
    _check_limits(path, document.value)
    for pointer in repeated_keys(document.value):
        raise FlowFileError(path, pointer, "expected a unique key, found a repeated one")
    for pointer in _infinite_numbers(document.value):
        raise FlowFileError(path, pointer, "expected a number that JSON has, found one that is too large")
    return document


def _infinite_numbers(value: Any, pointer: str = "") -> Iterator[str]:
    """Yield the pointers of numbers such as ``1e999``, which Python takes for infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        yield pointer
    for step, member in members_of(value):
        yield from _infinite_numbers(member, pointer + pointer_to(step))


def _is_json(path: Path, text: str) -> bool:
    ending = path.suffix.lower()
    return ending == ".json" or (ending not in (".yaml", ".yml") and text.lstrip()[:1] in ("{", "["))


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise FlowFileError(path, "", f"expected a readable file, found {file_problem(error)}") from error
    if len(content) > LARGEST_BYTES:
        raise FlowFileError(path, "", f"expected at most {LARGEST_BYTES // 1024**2} MiB, found more")
    try:
        return content.decode("utf-8").removeprefix(BOM)
    except UnicodeDecodeError as error:
        raise FlowFileError(path, "", f"expected text in UTF-8, found {not_utf8(error)}") from None


def _parse_json(path: Path, text: str) -> Any:
    try:
        return parse_json(text, make_object=Members)
    except InvalidJson as error:
        raise FlowFileError(path, "", f"expected JSON, found {error}") from None


def _check_limits(path: Path, value: Any) -> None:
    """Refuse a value with too many levels or parts, without recursion."""
    count = 0
    pending: list[Iterator[Any]] = [iter((value,))]
    while pending:
        for each in pending[-1]:
            count += 1
            if isinstance(each, dict | list):
                pending.append(iter(each.values() if isinstance(each, dict) else each))
                break
        else:
            pending.pop()
        if len(pending) > DEEPEST + 1:
            raise FlowFileError(path, "", f"expected at most {DEEPEST} levels of objects and arrays, found more")
        if count > MOST_VALUES:
            raise FlowFileError(path, "", f"expected at most {MOST_VALUES} values, found more")


class _Yaml:
    """Makes the value of YAML from the events of its parser; a container within its depth, an alias as it was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.anchors: dict[str, Any] = {}
        self.steps: list[str | int] = []
        """Where the current value is in the document."""
        self.plain: dict[str, str] = {}

    def parse(self, text: str) -> Document:
        """Return the only document.

        Raises:
            FlowFileError: The text is not YAML, or uses what a flow file must not have.
        """
        import yaml  # 30 ms

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            return Document(self._document(yaml.parse(text, Loader=loader)), self.plain)
        except yaml.YAMLError as error:
            raise FlowFileError(self.path, "", f"expected YAML, found {_syntax_problem(text, error)}") from None

    def _document(self, events: "Iterator[Event]") -> Any:
        import yaml

        documents: list[Any] = []
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if documents:
                    self._refuse(event, "one document", "a second one")
                documents.append(self._value(next(events), events))
        return documents[0] if documents else None

    def _value(self, event: "Event", events: "Iterator[Event]") -> Any:
        import yaml

        if len(self.steps) > DEEPEST:
            self._refuse(event, f"at most {DEEPEST} levels of objects and arrays", "more")
        value: Any
        match event:
            case yaml.AliasEvent():
                if event.anchor not in self.anchors:
                    problem = f"another; {_NEEDS_QUOTES}"
                    self._refuse(event, "the name of an anchor", problem)
                return self.anchors[event.anchor]
            case yaml.ScalarEvent():
                value = self._scalar(event)
            case yaml.SequenceStartEvent():
                value = []
                while not isinstance(item := next(events), yaml.SequenceEndEvent):
                    value.append(self._member(len(value), item, events))
            case _:
                pairs = []
                while not isinstance(key := next(events), yaml.MappingEndEvent):
                    name = self._key(key)
                    pairs.append((name, self._member(name, next(events), events)))
                value = Members(pairs)
        if (anchor := getattr(event, "anchor", None)) is not None:
            self.anchors[anchor] = value
        return value

    def _member(self, step: str | int, event: "Event", events: "Iterator[Event]") -> Any:
        self.steps.append(step)
        value = self._value(event, events)
        self.steps.pop()
        return value

    def _key(self, event: "Event") -> str:
        import yaml

        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(event, "text as a key", "another value")
        if event.value == "<<" and event.implicit[0]:
            self._refuse(event, "a key", "<<, which YAML 1.2 does not have")
        return str(event.value)

    def _scalar(self, event: "ScalarEvent") -> Any:
        text: str = event.value
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            self._refuse(event, "a value without a tag", f"a tag; {_NEEDS_QUOTES}")
        if event.tag is not None or not event.implicit[0]:
            return text
        if text in _NULLS:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        is_integer = _INTEGER.fullmatch(text)
        if not is_integer and not (_FLOAT.fullmatch(text) and math.isfinite(float(text))):
            if _MISTAKABLE.fullmatch(text):
                self.plain[pointer_to(*self.steps)] = text
            return text
        if _REWRITTEN.fullmatch(text):
            self._refuse(event, "a number as JSON has it, or text in quotes", f'{text:.40}; quote it: "{text:.40}"')
        value = int(text) if is_integer else float(text)
        if repr(value) != text:
            self.plain[pointer_to(*self.steps)] = text
        return value

    def _refuse(self, event: "Event", expected: str, found: str) -> NoReturn:
        mark = event.start_mark
        place = f" (at line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        raise FlowFileError(self.path, pointer_to(*self.steps), f"expected {expected}, found {found}{place}")


def _syntax_problem(text: str, error: Any) -> str:
    """Return place and reason of an error of PyYAML, with what to do about the most frequent ones."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or not problem:
        return "a character that YAML forbids"
    before = "".join(text.split("\n")[mark.line : mark.line + 1])[: mark.column + 1]
    if "\t" in before and not before.strip():
        problem += "; indent with blanks in place of tabs"
    elif "alias" in str(error) or "cannot start" in problem:
        problem += f"; {_NEEDS_QUOTES}"
    elif problem.startswith("did not find expected ',' or"):
        problem += "; put text with a comma, a colon, a bracket or a brace into quotes"
    elif "quoted scalar" in (getattr(error, "context", None) or ""):
        problem += "; close the quotes"
    elif "mapping values are not allowed" in problem:
        problem += "; put text with a colon and a blank into quotes"
    elif "expected key" in problem:
        problem += "; indent this line like the others of its object"
    return f"an error at line {mark.line + 1}, column {mark.column + 1} ({problem})"
