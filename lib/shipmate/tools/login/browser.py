"""Opens pages in the person's browser."""

import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Final

_REMOTE: Final = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")
_SCREENS: Final = ("DISPLAY", "WAYLAND_DISPLAY")
_NAMES: Final = frozenset(
    """
    BROWSER DBUS_SESSION_BUS_ADDRESS DESKTOP_SESSION DISPLAY HOME LANG LANGUAGE LOGNAME PATH SHELL SYSTEMROOT TERM
    TMPDIR TZ USER WAYLAND_DISPLAY XAUTHORITY
    """.split()
)
_PREFIXES: Final = ("GNOME_", "KDE_", "LC_", "WSL_", "XDG_")
# In an interpreter of its own, since webbrowser passes the whole environment on.
_OPEN: Final = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1]))"


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


def open_page(url: str, environ: Mapping[str, str], on_failure: Callable[[], object]) -> None:
    """Open a page on a thread: some browsers return only after they are closed.

    Args:
        url: The address of the page.
        environ: The environment, of which the browser gets the variables of the person's screen and no secrets.
        on_failure: Called on the thread if no browser could be opened.
    """

    def work() -> None:
        try:
            done = subprocess.run(  # noqa: S603 - the address is an argument of its own
                [sys.executable, "-I", "-c", _OPEN, url],
                env=of_person(environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                check=False,
            )
            is_open = done.returncode == 0
        except OSError:
            is_open = False
        if not is_open:
            on_failure()

    threading.Thread(target=work, name="browser", daemon=True).start()


def of_person(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that programs of the person need: paths, language and screen, and nothing else."""
    return {name: value for name, value in environ.items() if name in _NAMES or name.startswith(_PREFIXES)}
