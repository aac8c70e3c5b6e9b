"""Reads the values of a command's options, which are JSON, files or standard input, and collects them for a call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from shipmate.errors import BadInput
from shipmate.jsonvalue import InvalidJson, kind_of, parse_json, pointer_to
from shipmate.wording import file_problem


@dataclass(frozen=True, slots=True)
class Inputs:
    """The arguments of one call."""

    cfg: dict[str, Any] = field(default_factory=dict, repr=False)
    msg: dict[str, Any] = field(default_factory=lambda: {"headers": {}, "body": {}}, repr=False)
    snapshot: Any = field(default_factory=dict, repr=False)
    cfg_file: Path | None = None
    """The file of the credentials, where new keys are saved."""


@dataclass(frozen=True, slots=True)
class Source:
    """A value from the command line or a fixture."""

    value: Any = field(repr=False)
    place: str
    """The origin of the value, as error messages name it: ``--cfg account.json``."""
    file: Path | None = None
    """The regular file of the value, where new keys can be saved."""


def read_option(option: str, text: str, stdin: BinaryIO | None) -> Source:
    """Return the value of an option: JSON if the text starts with ``{``, standard input for ``-``, else a file.

    Args:
        option: The option's name, for messages.
        text: The text on the command line.
        stdin: Standard input; None if it is closed.

    Raises:
        BadInput: The value cannot be read, or is not JSON.
    """
    if text.lstrip().startswith("{"):
        return Source(parse(text, option), option)
    if text == "-":
        place = f"{option} (standard input)"
        return Source(parse(_read_stream(stdin, place), place), place)
    if not text:
        raise BadInput(f"expected a file name, JSON that starts with {{, or -, found nothing for {option}")
    path = Path(text)
    place = f"{option} {text}"
    # A pipe can be read once, and not rewritten.
    return Source(parse(read_file(path, place), place), place, path if path.is_file() else None)


def gather(sources: Mapping[str, Source]) -> Inputs:
    """Return the arguments of a call, with defaults for those of ``cfg``, ``msg`` and ``snapshot`` that are missing.

    Raises:
        BadInput: ``cfg``, ``msg`` or the ``headers`` of ``msg`` is not an object.
    """
    cfg, msg, snapshot = (sources.get(name) for name in ("cfg", "msg", "snapshot"))
    message = {"headers": {}, "body": {}, **(object_of(msg) if msg else {})}
    if message["headers"] is None:
        message["headers"] = {}
    if msg is not None and not isinstance(message["headers"], dict):
        _refuse("an object", message["headers"], f"{msg.place} at /headers")
    return Inputs(
        cfg=object_of(cfg) if cfg else {},
        msg=message,
        snapshot=snapshot.value if snapshot else {},
        cfg_file=cfg.file if cfg else None,
    )


def read_variables(source: Source) -> Mapping[str, str]:
    """Return the flow variables of ``--variables``.

    Raises:
        BadInput: The value is not an object whose members are texts.
    """
    variables = object_of(source)
    for name, value in variables.items():
        if not isinstance(value, str):
            _refuse("text", value, f"{source.place} at {pointer_to(name)}")
    return variables


def object_of(source: Source) -> dict[str, Any]:
    """Return the value of a source that must be an object.

    Raises:
        BadInput: The value is not an object.
    """
    if not isinstance(source.value, dict):
        _refuse("an object", source.value, source.place)
    value: dict[str, Any] = source.value
    return value


def read_file(path: Path, place: str) -> str:
    """Return the text of a file.

    Raises:
        BadInput: The file cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise BadInput(f"expected a readable file, found {file_problem(error)}: {place}") from error


def parse(text: str, place: str) -> Any:
    """Return the value of JSON text.

    Raises:
        BadInput: The text is not JSON; the message has the place, with line and column.
    """
    try:
        return parse_json(text)
    except InvalidJson as error:
        raise BadInput(f"expected JSON, found {error} in {place}") from error


def _read_stream(stream: BinaryIO | None, place: str) -> str:
    if stream is None:
        raise BadInput(f"expected readable input, found a closed stream: {place}")
    try:
        return stream.read().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"expected readable input, found {file_problem(error)}: {place}") from error


def _refuse(expected: str, value: Any, place: str) -> NoReturn:
    raise BadInput(f"expected {expected}, found {kind_of(value)} in {place}")
