"""The proof that a regular expression costs linear time, and the command that asks for it."""

import doctest
import re
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scripts.check_patterns import main
from scripts.patterns import ambiguity
from scripts.patterns.ambiguity import growth
from scripts.patterns.automaton import Use
from scripts.patterns.sources import find
from scripts.patterns.syntax import UnprovableError
from tests.backtracking import Backtracking, TooManyStepsError

# Counting steps is slow work, and none of it is the package.
pytestmark = pytest.mark.no_cover

SEARCH, MATCH, FULLMATCH = Use.SEARCH, Use.MATCH, Use.FULLMATCH
MOST_STEPS = 20_000


def steps(pattern: str, text: str, use: Use) -> int:
    """Return what the matcher does for a text, all matches counted for a search."""
    matcher, limit = Backtracking(pattern, text, MOST_STEPS), sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        matcher.search_all() if use is SEARCH else matcher.match(whole=use is FULLMATCH)
    except TooManyStepsError:
        return MOST_STEPS
    finally:
        sys.setrecursionlimit(limit)
    return matcher.steps


EXPONENTIAL = [
    (r"(a+)+$", MATCH),
    (r"(a|a)*b", MATCH),
    (r"(a|b|ab)*c", MATCH),
    (r"(a*)*b", MATCH),
    (r"(?:a?b?)*c", MATCH),
    (r"(?:a*+b?)*c", MATCH),
    (r"(?:\w+-?)*:", SEARCH),
    (r"(?:a|\w\w)*", FULLMATCH),
    # The matcher tries one more empty round after the last one.
    (r"(?:-(?:a?)+b)*c", MATCH),
    # An atomic group that prefers to stop leaves its characters to what follows.
    (r"(?:(?>a+?)a*)*b", MATCH),
    (r"(?:(?>a??)ab|ab)*c", MATCH),
    (r"(?:(?>|a)ab|ab)*c", MATCH),
    # It also stops where it cannot complete another round.
    (r"(?:(?>a(?:ab)*)|aa)*c", MATCH),
    (r"(?:(?!ab)a|\w)*-", MATCH),
]
QUADRATIC = [
    (r"[a-z]+=", SEARCH),
    (r"\w+$", SEARCH),
    (r"<[^>]*>", SEARCH),
    (r"<\w+[^<>]*>", MATCH),
    (r"\{\{\w*([^{}]*?)\w*\}\}", MATCH),
    (r"x\w*token\w*[=:]", SEARCH),
    (r"a*a*b", MATCH),
    (r"a*a*", FULLMATCH),
    (r'"(?:[^"\\]|\\.)*"', SEARCH),
    (r'"(?:[^"\\]|\\.)*+"', SEARCH),
    (r"(?=a*b)c", SEARCH),
    (r"a(?!\w*-)", SEARCH),
    (r"\b\w+(?:-\w+)*=", SEARCH),
    (r"a(?:a*b)?", SEARCH),
    (r"(?i)k[A-Z]*=", SEARCH),
    (r"(?i:a+)A*=", MATCH),
    (r"(a)(?i:\1+)A*=", MATCH),
    (r"(?m)^[^:]*:", SEARCH),
]
# The atomic group takes y alone, y*+ leaves no y, and \1 differs, so that the attempt fails where it seems to succeed.
DOUBTFUL = [
    r"(?s)x[^yw]*(?:(?>y|[yw].*)\Z|\Z)",
    r"(?s)x[^y]*(?:y(?:y*+y.*|[^y].*|\Z)|\Z)",
    r"(?s)x(.)[^y]*(?:y\1.*|y?\Z)",
]
LINEAR = [
    (r"\w+", SEARCH),
    (r"[a-z]+=", MATCH),
    (r"(?<![a-z])[a-z]+=", SEARCH),
    (r"\b\w+=", SEARCH),
    (r"(?<!\s)\s++$", SEARCH),
    (r"^\w+:", SEARCH),
    (r"(?m)^\w+:", SEARCH),
    (r"<[^<>]*>", SEARCH),
    (r"<\w++[^<>]*+>", SEARCH),
    (r"\{\{([^{}]*+)\}\}", SEARCH),
    (r"(?<!\w)x(?=\w*?token)\w++[=:]", SEARCH),
    (r"(a++)+b", MATCH),
    (r"(?>a+)b", MATCH),
    (r"(?:a?)*b", MATCH),
    (r"(?:ab)+", SEARCH),
    (r"a*a*", MATCH),
    (r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", SEARCH),
    (r"[a-z][a-z-]*[a-z]", SEARCH),
    (r"\w{20,}", SEARCH),
    (r"(?s)x.*?(?:END|\Z)", SEARCH),
    (r'(?s)"(?:[^"\\]|\\(?:.|\Z))*+"?', SEARCH),
    (r'"(?:[^"\\]|\\.)*+"', MATCH),
    (r"x(\\*+['\"]).*?(?<!\\)\1", MATCH),
    (r"(?:(a)|b)(?(1)c|d)", SEARCH),
]


@pytest.mark.parametrize(("pattern", "use"), EXPONENTIAL + QUADRATIC)
def test_an_expensive_pattern_is_found_with_a_text_that_proves_it(pattern: str, use: Use) -> None:
    """The steps are counted, but not for patterns with flags that the counting matcher does not know."""
    found = growth(pattern, 0, use)
    assert found is not None
    assert found.is_exponential is ((pattern, use) in EXPONENTIAL)
    if "(?i" in pattern or "(?m" in pattern:
        return
    many = steps(pattern, found.prefix + found.pump * 30 + found.suffix, use)
    if found.is_exponential:
        assert many == MOST_STEPS
    else:
        assert many > 3 * steps(pattern, found.prefix + found.pump * 15 + found.suffix, use)


@pytest.mark.parametrize("pattern", DOUBTFUL)
def test_a_success_counts_only_when_it_is_sure(pattern: str) -> None:
    """What the automaton has in addition to the matcher proves nothing."""
    assert growth(pattern) is not None
    few, many = (steps(pattern, "x" * n + "yyz", SEARCH) for n in (15, 30))
    assert many > 3 * few


@pytest.mark.parametrize(("pattern", "use"), LINEAR)
def test_a_cheap_pattern_is_proven_linear(pattern: str, use: Use) -> None:
    """Possessive repeats, guards, disjoint neighbours and a sure success all count."""
    assert growth(pattern, 0, use) is None


def test_the_examples_in_the_documentation_hold() -> None:
    """They stand in a script, where pytest does not look for them."""
    assert doctest.testmod(ambiguity).failed == 0


def test_characters_are_the_same_where_the_matcher_takes_them_for_the_same() -> None:
    """The Kelvin sign is a k in any case; a digit need not be an ASCII one."""
    assert growth(r"(?<![a-z])[a-z\u212a]+=", re.IGNORECASE) is None
    assert growth(r"(?<![a-z])[a-z\u212a]+=") is not None
    assert growth(r"(?<![0-9])\d+=") is not None
    assert growth(r"(?<![0-9])\d+=", re.ASCII) is None
    assert growth(rb"(?<![0-9])\d+=") is None


def test_a_limit_counts_only_when_it_is_small() -> None:
    """Three hundred steps at each place of a text are as bad as no limit."""
    assert growth(r"a{1,16}=") is None
    assert growth(r"a{1,300}=") is not None
    assert growth(r"(?s)x[^y]{0,300}(?:y|\Z)") is not None
    assert growth(r"a{100,}") is not None
    with pytest.raises(UnprovableError, match="more than 1000 characters"):
        growth(r"(?:(?:\w{1,15}-){1,15}){1,15}")


def test_a_back_reference_to_a_part_with_conditions_is_refused() -> None:
    """Its copy would have the conditions of another place."""
    with pytest.raises(UnprovableError, match="anchor or a lookaround"):
        growth(r"(\ba)\1")


CHARACTERS = st.sampled_from(["a", "b", "-", "[ab]", "[^a]", ".", r"\w", r"\W"])
CONDITIONS = st.sampled_from([r"\b", r"\B", r"(?<!\w)", "(?<=b)", "(?=a)", "(?!ab)", "(?=.*b)", "^", "$", r"\Z"])
REPEATS = st.sampled_from(["*", "+", "?", "*?", "+?", "*+", "++", "?+", "{2}", "{2,}", "{1,3}", "{2,}+"])
PATTERNS = st.recursive(
    CHARACTERS | st.builds(str.__add__, CHARACTERS, REPEATS) | CONDITIONS,
    lambda parts: (
        st.builds(str.__add__, parts, parts)
        | st.builds("(?:{}|{}){}".format, parts, parts, REPEATS)
        | st.builds("(?:{}){}".format, parts, REPEATS)
        | st.builds("(?>{})".format, parts)
    ),
    max_leaves=6,
)
WORDS = st.text("ab-", max_size=3)


@given(PATTERNS, st.sampled_from(Use), WORDS, WORDS.filter(bool), WORDS)
def test_a_pattern_that_is_proven_linear_never_takes_longer(
    pattern: str, use: Use, prefix: str, pump: str, suffix: str
) -> None:
    """Twice the text is at most twice the work, give or take where matches end."""
    try:
        re.compile(pattern)
    except re.error:
        assume(False)
    assume(growth(pattern, 0, use) is None)
    # The work of limited repeats inside each other grows up to their limit: the shorter text must be longer than that.
    assume(pattern.count("{1,3}") <= 2 and pattern.count("{1,3}") + pattern.count("{2}") <= 3)

    def worst(n: int) -> int:
        return max(steps(pattern, prefix + pump * each + suffix, use) for each in range(n, n + 6))

    assert worst(40) < 3 * worst(20) + 300


def test_patterns_are_found_however_they_are_written(tmp_path: Path) -> None:
    """Constants of the module are filled in; names that a function or a comprehension binds are not."""
    package = tmp_path / "spelled"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "module.py").write_text(
        "import re\n"
        "from re import fullmatch\n"
        "NAME = r'[a-z]+'\n"
        "_BOTH = re.compile(rf'{NAME}=', re.I)\n"
        "_PLACED = re.compile('b+=')\n"
        "_MANY = {name: re.compile(name) for name in ('c+', 'd+')}\n"
        "PUBLIC = re.compile('e+')\n"
        "def use(text, NAME):\n"
        "    PUBLIC.match(text)\n"
        "    _BOTH.match(text) or _BOTH.pattern\n"
        "    _BOTH.fullmatch(text)\n"
        "    _PLACED.match(text, 3)\n"
        "    fullmatch('f+', text)\n"
        "    re.sub(NAME, '', text)\n"
        "    re.compile(text)  # pattern: given by the author\n"
        "    re.compile('g+').match(text)\n"
    )

    found = {each.line: each for each in find(package)}

    assert {line: [pattern.pattern for pattern in each.patterns] for line, each in found.items()} == {
        4: ["[a-z]+="], 5: ["b+="], 6: ["c+", "d+"], 7: ["e+"], 13: ["f+"], 14: [], 15: [], 16: ["g+"]
    }  # fmt: skip
    assert {line: each.uses for line, each in found.items() if each.patterns} == {
        4: {MATCH, FULLMATCH}, 5: {SEARCH}, 6: {SEARCH}, 7: {SEARCH}, 13: {FULLMATCH}, 16: {MATCH}
    }  # fmt: skip
    assert found[4].patterns[0].flags & re.IGNORECASE
    assert [each.reason for each in found.values() if each.reason] == ["given by the author"]


def test_the_command_names_file_line_and_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It fails for an expensive pattern, for an unknown one without a reason, and without a package."""
    package = tmp_path / "expensive"
    package.mkdir()
    module = package / "module.py"

    module.write_text("import re\nre.search('a+=', '')\nre.search(input(), '')\n")
    assert main([str(package)]) == 1
    expensive, unknown, *_, summary = capsys.readouterr().out.splitlines()
    assert expensive.startswith(f"{module}:2: search for 'a+=': time may grow with the square of n")
    assert unknown.startswith(f"{module}:3: the pattern is unknown before the program runs")
    assert summary == "1 patterns checked, 1 unknown before the program runs, 2 problems"

    module.write_text("import re\nre.match('a+=', '')\nre.search(input(), '')  # pattern: typed by its user\n")
    assert main([str(package)]) == 0
    assert capsys.readouterr().out == "1 patterns checked, 1 unknown before the program runs, 0 problems\n"

    assert main([str(tmp_path / "missing")]) == 1
