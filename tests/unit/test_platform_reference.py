"""What ``docs/reference/platform.md`` says about the platform, and the citations of it."""

import base64
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipmate.container.messages.cipher import Cipher
from shipmate.settings import ApiSettings, StepSettings, log_fields

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "platform.md"
TEXT = PAGE.read_text(encoding="utf-8")
PROSE = re.sub(r"^```.*?^```$", "", TEXT, flags=re.DOTALL | re.MULTILINE)
HEADINGS = re.findall(r"^##+ (.+)$", PROSE, re.MULTILINE)
SECTIONS = {heading.split()[0].rstrip(".") for heading in HEADINGS}
ANCHORS = re.findall(r'<a id="([^"]+)"></a>', PROSE)
SLUGS = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in HEADINGS}

FOLDERS = ("lib", "tests", "examples", "actions", "triggers", "rest", "bench", "scripts", "docs")
SUFFIXES = frozenset({".py", ".md", ".tmpl", ".sh", ".js", ".json", ".toml", ".yaml"})
SECTION = r"§?\s?(\d+(?:\.\d+)?)"
SECTION_CITATION = re.compile(rf"\bcontract {SECTION}(?:(?:,? and|,| to)\s{SECTION})*", re.IGNORECASE)
DEVIATION_CITATION = re.compile(r"\b(?:DEF|J)-\d+\b")


def cited(text: str) -> set[str]:
    """Return the cited sections and deviations: ``{"3.5", "DEF-10"}``."""
    joined = re.sub(r"\s+", " ", text)  # a citation may go on in the next line of a docstring
    sections = {number for each in SECTION_CITATION.finditer(joined) for number in re.findall(SECTION, each[0])}
    return sections | set(DEVIATION_CITATION.findall(joined))


def sources() -> Iterator[Path]:
    """Yield the files that may cite the page, except this one, whose examples need not exist."""
    yield from ROOT.glob("*.md")
    yield from ROOT.glob("*.py")
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in SUFFIXES and path != Path(__file__) and "node_modules" not in path.parts:
                yield path


CITATIONS = {path: cited(path.read_text(encoding="utf-8", errors="replace")) for path in sources()}


def missing(citations: set[str]) -> set[str]:
    """Return the citations that lead nowhere."""
    return {each for each in citations if each not in SECTIONS and each.lower() not in ANCHORS}


def test_every_citation_leads_to_a_section_or_a_deviation() -> None:
    """A reader who follows a citation finds its source in the repository."""
    lost = {str(path.relative_to(ROOT)): missing(found) for path, found in CITATIONS.items() if missing(found)}
    assert lost == {}


def test_there_are_citations() -> None:
    """Guards the test above against finding nothing to check."""
    elsewhere = {path: found for path, found in CITATIONS.items() if found and path != PAGE}
    everything = set().union(*elsewhere.values())
    assert {"lib", "tests"} <= {path.relative_to(ROOT).parts[0] for path in elsewhere}
    assert len({each for each in everything if each[0].isdigit()}) > 40
    assert len({each for each in everything if each.startswith("DEF-")}) > 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Source: contract §3.5.", {"3.5"}),
        ("Source: contract §2, §5.4, §8.6,\n    §9.", {"2", "5.4", "8.6", "9"}),
        ("Source: contract §8.2 to §8.6.", {"8.2", "8.6"}),
        ("Source: contract §8.6, §9.5, without its DEF-13 and DEF-18.", {"8.6", "9.5", "DEF-13", "DEF-18"}),
        ("Contract 6.1, 14, without DEF-29: it raises", {"6.1", "14", "DEF-29"}),
        ("Contract 7, 15 DEF-26: empty", {"7", "15", "DEF-26"}),
        ("Contract 15, DEF-21 and J-1", {"15", "DEF-21", "J-1"}),
        ("with the defaults of contract 2.4 and 9.5", {"2.4", "9.5"}),
        ("RFC 6749 §5.1; the contract has 3 layers", set()),
    ],
)
def test_citations_of_all_forms_are_found(text: str, expected: set[str]) -> None:
    """A form that the search does not know would never be checked."""
    assert cited(text) == expected


@pytest.mark.parametrize("wrong", ["contract §3.99", "contract §18", "DEF-99", "J-9"])
def test_a_citation_that_leads_nowhere_is_found(wrong: str) -> None:
    """The search fails where it must."""
    assert len(missing(cited(wrong))) == 1


def test_sections_and_deviations_are_defined_once() -> None:
    """Two targets of one number would make a citation ambiguous."""
    numbers = [heading.split()[0].rstrip(".") for heading in HEADINGS]
    assert [number for number, count in Counter(numbers + ANCHORS).items() if count > 1] == []
    assert {anchor for anchor in ANCHORS if anchor.startswith("def-")} == {f"def-{number}" for number in range(1, 30)}


@pytest.mark.parametrize("document", sorted((ROOT / "docs").rglob("*.md")) + sorted(ROOT.glob("*.md")))
def test_links_to_its_sections_lead_there(document: Path) -> None:
    """Within the page and from other documents; a heading that was renamed has another anchor."""
    own = "(?:platform\\.md)?" if document == PAGE else "[^)#]*reference/platform\\.md|platform\\.md"
    targets = re.findall(rf"\]\((?:{own})#([^)]+)\)", document.read_text(encoding="utf-8"))
    assert {target for target in targets if target not in SLUGS and target not in ANCHORS} == set()
    assert targets or document != PAGE


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
