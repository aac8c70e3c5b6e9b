"""A small process that cleans up after a coordinator that was killed."""

import contextlib
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

# The last line of the input is the groups and folders; the input ends when the coordinator does, in whatever way.
_SCRIPT: Final = """
groups=
while read -r line; do groups=$line; done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
rm -rf -- "$@"
"""


class Guard:
    """Kills process groups and deletes folders when this process ends without `release`.

    The kernel closes the pipe to the guard when this process dies, even by SIGKILL.
    """

    def __init__(self) -> None:
        """Start nothing yet."""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, folders: Iterable[Path]) -> None:
        """Start the guard, in a session of its own, so that no signal of the terminal reaches it.

        Args:
            folders: What it deletes.
        """
        self._process = subprocess.Popen(  # noqa: S603 - a script of our own
            ["/bin/sh", "-c", _SCRIPT, "shipmate-guard", *map(str, folders)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def watch(self, groups: Iterable[int]) -> None:
        """Name the process groups to kill, in place of those named before."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):  # somebody has killed it: then the next run cleans up
                self._process.stdin.write(f"{' '.join(map(str, groups))}\n".encode())
                self._process.stdin.flush()

    def release(self) -> None:
        """End the guard without an action."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
