"""The functions that take a regular expression."""

import math
import re
from collections.abc import Iterator
from typing import Any

import regex
from jsonata.functions import Functions
from jsonata.jexception import JException
from jsonata.utils import Utils

from shipmate.flow.dialect.patterns import Pattern


def contains(text: Any, token: Any) -> bool | None:
    if text is None:
        return None
    if isinstance(token, Pattern):
        return token.search(text) is not None
    if token is None:
        raise JException("T1010", -1, "contains")
    return token in text if isinstance(token, str) else bool(Functions.func_apply(token, [text]))


def match(text: Any, pattern: Any, limit: float | None) -> Any:
    if text is None:
        return None
    if limit is not None and limit < 0:
        raise JException("D3040", -1, limit)
    found = Utils.create_sequence()
    for match in _matches(text, pattern, limit):
        found.append({"match": match.group(), "index": match.start(), "groups": _groups(match)})
    return found


def _groups(match: "regex.Match[str]") -> list[Any]:
    """Return the groups; one without a part in the match is null in JSON."""
    return Utils.JList(Utils.NULL_VALUE if group is None else group for group in match.groups())  # type: ignore[no-any-return]


def _matches(text: str, pattern: Pattern, limit: float | None) -> "Iterator[re.Match[str]]":
    if not isinstance(pattern, Pattern):
        raise JException("T1010", -1, "match")
    for index, match in enumerate(pattern.finditer(text)):
        if limit is not None and index >= limit:
            return
        yield match


def split(text: Any, separator: Any, limit: float | None) -> list[str] | None:
    if text is None:
        return None
    if limit is not None and limit < 0:
        raise JException("D3020", -1, limit)
    most = None if limit is None else math.floor(limit)
    if isinstance(separator, str):
        parts = text.split(separator) if separator else list(text)
    else:
        parts, start = [], 0
        for match in _matches(text, separator, None):
            parts.append(text[start : match.start()])
            start = match.end()
        parts.append(text[start:])
    return parts[:most]


def replace(text: Any, pattern: Any, replacement: Any, limit: float | None) -> str | None:
    if text is None:
        return None
    if pattern == "":
        raise JException("D3010", -1)
    if limit is not None and limit < 0:
        raise JException("D3011", -1)
    if isinstance(pattern, str):
        return _replace_text(text, pattern, replacement, limit)
    out, start = [], 0
    for match in _matches(text, pattern, limit):
        out += [text[start : match.start()], _replacement(match, replacement)]
        start = match.end()
    return "".join([*out, text[start:]])


def _replace_text(text: str, pattern: str, replacement: Any, limit: float | None) -> str:
    if not isinstance(replacement, str):
        compiled = Pattern("".join("\\" + each if not each.isalnum() else each for each in pattern))
        return replace(text, compiled, replacement, limit) or ""
    return text.replace(pattern, replacement, -1 if limit is None else math.ceil(limit))


def _replacement(match: "regex.Match[str]", replacement: Any) -> str:
    """Return the text that takes the place of a match: ``$1`` is a group, ``$0`` the match, ``$$`` a dollar."""
    if not isinstance(replacement, str):
        details = {"match": match.group(), "start": match.start(), "end": match.end(), "groups": _groups(match)}
        text = Functions.func_apply(replacement, [details])
        if not isinstance(text, str):
            raise JException("D3012", -1, text)
        return text
    out, position = [], 0
    groups = match.groups()
    while (dollar := replacement.find("$", position)) >= 0:
        out.append(replacement[position:dollar])
        text, length = _reference(replacement[dollar + 1 :], match.group(), groups)
        out.append(text)
        position = dollar + 1 + length
    return "".join([*out, replacement[position:]])


def _reference(rest: str, whole: str, groups: tuple[Any, ...]) -> tuple[str, int]:
    """Return what a ``$`` stands for, and how many of the characters behind it belong to it."""
    if rest[:1] == "$":
        return "$", 1
    if rest[:1] == "0":
        return whole, 1
    most = len(str(len(groups)))
    digits = re.match("[0-9]*", rest[:most], re.ASCII)
    number = digits.group() if digits else ""
    if most > 1 and number and int(number) > len(groups):
        number = number[:-1]
    if not number:
        return "$", 0
    index = int(number)
    return (groups[index - 1] or "" if 0 < index <= len(groups) else ""), len(str(index))
