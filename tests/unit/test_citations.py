"""The citations of the two contracts lead to sections and deviations of their pages."""

import functools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
FOLDERS = ("lib", "tests", "examples", "actions", "triggers", "rest", "bench", "scripts", "docs")
SUFFIXES = frozenset({".py", ".md", ".tmpl", ".sh", ".js", ".json", ".toml", ".yaml"})
SECTION = r"§?\s?(\d+(?:\.\d+)?)"


@functools.cache
def in_one_line(text: str) -> str:
    """Return a text without its line ends: a citation may go on in the next line of a docstring."""
    return " ".join(text.split())


class Contract:
    """A page that code and tests cite by section and by deviation."""

    def __init__(self, file: str, word: str, anchors: str, deviations: set[str]) -> None:
        """Read the page.

        Args:
            file: Its name.
            word: The word before a section in citations: ``contract`` in ``contract §3.5``.
            anchors: A pattern for its other targets in citations: ``DEF-10``.
            deviations: The anchors of its deviations.
        """
        self.path = REFERENCE / file
        text = self.path.read_text(encoding="utf-8")
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
        self.headings = re.findall(r"^##+ (.+)$", prose, re.MULTILINE)
        self.anchors = re.findall(r'<a id="([^"]+)"></a>', prose)
        self.deviations = deviations
        self._sections = re.compile(rf"\b{word} {SECTION}(?:(?:,? and|,| to)\s{SECTION})*", re.IGNORECASE)
        self._anchors = re.compile(anchors)

    @functools.cached_property
    def numbers(self) -> list[str]:
        """The numbers of its sections."""
        return [heading.split()[0].rstrip(".") for heading in self.headings if heading[0].isdigit()]

    @property
    def slugs(self) -> set[str]:
        """The anchors of its headings, as GitHub makes them."""
        return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in self.headings}

    def cited(self, text: str) -> set[str]:
        """Return the cited sections and deviations: ``{"3.5", "DEF-10"}``."""
        joined = in_one_line(text)
        sections = {number for each in self._sections.finditer(joined) for number in re.findall(SECTION, each[0])}
        return sections | {each[1] for each in self._anchors.finditer(joined)}

    def missing(self, citations: set[str]) -> set[str]:
        """Return the citations that lead nowhere."""
        targets = {*self.numbers, *self.anchors}
        return {each for each in citations if re.sub(r"^Q(\d)", r"q-\1", each).lower() not in targets}


AMQP = Contract("platform.md", "contract", r"\b((?:DEF|J)-\d+)\b", {f"def-{number}" for number in range(1, 30)})
PROXY = Contract(
    "sailor-proxy.md", "proxy", r"\b(PDEF-\d+|(?<=§17, )Q\d+)\b", {f"pdef-{number}" for number in range(1, 34)}
)
CONTRACTS = [pytest.param(each, id=each.path.stem) for each in (AMQP, PROXY)]


@functools.cache
def sources() -> dict[Path, str]:
    """Return the texts of the files that may cite the pages."""
    return {path: path.read_text(encoding="utf-8", errors="replace") for path in paths()}


def paths() -> Iterator[Path]:
    """Yield the files that may cite the pages, except this one, whose examples need not exist."""
    yield from ROOT.glob("*.md")
    yield from ROOT.glob("*.py")
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in SUFFIXES and path != Path(__file__) and "node_modules" not in path.parts:
                yield path


@functools.cache
def citations(contract: Contract) -> dict[Path, set[str]]:
    """Return what each file cites of a contract."""
    return {path: contract.cited(text) for path, text in sources().items()}


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_citation_leads_to_a_section_or_a_deviation(contract: Contract) -> None:
    """A reader who follows a citation finds its source in the repository."""
    found = {str(path.relative_to(ROOT)): contract.missing(cited) for path, cited in citations(contract).items()}
    assert {path: lost for path, lost in found.items() if lost} == {}


