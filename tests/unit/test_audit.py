"""The audit of the pinned packages: what it reports, and where it is skipped."""

import io
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts import audit

ROOT = Path(__file__).resolve().parents[2]
SAFE = {"name": "a", "version": "1", "vulns": []}
BROKEN = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1", "3"]}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


def test_each_vulnerability_is_one_line_and_status_one(capsys: pytest.CaptureFixture[str]) -> None:
    """With the version that mends it; packages that nobody could look up are counted."""
    assert audit.report([SAFE, BROKEN, UNKNOWN]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "audit: b 2: PYSEC-1, fixed in: 2.1, 3",
        "audit: 2 packages, 1 known vulnerabilities, 1 packages not looked up",
    ]
    assert audit.report([SAFE]) == 0


def test_packages_that_nobody_could_look_up_are_no_success() -> None:
    """pip-audit ends with 0 at a mirror that knows no vulnerabilities."""
    with pytest.raises(audit.Unavailable, match="none of the packages"):
        audit.report([UNKNOWN])


@pytest.mark.parametrize("answer", [OSError("no network"), b"<html>", b'{"info": {}}'])
def test_the_audit_is_skipped_where_no_index_answers(
    answer: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At once, before anything is installed, unless it is required."""

    def urlopen(url: str, timeout: float) -> io.BytesIO:
        assert timeout <= 10
        if isinstance(answer, Exception):
            raise answer
        return io.BytesIO(answer)

    monkeypatch.setattr(audit.urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(audit, "installed", lambda _: pytest.fail("nothing should be installed"))
    for arguments, status in (([], 0), (["--require"], 1)):
        monkeypatch.setattr("sys.argv", ["audit.py", *arguments])
        assert audit.main() == status
        assert capsys.readouterr().err.startswith("audit: skipped, ")


def test_all_files_with_pinned_packages_are_audited() -> None:
    """Those that another one includes as well."""
    audited = set(audit.AUDITED)
    for name in audit.AUDITED:
        audited |= set(re.findall(r"^-r (\S+)", (ROOT / name).read_text(), re.MULTILINE))

    assert audited == {path.name for path in ROOT.glob("requirements*.txt")}


def test_the_probe_asks_what_pip_audit_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package in one version."""
    assert re.fullmatch(r"https://\S+/pypi/pip/[\d.]+/json", audit.SERVICE)
    answer = json.dumps({"vulnerabilities": []}).encode()
    monkeypatch.setattr(audit.urllib.request, "urlopen", lambda url, timeout: io.BytesIO(answer))
    audit.check_service()


def test_a_package_in_two_files_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip-audit looks at one file at a time, and ends with 1 if it finds something."""
    texts = [json.dumps({"dependencies": [SAFE, BROKEN, UNKNOWN]})] * len(audit.AUDITED)

    def run(line: list[Any], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(line, 1, stdout=texts.pop(), stderr="")

    monkeypatch.setattr(audit.subprocess, "run", run)
    assert audit.audit(Path("python")) == [SAFE, BROKEN, UNKNOWN]
    assert texts == []


def test_a_result_that_cannot_be_read_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is one that takes too long."""
    for error in (lambda line: subprocess.CompletedProcess(line, 1, stdout="no"), None):

        def run(line: list[Any], timeout: float, error: Any = error, **_: Any) -> subprocess.CompletedProcess[str]:
            if error is None:
                raise subprocess.TimeoutExpired(line, timeout)
            done: subprocess.CompletedProcess[str] = error(line)
            return done

        monkeypatch.setattr(audit.subprocess, "run", run)
        with pytest.raises(audit.Unavailable, match=r"no result for requirements\.txt"):
            audit.audit(Path("python"))
