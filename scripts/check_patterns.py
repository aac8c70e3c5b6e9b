"""Prove that no regular expression of a package costs more than linear time: ``check_patterns.py lib/shipmate``.

A pattern that is not known before the program runs needs a comment that says why that is safe: ``# pattern: <reason>``.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.patterns.ambiguity import growth
from scripts.patterns.sources import MARK, Found, find
from scripts.patterns.syntax import UnprovableError

_LONGEST: Final = 60
_ADVICE: Final = """\
Make repeats possessive (*+, ++), let a search begin only where nothing of the same kind stands before, (?<!...),
exclude from a repeat what follows it, or use the methods of str."""


def main(arguments: list[str]) -> int:
    """Print what is wrong in the packages whose folders are given; return 1 when something is."""
    if not arguments or not all(Path(folder).is_dir() for folder in arguments):
        print(f"expected folders of packages, found {arguments}")
        return 1
    found = [each for folder in arguments for each in find(Path(folder))]
    problems = [f"{each.path}:{each.line}: {problem}" for each in found for problem in _problems(each)]
    print(*problems, *([_ADVICE] if problems else []), sep="\n", end="\n" if problems else "")
    checked, unknown = sum(len(each.patterns) for each in found), sum(not each.patterns for each in found)
    print(f"{checked} patterns checked, {unknown} unknown before the program runs, {len(problems)} problems")
    return bool(problems)


def _problems(found: Found) -> Iterator[str]:
    if not found.patterns and not found.reason:
        yield f"the pattern is unknown before the program runs; say why that is safe: {MARK}<reason>"
    for pattern in found.patterns:
        shown = repr(pattern.pattern)
        shown = shown if len(shown) <= _LONGEST else shown[: _LONGEST - 3] + "..."
        for use in sorted(found.uses, key=lambda use: use.value):
            try:
                if text := growth(pattern.pattern, pattern.flags, use):
                    yield f"{use.value} for {shown}: {text}"
            except UnprovableError as error:
                yield f"{use.value} for {shown}: cannot prove linear time: {error}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
