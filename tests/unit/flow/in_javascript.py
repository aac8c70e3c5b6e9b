"""Evaluates expressions in JavaScript, with the platform's own library."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.unit.flow.corpus import GROUPS, SHOP, expressions

FILES = Path(__file__).parent / "javascript"
VALUES = FILES / "values.json"


class NoJavaScript(Exception):
    """Node, npm or the library is missing."""


class JavaScript:
    """Evaluates expressions: ``JavaScript(folder).evaluate(["a + 1"], {"a": 1}, "UTC")``."""

    def __init__(self, folder: Path) -> None:
        """Install the library into a folder, unless it is there.

        Raises:
            NoJavaScript: Node or npm is missing, or npm cannot install the library.
        """
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            raise NoJavaScript("expected node and npm on the PATH, to compare with JavaScript")
        for each in ("package.json", "package-lock.json", "evaluate.js"):
            shutil.copy(FILES / each, folder)
        if not (folder / "node_modules" / "@elastic.io").is_dir():
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            installed = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            if installed.returncode:
                raise NoJavaScript(f"npm cannot install jsonata: {installed.stderr.strip()[-300:]}")
        self._command = [node, "--no-deprecation", str(folder / "evaluate.js")]

    def evaluate(self, texts: list[str], body: Any, zone: str) -> list[dict[str, Any]]:
        """Return ``{"value": ...}``, ``{"undefined": True}`` or ``{"error": code}`` for each expression."""
        cases = json.dumps({"cases": [{"expression": text, "body": body} for text in texts]})
        environ = {**os.environ, "TZ": zone}
        run = subprocess.run(self._command, input=cases, capture_output=True, text=True, check=True, env=environ)
        results: list[dict[str, Any]] = json.loads(run.stdout)
        return results


def record() -> None:
    """Write the values of all expressions."""
    texts = [text for group in GROUPS for text in expressions(group)]
    with tempfile.TemporaryDirectory() as folder:
        results = JavaScript(Path(folder)).evaluate(texts, SHOP, "UTC")
    lines = [f"{json.dumps(text)}: {json.dumps(result)}" for text, result in zip(texts, results, strict=True)]
    VALUES.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    record()
