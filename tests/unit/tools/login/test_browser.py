"""The person's browser: whether there is one, and opening a page."""

import threading
import webbrowser

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


@pytest.mark.parametrize("failure", [False, webbrowser.Error("none"), OSError("none")])
def test_a_browser_that_does_not_open_is_reported(monkeypatch: pytest.MonkeyPatch, failure: bool | Exception) -> None:
    """Otherwise the person would wait for it."""

    def fail(url: str) -> bool:
        if isinstance(failure, Exception):
            raise failure
        return failure

    told = threading.Event()
    monkeypatch.setattr(webbrowser, "open", fail)
    open_page("https://example.com", told.set)

    assert told.wait(10)
