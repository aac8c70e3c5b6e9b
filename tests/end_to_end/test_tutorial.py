"""The tutorial: its commands run, its files are written, and the outputs are as it says."""

import doctest
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.authors import PLUGIN_OF_SHIPMATE_ALONE

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TUTORIAL, re.DOTALL | re.MULTILINE)
PORT = 8100
SECONDS = 60
# Opens the address of login, which is the last argument; the emulated provider consents at once.
BROWSER = """#!{python}
import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=10).read()
"""


@pytest.fixture
def emulator() -> Iterator[int]:
    """Run the emulator as in the tutorial, on free ports, and return the first port."""
    command = [sys.executable, "-m", "shipmate.emulator", "--port"]
    for port in range(20_100, 20_160, 3):
        process = subprocess.Popen([*command, str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        if process.stdout.readline():
            break
        process.communicate()
    with process:
        yield port
        process.terminate()


class Reader:
    """A person who follows the tutorial, in a new folder."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        browser = folder / "browser"
        browser.write_text(BROWSER.format(python=sys.executable))
        browser.chmod(0o755)
        commands = folder / "bin"
        commands.mkdir()
        for name, arguments in {"python": "", "shipmate": " -m shipmate"}.items():
            (commands / name).write_text(f'#!/bin/sh\nexec {sys.executable}{arguments} "$@"\n')
            (commands / name).chmod(0o755)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        self.environ = {
            **inherited,
            **PLUGIN_OF_SHIPMATE_ALONE,
            "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "lib"),
            "BROWSER": f"{browser} %s",
            "LOG_LEVEL": "error",
        }

    def local(self, text: str) -> str:
        """Return a text with the ports of this emulator in place of those in the tutorial."""
        for offset in range(3):
            text = text.replace(f":{PORT + offset}", f":{self.port + offset}")
        return text

    def type(self, block: str) -> None:
        """Run the commands of a block, and compare their outputs with the tutorial."""
        for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            if command.startswith("cd "):
                self.folder = self.folder / command.removeprefix("cd ")
                continue
            done = subprocess.run(
                ["/bin/sh", "-c", command],
                cwd=self.folder,
                env=self.environ,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                stdin=subprocess.DEVNULL,
                check=False,
            )
            check = doctest.OutputChecker()
            matches = check.check_output(expected or "\n", done.stdout or "\n", doctest.ELLIPSIS)
            assert matches, f"{command}\nexpected:\n{expected}\nfound:\n{done.stdout}\n{done.stderr}"

    def write(self, code: str) -> None:
        """Write a file, whose name is in the first line."""
        name, _, content = code.partition("\n")
        (self.folder / name.removeprefix("# ")).write_text(content)

    def edit(self, name: str, lines: str) -> None:
        """Change members of a JSON file."""
        path = self.folder / name
        text = path.read_text()
        for member, value in re.findall(r'"(\w+)": ("[^"]*")', self.local(lines)):
            text, count = re.subn(rf'("{member}": )"[^"]*"', lambda match, value=value: match[1] + value, text)
            assert count == 1, member
        path.write_text(text)


@pytest.mark.timeout(120)
def test_the_tutorial_does_what_it_says(tmp_path: Path, emulator: int) -> None:
    """A mistake in it costs a newcomer the ten minutes that it should take."""
    reader = Reader(tmp_path, emulator)
    done: list[str] = []
    for language, block in BLOCKS:
        done.append(language)
        match language:
            case "console":
                reader.type(block)
            case "python":
                reader.write(block)
            case "json":
                reader.edit("component.json", block)
            case "ini" if block.startswith('"'):
                reader.edit("account.keys.json", block)
            case "ini":
                (reader.folder / ".env").write_text(reader.local(block))
    assert done.count("console") == 9
    assert json.loads((reader.folder / "account.keys.json").read_text())["oauth"]["access_token"] != "spoilt"
