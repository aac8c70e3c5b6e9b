"""The person's browser: whether there is one, and opening a page."""

import threading
from pathlib import Path

import pytest

from shipmate.tools.login.browser import is_available, open_page


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "linux", False),
        ({}, "darwin", True),
        ({"SSH_CONNECTION": "1 2 3 4"}, "darwin", False),
        ({"SSH_TTY": "/dev/pts/1", "DISPLAY": ":10"}, "linux", False),
        ({"SSH_TTY": "/dev/pts/1", "BROWSER": "w3m"}, "linux", True),
    ],
)
def test_a_browser_needs_the_persons_screen(environ: dict[str, str], platform: str, expected: bool) -> None:
    """Without one, the command only prints the address."""
    assert is_available(environ, platform) is expected


@pytest.mark.parametrize("program", ["false", "/no/such/browser"])
def test_a_browser_that_does_not_open_is_reported(program: str) -> None:
    """Otherwise the person would wait for it."""
    told = threading.Event()
    open_page("https://example.com", {"BROWSER": f"{program} %s", "PATH": "/bin:/usr/bin"}, told.set)

    assert told.wait(10)


def test_a_browser_gets_no_secrets_from_the_environment(tmp_path: Path) -> None:
    """It may pass its environment on to other programs."""
    program, seen = tmp_path / "browser", tmp_path / "seen"
    program.write_text(f"#!/bin/sh\n/usr/bin/env >{seen}\nexit 1\n")
    program.chmod(0o755)
    ended = threading.Event()
    environ = {"BROWSER": f"{program} %s", "PATH": str(tmp_path), "CLIENT_SECRET": "s3cret", "DISPLAY": ":7"}
    open_page("https://example.com", environ, ended.set)

    assert ended.wait(10)
    assert "s3cret" not in seen.read_text()
    assert "DISPLAY=:7" in seen.read_text()
