"""Reads the level of the log, and the levels of single loggers."""

import logging
from collections.abc import Mapping
from typing import Final

from shipmate.errors import BadSetting

TRACE: Final = 5
"""The level below DEBUG that the platform's components know."""

_VARIABLE: Final = "SHIPMATE_LOG_LEVELS"
_LONGEST_SHOWN: Final = 80
_LEVELS: Final[Mapping[str, int]] = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "critical": logging.CRITICAL,
}


def parse_level(text: str | None) -> int:
    """Return the logging level for bunyan's name in any case, or for bunyan's number; INFO for all other texts.

    >>> [parse_level(text) for text in ("TRACE", "warn", "20", None)]
    [5, 30, 10, 20]
    """
    level = _level_of(text or "")
    return logging.INFO if level is None else level


def parse_levels(text: str | None) -> dict[str, int]:
    """Return the levels of single loggers by their names, from the value of ``SHIPMATE_LOG_LEVELS``.

    Raises:
        BadSetting: A part is not a name and a level, or a name occurs twice.

    >>> parse_levels("shipmate.oauth2=debug, urllib3=40"), parse_levels(None)
    ({'shipmate.oauth2': 10, 'urllib3': 30}, {})
    """
    levels: dict[str, int] = {}
    for part in (text or "").split(","):
        if not (part := part.strip()):
            continue
        name, _, level = (each.strip() for each in part.partition("="))
        if not name or not level or any(character.isspace() for character in name):
            raise _wrong("logger=level, separated by commas, such as shipmate.oauth2=debug,urllib3=warning", part)
        if (number := _level_of(level)) is None:
            raise _wrong("trace, debug, info, warn, error or fatal, or 10 to 60, after each =", part)
        if name in levels:
            raise _wrong("each logger once", part)
        levels[name] = number
    return levels


def _level_of(text: str) -> int | None:
    text = text.strip().lower()
    if len(text) < 10 and text.isdecimal() and 10 <= int(text) <= 60:
        return max(int(text) - 10, TRACE)
    return _LEVELS.get(text)


def _wrong(expected: str, part: str) -> BadSetting:
    shown = part if len(part) <= _LONGEST_SHOWN else part[:_LONGEST_SHOWN] + "..."
    return BadSetting(f"{_VARIABLE}: expected {expected}; found {shown!r}")
