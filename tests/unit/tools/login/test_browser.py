"""Opening the person's browser."""

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
def test_a_browser_is_opened_where_the_person_sees_it(environ: dict[str, str], platform: str, expected: bool) -> None:
    """Elsewhere the address is only printed."""
    assert is_available(environ, platform) is expected


@pytest.mark.parametrize("failure", [False, webbrowser.Error("none"), OSError("none")])
def test_a_browser_that_does_not_open_is_told_of(monkeypatch: pytest.MonkeyPatch, failure: bool | Exception) -> None:
    """The person would wait for it."""

    def fail(url: str) -> bool:
        if isinstance(failure, Exception):
            raise failure
        return failure

    told = threading.Event()
    monkeypatch.setattr(webbrowser, "open", fail)
    open_page("https://example.com", told.set)

    assert told.wait(10)
