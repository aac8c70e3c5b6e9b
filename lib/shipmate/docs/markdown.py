"""Markdown as GitHub reads it: tables, and texts that stay what they are."""

import re
from collections.abc import Iterable, Sequence
from typing import Any


def text(value: Any) -> str:
    """Return a value as text in one line that makes neither tags nor cells.

    >>> text("a | <b>\\nc"), text(None), text(7)
    ('a \\\\| &lt;b>c', '', '7')
    """
    if value is None or isinstance(value, dict | list):
        return ""
    line = " ".join(str(value).split())
    return line.replace("<", "&lt;").replace("|", "\\|")


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