@pytest.mark.parametrize(("contract", "sections", "deviations"), [(AMQP, 40, 20), (PROXY, 4, 0)])
def test_there_are_citations(contract: Contract, sections: int, deviations: int) -> None:
    """Guards the test above against finding nothing to check."""
    elsewhere = {path: cited for path, cited in citations(contract).items() if path != contract.path}
    everything = set().union(*elsewhere.values())
    assert {"lib", "tests"} <= {path.relative_to(ROOT).parts[0] for path, found in elsewhere.items() if found}
    assert len({each for each in everything if each[0].isdigit()}) > sections
    assert len({each for each in everything if "DEF-" in each}) > deviations


@pytest.mark.parametrize(
    ("contract", "text", "expected"),
    [
        (AMQP, "Source: contract §3.5.", {"3.5"}),
        (AMQP, "Source: contract §2, §5.4, §8.6,\n    §9.", {"2", "5.4", "8.6", "9"}),
        (AMQP, "Source: contract §8.2 to §8.6.", {"8.2", "8.6"}),
        (AMQP, "Source: contract §8.6, §9.5, without its DEF-13 and DEF-18.", {"8.6", "9.5", "DEF-13", "DEF-18"}),
        (AMQP, "Contract 6.1, 14, without DEF-29: it raises", {"6.1", "14", "DEF-29"}),
        (AMQP, "Contract 7, 15 DEF-26: empty", {"7", "15", "DEF-26"}),
        (AMQP, "Contract 15, DEF-21 and J-1", {"15", "DEF-21", "J-1"}),
        (AMQP, "with the defaults of contract 2.4 and 9.5", {"2.4", "9.5"}),
        (AMQP, "RFC 6749 §5.1; the contract has 3 layers", set()),
        (AMQP, "Source: contract §2; proxy §9.2, without PDEF-4", {"2"}),
        (PROXY, "Source: contract §2, §5.4; proxy §9.2, without PDEF-4, DEF-3", {"9.2", "PDEF-4"}),
        (PROXY, "Proxy 17, Q1: the broker. Source: proxy §17, Q9.", {"17", "Q9"}),
    ],
)
def test_citations_of_all_forms_are_found(contract: Contract, text: str, expected: set[str]) -> None:
    """A form that the search does not know would never be checked."""
    assert contract.cited(text) == expected


@pytest.mark.parametrize(
    ("contract", "wrong"),
    [
        *[(AMQP, wrong) for wrong in ("contract §3.99", "contract §18", "DEF-99", "J-9")],
        *[(PROXY, wrong) for wrong in ("proxy §3.99", "proxy §20", "PDEF-34")],
    ],
)
def test_a_citation_that_leads_nowhere_is_found(contract: Contract, wrong: str) -> None:
    """The search fails where it must."""
    assert len(contract.missing(contract.cited(wrong))) == 1


def test_a_question_that_does_not_exist_is_found() -> None:
    """They are cited with their section."""
    assert PROXY.missing(PROXY.cited("proxy §17, Q99")) == {"Q99"}
    assert PROXY.missing(PROXY.cited("proxy §17, Q16")) == set()


@pytest.mark.parametrize("contract", CONTRACTS)
def test_sections_and_deviations_are_defined_once(contract: Contract) -> None:
    """Two targets of one number would make a citation ambiguous."""
    targets = Counter(contract.numbers + contract.anchors)
    assert [target for target, count in targets.items() if count > 1] == []
    assert {anchor for anchor in contract.anchors if "def-" in anchor} == contract.deviations


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("document", sorted((ROOT / "docs").rglob("*.md")) + sorted(ROOT.glob("*.md")))
def test_links_to_its_sections_lead_there(document: Path, contract: Contract) -> None:
    """Within the page and from other documents; a heading that was renamed has another anchor."""
    name = re.escape(contract.path.name)
    own = f"(?:{name})?" if document == contract.path else f"[^)#]*reference/{name}|{name}"
    targets = re.findall(rf"\]\((?:{own})#([^)]+)\)", document.read_text(encoding="utf-8"))
    assert {target for target in targets if target not in {*contract.slugs, *contract.anchors}} == set()
    assert targets or document != contract.path
