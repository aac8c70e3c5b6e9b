"""A person who follows a tutorial: runs its commands, writes its files, and compares the outputs."""

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.authors import PLUGIN_OF_SHIPMATE_ALONE
from tests.forked import COMMANDS, FLOWS, PYTEST, run

ROOT = Path(__file__).resolve().parents[1]
PORT = 8100
SECONDS = 60
SHELL = frozenset("|<>;&$`*?~\\")
"""The characters for which a command needs a shell."""
# Opens the address of login, which is the last argument; the emulated provider consents at once.
BROWSER = """#!{python}
import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=10).read()
"""


def blocks(page: str) -> list[tuple[str, str]]:
    """Return the blocks of a page that name a language, each with its language."""
    return re.findall(r"^```(\w+)\n(.*?)^```", (ROOT / "docs" / page).read_text(), re.DOTALL | re.MULTILINE)


@contextmanager
def emulator() -> Iterator[int]:
    """Run the emulator as in a tutorial, on free ports, and return the first port."""
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
    """A person who follows a tutorial, in a new folder."""

    def __init__(self, folder: Path, port: int, **environ: str) -> None:
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
            **environ,
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
            done = self._run(command)
            check = doctest.OutputChecker()
            matches = check.check_output(expected or "\n", done.stdout or "\n", doctest.ELLIPSIS)
            assert matches, f"{command}\nexpected:\n{expected}\nfound:\n{done.stdout}\n{done.stderr}"

    def _run(self, command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command; the shell does it unless the command is one of ours and nothing else."""
        words = () if SHELL & set(command) else tuple(shlex.split(command))
        if words[:1] == ("shipmate",):
            loaded = FLOWS if words[1] == "flow" else COMMANDS
            return run("shipmate", *words[1:], loaded=loaded, env=self.environ, cwd=self.folder)
        if words[:3] == ("python", "-m", "pytest"):
            return run("pytest", *words[3:], loaded=PYTEST, env=self.environ, cwd=self.folder)
        return subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )

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

    def replace_lines(self, name: str, lines: str) -> None:
        """Replace lines of a file: from the first one, which stays, as many as are given."""
        path = self.folder / name
        first, *rest = lines.splitlines()
        before = path.read_text().splitlines()
        assert before.count(first) == 1, first
        place = before.index(first) + 1
        before[place : place + len(rest)] = rest
        path.write_text("".join(f"{line}\n" for line in before))

    def follow(self, page: str) -> list[str]:
        """Do what the blocks of a page say, and return their languages."""
        done = []
        for language, block in blocks(page):
            done.append(language)
            match language:
                case "console":
                    self.type(block)
                case "python":
                    self.write(block)
                case "json":
                    self.edit("component.json", block)
                case "yaml":
                    self.replace_lines("flow.yaml", block)
                case "ini" if block.startswith('"'):
                    self.edit("account.keys.json", block)
                case "ini":
                    (self.folder / ".env").write_text(self.local(block))
        return done
