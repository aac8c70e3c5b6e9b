"""Words the parts that error messages share: suggestions for misspelt names, and reasons why a file is not usable."""

import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Final

_ALIKE: Final = 0.6
"""The least similarity of two names, as ``difflib`` measures it."""
_LONGEST_NAME: Final = 80
"""The length of the longest name that is compared: the time grows with its square."""
_MOST_NAMES: Final = 100
"""The number of known names that a misspelt one is compared with."""


def escaped(text: str, *, keep: str = "") -> str:
    """Return text whose unprintable characters cannot control a terminal or imitate a line: as JSON escapes them.

    These are the control characters of C0 and C1, bidirectional marks, line separators, and lone surrogates.

    Args:
        text: The text.
        keep: The characters to leave as they are.

    >>> print(escaped("\\x1b[2J\\n\\u202e\\x9b"), escaped("a\\nb", keep="\\n") == "a\\nb")
    \\u001b[2J\\n\\u202e\\u009b True
    """
    if text.isprintable():
        return text
    import json

    return "".join(each if each.isprintable() or each in keep else json.dumps(each)[1:-1] for each in text)


def closest_name(name: str, known: Iterable[str], *, alike: float = _ALIKE) -> str | None:
    """Return the known name that is most like a misspelt one, None if none is like it.

    Args:
        name: The misspelt name.
        known: The names that exist.
        alike: The least similarity, from 0 to 1.
    """
    from difflib import get_close_matches

    if len(name) > _LONGEST_NAME:
        return None
    names = [each for each in islice(known, _MOST_NAMES) if len(each) <= _LONGEST_NAME]
    return next(iter(get_close_matches(name, names, n=1, cutoff=alike)), None)


def did_you_mean(name: str, known: Iterable[str], *, alike: float = _ALIKE) -> str:
    """Return the end of a sentence that suggests a known name, empty if none is like the misspelt one.

    >>> did_you_mean("titel", ["title", "type"]), did_you_mean("x", ["title", "type"])
    ("; did you mean 'title'?", '')
    """
    closest = closest_name(name, known, alike=alike)
    return f"; did you mean {closest!r}?" if closest is not None else ""


def did_you_mean_or_list(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that suggests a known name, or lists all of them if none is like it.

    >>> did_you_mean_or_list("titel", ["title", "type"]), did_you_mean_or_list("x", ["title", "type"])
    ("; did you mean 'title'?", '; available: title, type')
    """
    names = list(known)
    return did_you_mean(name, names) or (f"; available: {', '.join(names)}" if names else "")


def real_path(path: Path) -> Path:
    """Return the path behind symbolic links; a link that leads to itself stays, and cannot be opened.

    `Path.resolve` raises a bare RuntimeError for such a link.
    """
    return Path(os.path.realpath(path))


def file_problem(error: OSError | ValueError) -> str:
    """Return why a file cannot be read or written, as the end of "expected a readable file, found ...".

    It is in lower case, and without the file's content.

    >>> file_problem(IsADirectoryError(21, "Is a directory"))
    'a directory'
    >>> file_problem(FileNotFoundError(2, "No such file or directory"))
    'no such file or directory'
    """
    if isinstance(error, IsADirectoryError):
        return "a directory"
    if isinstance(error, NotADirectoryError):
        return "a file in the place of a directory"
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    if isinstance(error, UnicodeDecodeError):
        return not_utf8(error)
    return "a name that no file can have"  # a NUL character, or a lone surrogate


def not_utf8(error: UnicodeDecodeError) -> str:
    """Return where bytes are not UTF-8, counted from 1."""
    return f"bytes that are not UTF-8 (at byte {error.start + 1})"
