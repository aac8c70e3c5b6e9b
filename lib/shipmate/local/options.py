"""Reads the values of a command's options, which are JSON, files or standard input, and collects them for a call."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

from shipmate.errors import BadInput
from shipmate.invocation.message import Message
from shipmate.jsonvalue import InvalidJson, kind_of, parse_json, pointer_to
from shipmate.wording import file_problem

_MEMBERS: Final = frozenset(Message.__annotations__)


@dataclass(frozen=True, slots=True)
class Inputs:
    """The arguments of one call."""

    cfg: dict[str, Any] = field(default_factory=dict, repr=False)
    msg: dict[str, Any] = field(default_factory=lambda: {"headers": {}, "body": {}}, repr=False)
    snapshot: Any = field(default_factory=dict, repr=False)
    keys_file: Path | None = None
    """The file that the credentials come from, where new keys are saved."""
    snapshot_file: Path | None = None
    """The file of the snapshot, which new snapshots replace."""
    given: frozenset[str] = frozenset()
    """The fields of the cfg that do not come from the account."""


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

    Other JSON is a value, too, if no file has this name.

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
    if not _exists(path) and (value := _other_json(text, option)) is not None:
        return value
    # A pipe can be read once, and not rewritten.
    return Source(parse(read_file(path, place), place), place, path if path.is_file() else None)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # no name that a file can have
        return False


def _other_json(text: str, option: str) -> Source | None:
    """Return a value for JSON that is no object, None for text that is not JSON and does not look like it."""
    try:
        return Source(parse_json(text), option)
    except InvalidJson:
        return Source(parse(text, option), option) if text.lstrip().startswith(("[", '"')) else None


def gather(
    sources: Mapping[str, Source],
    *,
    account: Source | None = None,
    settings: Mapping[str, Any] | None = None,
    keys_field: str = "oauth",
) -> Inputs:
    """Return the arguments of a call, with defaults for those of ``cfg``, ``msg`` and ``snapshot`` that are missing.

    Args:
        sources: ``cfg``, ``msg`` and ``snapshot``.
        account: The account, which lies under the cfg: a field of the cfg replaces that of the account.
        settings: The fields of ``--set``, which replace those of the cfg.
        keys_field: The credential field with the OAuth2 keys. New keys are saved to the file that it comes from.

    Raises:
        BadInput: ``cfg``, ``msg`` or the ``headers`` of ``msg`` is not an object.
    """
    cfg, msg, snapshot = (sources.get(name) for name in ("cfg", "msg", "snapshot"))
    message = {"headers": {}, "body": {}, **(object_of(msg) if msg else {})}
    if message["headers"] is None:
        message["headers"] = {}
    if msg is not None and not isinstance(message["headers"], dict):
        _refuse("an object", message["headers"], f"{msg.place} at /headers")
    if msg is not None and "body" not in msg.value and (others := sorted(msg.value.keys() - _MEMBERS)):
        # Without the value: it may be a secret.
        raise BadInput(
            f'expected a message with a body, {{"body": {{...}}}}, found {others[0]!r} outside of a body in {msg.place}'
        )
    given = {**(object_of(cfg) if cfg else {}), **(settings or {})}
    if keys_field in (settings or {}):
        home = None
    elif account is None or keys_field in given:
        home = cfg
    else:
        home = account
    return Inputs(
        cfg={**(object_of(account) if account else {}), **given},
        msg=message,
        snapshot=snapshot.value if snapshot else {},
        keys_file=home.file if home else None,
        snapshot_file=snapshot.file if snapshot else None,
        given=frozenset(given),
    )


def read_settings(texts: Iterable[str]) -> dict[str, Any]:
    """Return the fields of ``--set NAME=VALUE``; a value that is JSON keeps its type, and any other value is text.

    Raises:
        BadInput: A text has no ``=``, or no name before it.

    >>> read_settings(["object=Contact", "limit=5", 'code="5"'])
    {'object': 'Contact', 'limit': 5, 'code': '5'}
    """
    fields: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not (name and sign):
            # Without the text: it may be a secret.
            raise BadInput("expected NAME=VALUE, found no name or no = for --set")
        try:
            fields[name] = parse_json(value)
        except InvalidJson:
            fields[name] = value
    return fields


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
