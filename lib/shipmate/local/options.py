"""What the options of a command say: literals, files and standard input, and the arguments that come of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

from shipmate.errors import BadInput

_KINDS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (dict, "an object"),
    (list, "an array"),
    (str, "a text"),
    (bool, "a boolean"),
    ((int, float), "a number"),
    (type(None), "null"),
)


@dataclass(frozen=True, slots=True)
class Inputs:
    """The arguments of one call, and the file that keeps the credentials if there is one."""

    cfg: dict[str, Any] = field(default_factory=dict, repr=False)
    msg: dict[str, Any] = field(default_factory=lambda: {"headers": {}, "body": {}}, repr=False)
    snapshot: Any = field(default_factory=dict, repr=False)
    cfg_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One value from the command line, with what messages call the place that it comes from."""

    value: Any = field(repr=False)
    place: str
    file: Path | None = None
    """The regular file that it was read from, which new keys can be saved to."""


def read(option: str, text: str, stdin: BinaryIO | None) -> Source:
    """Read the value of an option: JSON when it starts with ``{``, standard input when it is ``-``, else a file.

    Args:
        option: The option's name, for messages.
        text: What was given for it.
        stdin: Standard input; None when it is closed.

    Raises:
        BadInput: It cannot be read, or is not JSON.
    """
    if text.lstrip().startswith("{"):
        return Source(parse(text, option), option)
    if text == "-":
        place = f"{option} (standard input)"
        return Source(parse(_read_stream(stdin, place), place), place)
    if not text:
        raise BadInput(f"expected a file's name, JSON that starts with {{, or -, found nothing for {option}")
    path = Path(text)
    place = f"{option} {text}"
    # What is no regular file, like a pipe, can be read once and cannot be rewritten.
    return Source(parse(read_file(path, place), place), place, path if path.is_file() else None)


def gather(sources: Mapping[str, Source]) -> Inputs:
    """Put together the arguments of a call from what is given of ``cfg``, ``msg`` and ``snapshot``.

    Raises:
        BadInput: ``cfg`` or ``msg`` is not an object, or the ``headers`` of ``msg`` are not.
    """
    cfg, msg, snapshot = (sources.get(name) for name in ("cfg", "msg", "snapshot"))
    message = {"headers": {}, "body": {}, **(object_of(msg) if msg else {})}
    if message["headers"] is None:
        message["headers"] = {}
    if msg is not None and not isinstance(message["headers"], dict):
        _mismatch("an object", message["headers"], f"{msg.place} at /headers")
    return Inputs(
        cfg=object_of(cfg) if cfg else {},
        msg=message,
        snapshot=snapshot.value if snapshot else {},
        cfg_file=cfg.file if cfg else None,
    )


def read_variables(source: Source) -> Mapping[str, str]:
    """Return the flow variables of ``--variables``.

    Raises:
        BadInput: It is not an object of texts.
    """
    variables = object_of(source)
    for name, value in variables.items():
        if not isinstance(value, str):
            _mismatch("a text", value, f"{source.place} at {pointer(name)}")
    return variables


def pointer(*steps: str | int) -> str:
    """Return the JSON pointer of these steps.

    >>> pointer("fixtures", "a/b", 0)
    '/fixtures/a~1b/0'

    Source: RFC 6901 §3.
    """
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def object_of(source: Source) -> dict[str, Any]:
    """Return the value of a source that must be an object.

    Raises:
        BadInput: It is something else.
    """
    if not isinstance(source.value, dict):
        _mismatch("an object", source.value, source.place)
    value: dict[str, Any] = source.value
    return value


def _mismatch(expected: str, value: Any, place: str) -> NoReturn:
    """Refuse a value by its kind."""
    found = next((kind for types, kind in _KINDS if isinstance(value, types)), "something else")
    raise BadInput(f"expected {expected}, found {found} in {place}")


def read_file(path: Path, place: str) -> str:
    """Return the text of a file.

    Raises:
        BadInput: It cannot be read, or is not UTF-8.
    """
    try:
        return _decode(path.read_bytes(), place)
    except (OSError, ValueError) as error:
        # ValueError: a NUL character in the name.
        raise BadInput(f"expected a readable file, found {reason(error)}: {place}") from error


def _read_stream(stream: BinaryIO | None, place: str) -> str:
    if stream is None:
        raise BadInput(f"expected something to read, found a closed stream: {place}")
    try:
        return _decode(stream.read(), place)
    except OSError as error:
        raise BadInput(f"expected something to read, found {reason(error)}: {place}") from error


def _decode(content: bytes, place: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"expected UTF-8, found something else at byte {error.start + 1} of {place}") from error


def parse(text: str, place: str) -> Any:
    """Return what a text of JSON says.

    Raises:
        BadInput: It is not JSON; the message has line and column.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        found = "nothing" if not text.strip() else f"{error.msg[:1].lower()}{error.msg[1:]}"
        raise BadInput(
            f"expected JSON, found {found} at line {error.lineno}, column {error.colno} of {place}"
        ) from error
    except (ValueError, RecursionError) as error:
        problem = str(error) if isinstance(error, _NotJson) else "a value that is too large or nested too deeply"
        raise BadInput(f"expected JSON, found {problem} in {place}") from error


class _NotJson(ValueError):
    """Something that Python's parser accepts and JSON does not."""


def _refuse_constant(name: str) -> NoReturn:
    raise _NotJson(name)


def reason(error: Exception) -> str:
    """Return in a few words why a file cannot be read."""
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    return "something that is not UTF-8" if isinstance(error, UnicodeDecodeError) else "a name that no file can have"
