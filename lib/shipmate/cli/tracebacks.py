"""Shows a traceback to a person: the author's frames first, in colour where the terminal has colours."""

import re
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from shipmate.wording import escaped

_RUNTIME: Final = str(Path(__file__).parents[1])
_LIBRARIES: Final = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_FRAME: Final = re.compile(r'  File "([^"\n]*)", line ')
_HEAD: Final = "Traceback (most recent call last):"
_AUTHOR: Final = "\x1b[36m"
_DIM: Final = "\x1b[2m"
_ERROR: Final = "\x1b[1;31m"
_END: Final = "\x1b[0m"


def has_colours(environ: Mapping[str, str]) -> bool:
    """Return whether a terminal shows colours: unless ``NO_COLOR`` is set, or the terminal is dumb."""
    return not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def readable(error: Mapping[str, Any], *, is_coloured: bool) -> str:
    """Return the lines of an ``error`` event for a person: the author's frames before those of libraries.

    Args:
        error: The value of the event: ``{"name": ..., "message": ..., "stack": ...}``.
        is_coloured: Whether to add colours.
    """
    stack = error.get("stack")
    text = stack if isinstance(stack, str) and _HEAD in stack else f"{error.get('name')}: {error.get('message')}"
    return readable_text(text, is_coloured=is_coloured)


def readable_text(text: str, *, is_coloured: bool) -> str:
    """Return the lines of a traceback for a person: the author's frames before those of libraries.

    Args:
        text: The traceback, as Python writes it.
        is_coloured: Whether to add colours.
    """
    lines: list[str] = []
    frames: list[list[str]] = []
    for line in [*text.split("\n"), ""]:
        if _FRAME.match(line):
            frames.append([line])
        elif frames and line.startswith("    "):
            frames[-1].append(line)
        else:
            lines += _in_order(frames, is_coloured)
            frames = []
            lines.append(_coloured(line, "" if line == _HEAD or not line else _ERROR, is_coloured))
    return "\n".join(lines).rstrip() + "\n"


def author_frames(error: Mapping[str, Any]) -> list[str]:
    """Return the lines of the author's frames in an ``error`` event, the innermost last; none without a traceback.

    Args:
        error: The value of the event: ``{"name": ..., "message": ..., "stack": ...}``.
    """
    lines: list[str] = []
    is_own = False
    for line in str(error.get("stack")).rpartition(_HEAD)[2].split("\n"):
        if _FRAME.match(line):
            is_own = _is_authors(line)
        elif not line.startswith("    "):
            is_own = False
        if is_own:
            lines.append(escaped(line, keep="\t"))
    return lines


def _in_order(frames: list[list[str]], is_coloured: bool) -> list[str]:
    own = [frame for frame in frames if _is_authors(frame[0])]
    others = [frame for frame in frames if not _is_authors(frame[0])]
    lines = [_coloured(line, _AUTHOR, is_coloured) for frame in own for line in frame]
    if own and others:
        lines.append(_coloured("  in libraries:", _DIM, is_coloured))
    return lines + [_coloured(line, _DIM, is_coloured) for frame in others for line in frame]


def _is_authors(line: str) -> bool:
    match = _FRAME.match(line)
    name = match[1] if match else ""
    return not name.startswith((_RUNTIME, *_LIBRARIES, "<frozen ")) and "site-packages" not in name


def _coloured(line: str, colour: str, is_coloured: bool) -> str:
    plain = escaped(line, keep="\t")
    return f"{colour}{plain}{_END}" if is_coloured and colour and plain else plain
