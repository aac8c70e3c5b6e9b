"""The types that component authors import: type checkers find their mistakes, and nothing in correct code."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "components" / "typed"

Found = Mapping[tuple[str, int], set[str]]
"""What a checker calls the mistakes in each file and line: ``{("mistakes.py", 14): {"attr-defined"}}``."""


def expectations() -> list[tuple[str, int, str, str]]:
    """Return function, line, mypy's code and pyright's rule of each mistake."""
    expected, function = [], ""
    for number, line in enumerate((FOLDER / "mistakes.py").read_text().splitlines(), 1):
        if start := re.match(r"(?:async )?def (\w+)", line):
            function = start[1]
        if comment := re.search(r"# expect: ([\w-]+), (\w+)$", line):
            expected.append((function, number, comment[1], comment[2]))
    return expected


def mypy(folder: Path) -> Found:
    """Return what mypy finds, in its strict mode and without the settings of this repository."""
    options = ["--strict", "--config-file=", "--output=json", f"--cache-dir={os.devnull}"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *sorted(FOLDER.glob("*.py"))],
        env={"MYPYPATH": str(ROOT / "lib")},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stderr
    found = defaultdict(set)
    for line in done.stdout.splitlines():
        problem = json.loads(line)
        found[Path(problem["file"]).name, problem["line"]].add(problem["code"])
    return found


def pyright(folder: Path) -> Found:
    """Return what pyright finds in its strict mode."""
    settings = {"typeCheckingMode": "strict", "include": [str(FOLDER)], "extraPaths": [str(ROOT / "lib")]}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run([*command, "--project", str(folder)], cwd=folder, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    found = defaultdict(set)
    for problem in json.loads(done.stdout)["generalDiagnostics"]:
        found[Path(problem["file"]).name, problem["range"]["start"]["line"] + 1].add(problem["rule"])
    return found


@pytest.fixture(scope="module", params=[mypy, pyright], ids=lambda checker: checker.__name__)
def checked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Found]:
    """Return which of the two names is this checker's, and all that it found."""
    checker: Callable[[Path], Found] = request.param
    return (mypy, pyright).index(checker), checker(tmp_path_factory.mktemp("checked"))


@pytest.mark.parametrize(("line", "names"), [pytest.param(e[1], e[2:], id=e[0]) for e in expectations()])
def test_a_mistake_is_found(line: int, names: tuple[str, str], checked: tuple[int, Found]) -> None:
    """By both checkers, on the line where it is."""
    own, found = checked
    assert names[own] in found.get(("mistakes.py", line), set())


def test_nothing_else_is_found(checked: tuple[int, Found]) -> None:
    """Correct code does not disturb, and each mistake is reported once."""
    _, found = checked
    assert set(found) == {("mistakes.py", line) for _, line, *_ in expectations()}
