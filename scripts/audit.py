"""Looks for known vulnerabilities in the pinned packages, with pip-audit.

    python scripts/audit.py [--require]

Where no index with vulnerabilities answers, the audit is skipped: status 0, or 1 with `--require`. Vulnerabilities
are status 1. Nothing takes longer than a few minutes.
"""

import json
import subprocess
import sys
import tempfile
import urllib.request
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
AUDITED = ("requirements.txt", "requirements-dev.txt", "requirements-release.txt", "requirements-audit.txt")
"""The files with pinned packages; requirements-release.txt includes requirements-build.txt."""
SERVICE = "https://pypi.org/pypi/pip/25.0/json"
"""An answer of the service that pip-audit asks: a mirror may have only those without a version."""
PROBE_SECONDS = 5
SECONDS = 180


class Unavailable(Exception):
    """The audit cannot be made here."""


def check_service() -> None:
    """Check that the service of vulnerabilities answers: pip-audit reports nothing where it does not.

    Raises:
        Unavailable: It does not.
    """
    try:
        with urllib.request.urlopen(SERVICE, timeout=PROBE_SECONDS) as answer:
            known = json.load(answer)
    except (OSError, ValueError) as error:
        raise Unavailable(f"no index with vulnerabilities answers ({type(error).__name__})") from error
    if "vulnerabilities" not in known:
        raise Unavailable("the index has no vulnerabilities")


def installed(folder: Path) -> Path:
    """Install pip-audit into a new environment, and return its Python.

    Raises:
        Unavailable: pip cannot fetch it.
    """
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    line: list[str | Path] = [
        python,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--quiet",
        "install",
        "--require-hashes",
    ]
    try:
        subprocess.run([*line, "--requirement", ROOT / "requirements-audit.txt"], check=True, timeout=SECONDS)
    except subprocess.SubprocessError as error:
        raise Unavailable("pip cannot install requirements-audit.txt") from error
    return python


def audit(python: Path) -> list[dict[str, Any]]:
    """Return what pip-audit says about each package.

    Raises:
        Unavailable: It has no result, or not within the time.
    """
    packages: dict[tuple[str, str | None], dict[str, Any]] = {}
    line: list[str | Path] = [
        python,
        "-m",
        "pip_audit",
        "--disable-pip",
        "--format",
        "json",
        "--progress-spinner",
        "off",
    ]
    for name in AUDITED:  # one by one, since pip-audit refuses a package that is in two of them
        try:
            done = subprocess.run(
                [*line, "--requirement", ROOT / name], capture_output=True, text=True, timeout=SECONDS, check=False
            )
            for each in json.loads(done.stdout)["dependencies"]:
                packages[each["name"], each.get("version")] = each  # without a version if it is not known
        except (subprocess.SubprocessError, ValueError, KeyError) as error:
            raise Unavailable(f"pip-audit has no result for {name}") from error
    return list(packages.values())


def report(packages: list[dict[str, Any]]) -> int:
    """Print the vulnerabilities and return the exit status.

    Args:
        packages: ``[{"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}]``

    Raises:
        Unavailable: No package could be looked up.
    """
    known = [each for each in packages if "skip_reason" not in each]
    if not known:
        raise Unavailable("the index has none of the packages")
    found = [(each, vulnerability) for each in known for vulnerability in each["vulns"]]
    for each, vulnerability in found:
        fixed = ", ".join(vulnerability["fix_versions"]) or "none yet"
        print(f"audit: {each['name']} {each['version']}: {vulnerability['id']}, fixed in: {fixed}")
    unknown = len(packages) - len(known)
    print(f"audit: {len(known)} packages, {len(found)} known vulnerabilities, {unknown} packages not looked up")
    return 1 if found else 0


def main() -> int:
    """Make the audit, and return the exit status."""
    try:
        check_service()
        with tempfile.TemporaryDirectory() as folder:
            return report(audit(installed(Path(folder))))
    except Unavailable as reason:
        print(f"audit: skipped, {reason}", file=sys.stderr)
        return 1 if "--require" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
