"""Opens pages in the person's browser."""

import threading
import webbrowser
from collections.abc import Callable, Mapping
from typing import Final

_REMOTE: Final = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")
_SCREENS: Final = ("DISPLAY", "WAYLAND_DISPLAY")


def is_remote(environ: Mapping[str, str]) -> bool:
    """Return whether the person works on another machine, over SSH."""
    return any(environ.get(name) for name in _REMOTE)


def is_available(environ: Mapping[str, str], platform: str) -> bool:
    """Return whether a browser can be opened on the person's screen.

    Args:
        environ: The environment; its variable ``BROWSER`` names one in any case.
        platform: The value of ``sys.platform``.
    """
    if environ.get("BROWSER"):
        return True
    if is_remote(environ):
        return False
    return platform == "darwin" or any(environ.get(name) for name in _SCREENS)


def open_page(url: str, on_failure: Callable[[], object]) -> None:
    """Open a page on a thread: some browsers return only after they are closed.

    Args:
        url: The address of the page.
        on_failure: Called on the thread if no browser could be opened.
    """

    def work() -> None:
        try:
            is_open = webbrowser.open(url)
        except (OSError, ValueError, webbrowser.Error):
            is_open = False
        if not is_open:
            on_failure()

    threading.Thread(target=work, name="browser", daemon=True).start()
