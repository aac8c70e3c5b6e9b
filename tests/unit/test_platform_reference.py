"""What ``docs/reference/platform.md`` says about the platform."""

import base64
import re
from pathlib import Path

import pytest

from shipmate.container.messages.cipher import Cipher
from shipmate.settings import ApiSettings, StepSettings, log_fields

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "reference" / "platform.md").read_text(encoding="utf-8")
PROSE = re.sub(r"^```.*?^```$", "", TEXT, flags=re.DOTALL | re.MULTILINE)


class Noted(dict[str, str]):
    """An environment that notes which variables are read."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.names.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return super().__contains__(name)


def mandatory() -> dict[str, str]:
    """Return an environment with the variables of sections 2.2 and 2.3."""
    lists = re.findall(r"^### 2\.[23] .*?\n\n`([^`]+)`", PROSE, re.DOTALL | re.MULTILINE)
    return {f"ELASTICIO_{name}": "x" * 16 for each in lists for name in re.split(r",\s+", each)}


def test_the_page_has_every_variable_that_a_step_reads() -> None:
    """The variables of sections 2.2 and 2.3 suffice for a start, and all others are in section 2.4."""
    environ = Noted(mandatory())
    StepSettings.from_environ(environ)
    ApiSettings.from_environ(environ)
    log_fields(environ)
    section = TEXT[TEXT.index("## 2. Variables") : TEXT.index("## 3. AMQP")]
    listed = set(re.findall(r"\b[A-Z][A-Z_]+\b", section))
    names = {name for name in environ.names if not name.startswith("SHIPMATE_")}

    assert len(names) > 50
    assert {name for name in names if name.removeprefix("ELASTICIO_") not in listed} == set()


def test_the_defaults_of_the_page_are_those_of_the_settings() -> None:
    """A variable that is set to the page's default changes nothing."""
    rows = re.findall(r"^\| `([A-Z_]+)`( \*\(bare\)\*)? \| \w+[^|]* \| ([\w`]+) \|", PROSE, re.MULTILINE)
    given = {name if bare else f"ELASTICIO_{name}": value.strip("`") for name, bare, value in rows}
    given = {name: "" if value == "empty" else value for name, value in given.items()}
    needed = mandatory()

    assert len(given) > 25
    assert StepSettings.from_environ({**needed, **given}) == StepSettings.from_environ(needed)
    assert ApiSettings.from_environ({**needed, **given}) == ApiSettings.from_environ(needed)


def vectors() -> list[dict[str, str]]:
    """Return the blocks of section 4.2."""
    text = TEXT[TEXT.index("### 4.2") : TEXT.index("### 4.3")]
    (block,) = re.findall(r"^```text\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    joined = re.sub(r"\n +", "", block)
    return [dict(re.split(r" +", line, maxsplit=1) for line in each.splitlines()) for each in joined.split("\n\n")]


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["json"][:30])
def test_the_vectors_of_the_page_hold(vector: dict[str, str]) -> None:
    """In both directions and both encodings."""
    cipher = Cipher(vector["password"], vector["iv"])
    plain, encoded = vector["json"].encode(), vector["base64"].encode()

    assert cipher.encode(plain, 1) == encoded
    assert cipher.decode(base64.b64decode(encoded), 2) == plain


def test_the_page_has_vectors() -> None:
    """Guards the test above against finding nothing to check."""
    assert len(vectors()) == 7
