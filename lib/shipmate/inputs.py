"""What a command is given to work on: literals, files, standard input, fixtures and the ``.env`` file."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

from shipmate.errors import BadInput

FIXTURES: Final = Path("test/fixture.json")
_VARIABLE: Final = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
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
        return Source(_parse(text, option), option)
    if text == "-":
        place = f"{option} (standard input)"
        return Source(_parse(_read_stream(stdin, place), place), place)
    if not text:
        raise BadInput(f"expected a file's name, JSON that starts with {{, or -, found nothing for {option}")
    path = Path(text)
    place = f"{option} {text}"
    # What is no regular file, like a pipe, can be read once and cannot be rewritten.
    return Source(_parse(_read_file(path, place), place), place, path if path.is_file() else None)


def gather(sources: Mapping[str, Source]) -> Inputs:
    """Put together the arguments of a call from what is given of ``cfg``, ``msg`` and ``snapshot``.

    Raises:
        BadInput: ``cfg`` or ``msg`` is not an object, or the ``headers`` of ``msg`` are not.
    """
    cfg, msg, snapshot = (sources.get(name) for name in ("cfg", "msg", "snapshot"))
    message = {"headers": {}, "body": {}, **(_object(msg) if msg else {})}
    if message["headers"] is None:
        message["headers"] = {}
    if msg is not None and not isinstance(message["headers"], dict):
        _mismatch("an object", message["headers"], f"{msg.place} at /headers")
    return Inputs(
        cfg=_object(cfg) if cfg else {},
        msg=message,
        snapshot=snapshot.value if snapshot else {},
        cfg_file=cfg.file if cfg else None,
    )


def read_variables(source: Source) -> Mapping[str, str]:
    """Return the flow variables of ``--variables``.

    Raises:
        BadInput: It is not an object of texts.
    """
    variables = _object(source)
    for name, value in variables.items():
        if not isinstance(value, str):
            _mismatch("a text", value, f"{source.place} at {pointer(name)}")
    return variables


def read_fixture(root: Path, name: str, environ: Mapping[str, str], *, without: frozenset[str]) -> dict[str, Source]:
    """Return the members of a fixture of the component, with ``{{VARIABLE}}`` in their texts filled.

    Args:
        root: The component's folder, which has ``test/fixture.json``.
        name: The fixture's name.
        environ: The variables.
        without: Members that are given otherwise: they need not be complete.

    Raises:
        BadInput: There is no such fixture, it is not what it should be, or a variable is not set.
    """
    place = str(root / FIXTURES)
    content = _object(Source(_parse(_read_file(root / FIXTURES, place), place), place))
    fixtures = _object(Source(content.get("fixtures"), f"{place} at /fixtures"))
    if name not in fixtures:
        known = ", ".join(fixtures) or "none"
        raise BadInput(f'expected the name of a fixture, found "{name}", which is not in {place}: it has {known}')
    fixture = _object(Source(fixtures[name], f"{place} at {pointer('fixtures', name)}"))
    members: dict[str, Source] = {}
    for member in ("cfg", "msg", "snapshot"):
        if member in fixture and member not in without:
            steps = ("fixtures", name, member)
            members[member] = Source(
                _fill(fixture[member], steps, environ=environ, place=place), f"{place} at {pointer(*steps)}"
            )
    return members


def read_env_file(root: Path) -> dict[str, str]:
    """Return the variables of the component's ``.env`` file, none when there is no such file.

    Raises:
        BadInput: It cannot be read, or has something that no variable can hold.
    """
    path = root / ".env"
    try:
        if not path.is_file():
            return {}
        from dotenv import dotenv_values  # 30 ms

        values = dotenv_values(path, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"expected a readable file, found {_reason(error)} in {path}") from error
    for name, value in values.items():
        if "\0" in name or "\0" in (value or ""):
            raise BadInput(f"expected text, found a NUL character in a variable of {path}")
    return {name: value for name, value in values.items() if value is not None}


def pointer(*steps: str | int) -> str:
    """Return the JSON pointer of these steps.

    >>> pointer("fixtures", "a/b", 0)
    '/fixtures/a~1b/0'

    Source: RFC 6901 §3.
    """
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _fill(value: Any, steps: tuple[str | int, ...], *, environ: Mapping[str, str], place: str) -> Any:
    """Fill the variables of a parsed value: done on the raw text, a quote in a secret would break the JSON."""
    if isinstance(value, dict):
        return {key: _fill(item, (*steps, key), environ=environ, place=place) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, (*steps, index), environ=environ, place=place) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        if match[1] not in environ:
            raise BadInput(
                f"expected the variable {match[1]} in the environment or in .env, found none: "
                f"{place} uses it at {pointer(*steps)}"
            )
        return environ[match[1]]

    return _VARIABLE.sub(variable, value)


def _object(source: Source) -> dict[str, Any]:
    if not isinstance(source.value, dict):
        _mismatch("an object", source.value, source.place)
    value: dict[str, Any] = source.value
    return value


def _mismatch(expected: str, value: Any, place: str) -> NoReturn:
    found = next((kind for types, kind in _KINDS if isinstance(value, types)), "something else")
    raise BadInput(f"expected {expected}, found {found} in {place}")


def _read_file(path: Path, place: str) -> str:
    try:
        return _decode(path.read_bytes(), place)
    except (OSError, ValueError) as error:
        # ValueError: a NUL character in the name.
        raise BadInput(f"expected a readable file, found {_reason(error)}: {place}") from error


def _read_stream(stream: BinaryIO | None, place: str) -> str:
    if stream is None:
        raise BadInput(f"expected something to read, found a closed stream: {place}")
    try:
        return _decode(stream.read(), place)
    except OSError as error:
        raise BadInput(f"expected something to read, found {_reason(error)}: {place}") from error


def _decode(content: bytes, place: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"expected UTF-8, found something else at byte {error.start + 1} of {place}") from error


def _parse(text: str, place: str) -> Any:
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


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    return "something that is not UTF-8" if isinstance(error, UnicodeDecodeError) else "a name that no file can have"
