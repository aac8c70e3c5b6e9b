"""Names of files: without folders and control characters, and different within one message."""

import unicodedata
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TypeVar

_LONGEST_BYTES: Final = 255
"""The longest name in common file systems."""
_File = TypeVar("_File")


def clean_name(text: str, otherwise: str = "file") -> str:
    """Return a text as the name of a file: the part behind the last slash, without control characters.

    >>> clean_name("../reports\\\\2026/Größe\\x00.csv"), clean_name("a/.."), clean_name(" a\\u202eb.txt ")
    ('Größe.csv', 'file', 'ab.txt')

    Args:
        text: A name or a path; slashes of both kinds divide it.
        otherwise: The name if nothing remains.
    """
    last = unicodedata.normalize("NFC", text).replace("\\", "/").rpartition("/")[2]
    # Categories of control characters, marks of direction, surrogates and characters that do not exist.
    name = "".join(each for each in last if not unicodedata.category(each).startswith("C")).strip()
    return otherwise if name.strip(".") == "" else _shortened(name)


def unique_name(name: str, taken: Mapping[str, Any]) -> str:
    """Return the name, with a number before its extension if another file has it.

    >>> unique_name("a.csv", {"a.csv": {}, "a-2.csv": {}})
    'a-3.csv'
    """
    found, number = name, 1
    while found in taken:
        number += 1
        found = numbered(name, number)
    return found


def numbered(name: str, number: int) -> str:
    """Return a name with a number before its extension.

    >>> numbered("b.csv", 2), numbered("README", 3)
    ('b-2.csv', 'README-3')
    """
    stem, dot, extension = name.rpartition(".")
    return f"{stem}-{number}{dot}{extension}" if stem else f"{name}-{number}"


def add_file(files: MutableMapping[str, _File], name: str, file: _File) -> str:
    """Add a file under its cleaned name, with a number if the name is taken, and return that name.

    >>> files = {"a.csv": {"url": "https://a.example/1"}}
    >>> add_file(files, "reports/a.csv", {"url": "https://a.example/2"}), list(files)
    ('a-2.csv', ['a.csv', 'a-2.csv'])
    """
    found = unique_name(clean_name(name), files)
    files[found] = file
    return found


def _shortened(name: str) -> str:
    """Return a name of at most `_LONGEST_BYTES` bytes; its extension stays unless it is longer than names are."""
    if len(name.encode()) <= _LONGEST_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    end = (dot + extension).encode() if stem else b""
    if len(end) > _LONGEST_BYTES // 2:
        stem, end = name, b""
    return (stem or name).encode()[: _LONGEST_BYTES - len(end)].decode(errors="ignore") + end.decode()
