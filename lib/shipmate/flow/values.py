"""Takes values out of a flow file; a value of the wrong kind becomes a problem with its pointer."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shipmate.jsonvalue import kind_of, pointer_to
from shipmate.tools.validation.report import Findings
from shipmate.wording import did_you_mean, did_you_mean_or_list

_LONGEST_SHOWN: Final = 40
"""The longest text that a problem quotes; a longer one may be a secret at the wrong place."""
_MEANT: Final = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}
"""Texts that are meant as booleans."""
_MOST_LISTED: Final = 12
"""The most names that a problem lists, so that many problems do not list many names each."""


@dataclass(frozen=True, slots=True)
class ObjectReader:
    """An object of a flow file, whose members are read one by one."""

    findings: Findings
    pointer: str
    value: Mapping[str, Any]

    def place(self, *steps: str | int) -> str:
        """Return the pointer of a member."""
        return self.pointer + pointer_to(*steps)

    def text(self, name: str, expected: str = "text") -> str | None:
        """Return a text; None if the member is missing, null, empty, or wrong."""
        value = self.value.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            return value
        self.findings.error(self.place(name), f"expected {expected}, found {kind_of(value)}{_quotes(value)}")
        return None

    def required_text(self, name: str, expected: str, advice: str = "") -> str | None:
        """Return a text; None after a problem if it is missing or wrong.

        Args:
            name: The name of the member.
            expected: What it must be, in words.
            advice: What to do if it is missing.
        """
        if self.value.get(name) in (None, ""):
            self.findings.error(self.place(name), f"expected {expected}, found none{'; ' if advice else ''}{advice}")
        return self.text(name, expected)

    def boolean(self, name: str) -> bool:
        """Return a boolean, False if the member is missing or wrong."""
        value = self.value.get(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        meant = _MEANT.get(value.lower()) if isinstance(value, str) else None
        found = f"{shown(value)}; write {meant}, without quotes" if meant is not None else kind_of(value)
        self.findings.error(self.place(name), f"expected true or false, found {found}")
        return False

    def number(self, name: str, lowest: int, highest: int) -> int | None:
        """Return a whole number within bounds, None if the member is missing or wrong."""
        value = self.value.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            if lowest <= value <= highest:
                return value
            found = str(value) if abs(value) < 10**9 else "another number"
        else:
            found = kind_of(value)
        self.findings.error(self.place(name), f"expected a whole number from {lowest} to {highest}, found {found}")
        return None

    def one_of(self, name: str, choices: Collection[str]) -> str | None:
        """Return one of several texts, None if the member is missing or wrong."""
        text = self.text(name, f"one of {', '.join(choices)}")
        if text is None or text in choices:
            return text
        problem = f"expected one of {', '.join(choices)}, found {shown(text)}{did_you_mean(text, choices)}"
        self.findings.error(self.place(name), problem)
        return None

    def members(self, name: str) -> "ObjectReader":
        """Return an object, an empty one if the member is missing or wrong."""
        value = self.value.get(name)
        return object_at(self.findings, self.place(name), {} if value is None else value)

    def items(self, name: str) -> list[Any]:
        """Return an array, an empty one if the member is missing or wrong."""
        value = self.value.get(name)
        if value is None or isinstance(value, list):
            return value or []
        self.findings.error(self.place(name), f"expected an array, found {kind_of(value)}")
        return []

    def warn_of_unknown(self, known: Collection[str], *, ignored: str = "is ignored") -> None:
        """Add a warning for each member that has no meaning."""
        for name in self.value:
            if name not in known:
                message = f"expected a known member, found {shown(name)}, which {ignored}{did_you_mean(name, known)}"
                self.findings.warning(self.place(name), message)


def object_at(findings: Findings, pointer: str, value: Any) -> ObjectReader:
    """Return an object, after a problem an empty one."""
    if not isinstance(value, dict):
        findings.error(pointer, f"expected an object, found {kind_of(value)}")
    return ObjectReader(findings, pointer, value if isinstance(value, dict) else {})


def shown(text: str) -> str:
    """Return a name of the file in quotes; a long one is cut.

    >>> shown("crm"), shown("x" * 60)
    ("'crm'", "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'")
    """
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}...")


def suggestion(name: str, known: Collection[str]) -> str:
    """Return the end of a sentence that suggests a name that exists, or lists a few names if none is alike."""
    return did_you_mean_or_list(name, known) if len(known) <= _MOST_LISTED else did_you_mean(name, known)


def as_text(value: str | float | bool) -> str:
    """Return a scalar as the text that stands in a file.

    >>> as_text("a"), as_text(5), as_text(True)
    ('a', '5', 'true')
    """
    return value if isinstance(value, str) else json.dumps(value)


def _quotes(value: Any) -> str:
    return "; put it into quotes" if isinstance(value, bool | int | float) else ""
