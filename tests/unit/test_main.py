"""The entry of the command, before anything else is loaded."""

import signal
import subprocess
import sys

import pytest

# Removes what Python lacks on Windows; only then the platform changes, so that the standard library loads as here.
ON_WINDOWS = """
import os, runpy, signal, sys
sys.modules["fcntl"] = None
del os.uname, signal.SIGHUP, signal.pthread_sigmask
sys.platform = "win32"
sys.argv = ["shipmate", *sys.argv[1:]]
runpy.run_module("shipmate", run_name="__main__")
"""


@pytest.mark.parametrize("arguments", [(), ("--help",), ("exec", "create"), ("run",), ("service", "selectModel")])
def test_on_windows_one_line_says_where_the_command_runs(arguments: tuple[str, ...]) -> None:
    """Without the check the first line is a traceback about fcntl or SIGHUP."""
    done = subprocess.run([sys.executable, "-c", ON_WINDOWS, *arguments], capture_output=True, text=True, check=False)

    assert done.stderr == "Error: expected Linux or macOS, found Windows; run shipmate in WSL or in a container\n"
    assert (done.stdout, done.returncode) == ("", 2)


INTERRUPTED = """
import os, signal, sys

class Interruption:
    def find_spec(self, name, *_):
        if name == "shipmate.cli":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interruption())
from shipmate.__main__ import main
main()
"""


def test_ctrl_c_has_no_traceback_while_a_command_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED, "flow"], capture_output=True, text=True, check=False)

    assert (done.stderr, done.stdout, done.returncode) == ("", "", -signal.SIGINT)
