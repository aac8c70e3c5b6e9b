"""The command ``shipmate``, also as ``python -m shipmate``."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line of this process."""
    if sys.platform == "win32":  # before the imports that fail there: fcntl, signal.SIGHUP, os.uname
        sys.stderr.write("Error: expected Linux or macOS, found Windows; run shipmate in WSL or in a container\n")
        sys.exit(2)
    if sys.argv[1:] == ["run"]:  # without the parser: 9 ms of a container's start
        _end_on_signals()
        from shipmate.container import step

        step.main()
    _end_by_ctrl_c()
    from shipmate.cli import commands

    commands.main()


def _end_on_signals() -> None:
    """Let a signal end the process in order while the runtime is still being loaded: nothing has begun."""
    import os
    import signal

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))


def _end_by_ctrl_c() -> None:
    """Let Ctrl-C end the process without a traceback while a command is still being loaded."""
    import signal

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    main()
