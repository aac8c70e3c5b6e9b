"""Markdown as GitHub reads it: tables, and texts that stay what they are."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

# What the platform's forms show as formatting; other things in angle brackets are what they look like.
_TAGS: Final = re.compile(
    r"</?(?:a|b|br|code|div|em|i|li|ol|p|pre|small|span|strong|u|ul)(?:\s[^<>]*)?/?>", re.IGNORECASE
)


def text(value: Any) -> str:
    """Return a value as text in one line that makes neither tags nor cells.

    >>> text("a | <id>\\nc"), text("<b>Two</b><br>lines"), text(None), text(7)
    ('a \\\\| &lt;id> c', 'Two lines', '', '7')
    """
    if value is None or isinstance(value, dict | list):
        return ""
    line = " ".join(_TAGS.sub(lambda tag: "" if _is_within_words(tag[0]) else " ", str(value)).split())
    return line.replace("<", "&lt;").replace("|", "\\|")


def _is_within_words(tag: str) -> bool:
    return tag.strip("</>").split()[0].lower() not in ("br", "div", "li", "ol", "p", "pre", "ul")


def code(value: Any) -> str:
    """Return a value as code, which may have backticks in it.

    >>> code("id"), code("a`b"), code("a|b")
    ('`id`', '``a`b``', '`a\\\\|b`')
    """
    line = " ".join(str(value).split()).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table without the columns that have nothing in them; nothing for no rows.

    >>> table(["A", "B", "C"], [["1", "", "x"], ["2", "", ""]])
    ['| A | C |', '|---|---|', '| 1 | x |', '| 2 |  |']
    """
    cells = [list(row) for row in rows]
    kept = [index for index in range(len(head)) if any(row[index] for row in cells)]
    if not kept:
        return []
    lines = ["| " + " | ".join(row[index] for index in kept) + " |" for row in [list(head), *cells]]
    return [lines[0], "|" + "---|" * len(kept), *lines[1:]]


def blocks(*parts: str | Sequence[str]) -> list[str]:
    """Return the lines of paragraphs, headings and tables, an empty one after each; empty parts are left out."""
    lines: list[str] = []
    for part in parts:
        each = [part] if isinstance(part, str) else list(part)
        if any(each):
            lines += [*each, ""]
    return lines
