"""Reads a component's fixtures, in the format of elasticio-cli, and fills their variables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from shipmate.errors import BadInput
from shipmate.jsonvalue import InvalidJson, parse_json, pointer_to
from shipmate.local.options import Source, object_of, parse, read_file
from shipmate.wording import did_you_mean_or_list

FIXTURES: Final = Path("test/fixture.json")
_MEMBERS: Final = ("cfg", "msg", "snapshot")
# The names that Handlebars allows: some in published fixtures begin with a digit.
_NAME: Final = r"[^\s!\"#%&'()*+,./;<=>@\[\\\]^`{|}~]+"
_PLACEHOLDER: Final = re.compile(rf"\{{\{{\{{\s*({_NAME})\s*\}}\}}\}}|\{{\{{&?\s*({_NAME})\s*\}}\}}")
_QUOTE_OR_PLACEHOLDER: Final = re.compile(rf'\\.|"|{_PLACEHOLDER.pattern}', re.DOTALL)
_BARE: Final = "\ufdd0"
"""Marks a placeholder that stood outside of quotes. Unicode reserves the character, so that no text contains it."""


def read_fixture(
    root: Path,
    name: str,
    environ: Mapping[str, str],
    *,
    without: frozenset[str],
    account: Mapping[str, Any] | None = None,
) -> dict[str, Source]:
    """Return the members of a fixture, with each ``{{VARIABLE}}`` in their texts filled.

    Outside of quotes, ``{{VARIABLE}}`` is replaced by the variable's value as JSON.

    Args:
        root: The component's folder, with ``test/fixture.json``.
        name: The fixture's name.
        environ: The variables.
        without: The members to leave out, whose variables need no value: ``cfg``, ``msg`` or ``snapshot``.
        account: The account, whose fields replace those of ``cfg`` that use a variable that is not set.

    Raises:
        BadInput: The fixture does not exist, has a wrong shape, or uses a variable that is not set.
    """
    place = str(root / FIXTURES)
    fixtures = _read(root)
    if name not in fixtures:
        raise BadInput(
            f"expected the name of a fixture in {place}, found {name!r}{did_you_mean_or_list(name, fixtures)}"
        )
    fixture = object_of(Source(fixtures[name], f"{place} at {pointer_to('fixtures', name)}"))
    filling = _Filling(environ, place)
    members: dict[str, Source] = {}
    for member in _MEMBERS:
        if fixture.get(member) is not None and member not in without:
            steps = ("fixtures", name, member)
            value = fixture[member]
            if member == "cfg" and account and isinstance(value, dict):
                value = {key: item for key, item in value.items() if key not in account or filling.can_fill(item)}
            members[member] = Source(filling.fill(value, steps), f"{place} at {pointer_to(*steps)}")
    filling.check(pointer_to("fixtures", name))
    return members


def fixture_names(root: Path) -> list[str]:
    """Return the names of the component's fixtures.

    Raises:
        BadInput: ``test/fixture.json`` cannot be read, or has a wrong shape.
    """
    return list(_read(root))


def _read(root: Path) -> dict[str, Any]:
    place = str(root / FIXTURES)
    text = _quoted(read_file(root / FIXTURES, place))
    content = object_of(Source(parse(text, place), place))
    return object_of(Source(content.get("fixtures"), f"{place} at /fixtures"))


def _quoted(text: str) -> str:
    """Return the text of a file with the placeholders outside of quotes in quotes, and marked."""
    is_within_quotes = False

    def mark(match: re.Match[str]) -> str:
        nonlocal is_within_quotes
        is_within_quotes ^= match[0] == '"'
        return f'"{_BARE}{match[0]}"' if match[0][0] == "{" and not is_within_quotes else match[0]

    return _QUOTE_OR_PLACEHOLDER.sub(mark, text)


@dataclass(slots=True)
class _Filling:
    """Fills variables in parsed values; in the raw text, a quote in a secret would break the JSON."""

    environ: Mapping[str, str]
    place: str
    missing: dict[str, str] = field(default_factory=dict)
    """The variables that are not set, each with the JSON pointer of its first use."""

    def fill(self, value: Any, steps: tuple[str | int, ...]) -> Any:
        """Return a value with the variables in its texts filled; note the variables that are not set."""
        if isinstance(value, dict):
            return {self._text(name, (*steps, name)): self.fill(item, (*steps, name)) for name, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item, (*steps, index)) for index, item in enumerate(value)]
        if not isinstance(value, str):
            return value
        return self._json(value, steps) if value.startswith(_BARE) else self._text(value, steps)

    def can_fill(self, value: Any) -> bool:
        """Return whether all variables in a value are set; note nothing."""
        attempt = _Filling(self.environ, self.place)
        attempt.fill(value, ())
        return not attempt.missing

    def check(self, fixture: str) -> None:
        """Do nothing if all variables of a fixture are set.

        Args:
            fixture: The fixture's JSON pointer.

        Raises:
            BadInput: A variable is not set; the message names all of them.
        """
        if not self.missing:
            return
        is_one = len(self.missing) == 1
        names, found = ", ".join(self.missing), "none" if is_one else "none of them"
        pointer = next(iter(self.missing.values())) if is_one else fixture
        raise BadInput(
            f"expected the variable{'' if is_one else 's'} {names} in the environment or in .env, found {found}: "
            f"{self.place} uses {'it' if is_one else 'them'} at {pointer}"
        )

    def _text(self, text: str, steps: tuple[str | int, ...]) -> str:
        return _PLACEHOLDER.sub(lambda match: self._value(_name(match), steps), text)

    def _json(self, text: str, steps: tuple[str | int, ...]) -> Any:
        """Return the value of a placeholder that stood outside of quotes."""
        name = _PLACEHOLDER.sub(_name, text.removeprefix(_BARE))
        value = self._value(name, steps)
        if name in self.missing:
            return None
        try:
            return parse_json(value)
        except InvalidJson:
            # Without the parser's message: the value may be a secret.
            raise BadInput(
                f"expected JSON in the variable {name}, found something else: "
                f"{self.place} uses it outside of quotes at {pointer_to(*steps)}"
            ) from None

    def _value(self, name: str, steps: tuple[str | int, ...]) -> str:
        if name in self.environ:
            return self.environ[name]
        self.missing.setdefault(name, pointer_to(*steps))
        return ""


def _name(match: re.Match[str]) -> str:
    return match[1] or match[2]
