"""Formats text, code and tables as GitHub's Markdown."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

# The tags that the platform's forms format; other text in angle brackets is plain text.
_TAGS: Final = re.compile(
    r"</?(?:a|b|br|code|div|em|i|li|ol|p|pre|small|span|strong|u|ul)(?:\s[^<>]*)?/?>", re.IGNORECASE
)


def inline(value: Any) -> str:
    """Return a value as text in one line, without tags and with cell separators escaped.

    >>> inline("a | <id>\\nc"), inline("<b>Two</b><br>lines"), inline(None), inline(7)
    ('a \\\\| &lt;id> c', 'Two lines', '', '7')
    """
    if value is None or isinstance(value, dict | list):
        return ""
    line = " ".join(_TAGS.sub(lambda tag: "" if _is_within_words(tag[0]) else " ", str(value)).split())
    return line.replace("<", "&lt;").replace("|", "\\|")


def _is_within_words(tag: str) -> bool:
    return tag.strip("</>").split()[0].lower() not in ("br", "div", "li", "ol", "p", "pre", "ul")


def code(value: Any) -> str:
    """Return a value as inline code, which may contain backticks.

    >>> code("id"), code("a`b"), code("a|b")
    ('`id`', '``a`b``', '`a\\\\|b`')
    """
    line = " ".join(str(value).split()).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table without its empty columns; no lines for no rows.

    >>> table(["A", "B", "C"], [["1", "", "x"], ["2", "", ""]])
    ['| A | C |', '|---|---|', '| 1 | x |', '| 2 |  |']
    """
    cells = [list(row) for row in rows]
    filled = [index for index in range(len(head)) if any(row[index] for row in cells)]
    if not filled:
        return []
    lines = ["| " + " | ".join(row[index] for index in filled) + " |" for row in [list(head), *cells]]
    return [lines[0], "|" + "---|" * len(filled), *lines[1:]]


def blocks(*parts: str | Sequence[str]) -> list[str]:
    """Return the lines of paragraphs, headings and tables, with an empty line after each; empty parts are left out."""
    lines: list[str] = []
    for part in parts:
        block = [part] if isinstance(part, str) else list(part)
        if any(block):
            lines += [*block, ""]
    return lines
