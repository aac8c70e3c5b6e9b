"""The person's browser."""

import threading
import webbrowser
from collections.abc import Callable, Mapping
from typing import Final

_REMOTE: Final = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")
_SCREENS: Final = ("DISPLAY", "WAYLAND_DISPLAY")


def is_remote(environ: Mapping[str, str]) -> bool:
    """Tell whether the person sits at another machine."""
    return any(environ.get(name) for name in _REMOTE)


def is_there(environ: Mapping[str, str], platform: str) -> bool:
    """Tell whether a browser can be opened that the person sees.

    Args:
        environ: The environment; ``BROWSER`` names one in any case.
        platform: As ``sys.platform``.
    """
    if environ.get("BROWSER"):
        return True
    if is_remote(environ):
        return False
    return platform == "darwin" or any(environ.get(name) for name in _SCREENS)


def open_page(url: str, on_failure: Callable[[], object]) -> None:
    """Open a page, without waiting for it: some browsers return when they are closed."""

    def work() -> None:
        try:
            is_open = webbrowser.open(url)
        except (OSError, ValueError, webbrowser.Error):
            is_open = False
        if not is_open:
            on_failure()

    threading.Thread(target=work, name="browser", daemon=True).start()
