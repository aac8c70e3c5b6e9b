"""What the options of a command say: literals, files and standard input, and the arguments that come of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from shipmate.errors import BadInput
from shipmate.jsonvalue import InvalidJson, kind_of, parse_json, pointer_to
from shipmate.wording import file_problem


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
            _mismatch("text", value, f"{source.place} at {pointer_to(name)}")
    return variables


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
    raise BadInput(f"expected {expected}, found {kind_of(value)} in {place}")


def read_file(path: Path, place: str) -> str:
    """Return the text of a file.

    Raises:
        BadInput: It cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise BadInput(f"expected a readable file, found {file_problem(error)}: {place}") from error


def _read_stream(stream: BinaryIO | None, place: str) -> str:
    if stream is None:
        raise BadInput(f"expected something to read, found a closed stream: {place}")
    try:
        return stream.read().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"expected something to read, found {file_problem(error)}: {place}") from error


def parse(text: str, place: str) -> Any:
    """Return what a text of JSON says.

    Raises:
        BadInput: It is not JSON; the message has line and column.
    """
    try:
        return parse_json(text)
    except InvalidJson as error:
        raise BadInput(f"expected JSON, found {error} in {place}") from error
