"""The command line, and the parts that need no broker."""

import doctest
import importlib
import json
import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from bench.__main__ import main
from bench.bare_loop import codec
from bench.processes import ProcessTree, VoidRun, cpu_seconds
from bench.runtimes import RUNTIMES, interpreter
from shipmate.container.messages.cipher import Cipher
from shipmate.tools.validation import validate_component

BENCH = Path(__file__).resolve().parents[3] / "bench"


@pytest.mark.parametrize("name", ["figures", "plan", "plot", "report", "results"])
def test_the_examples_in_the_docstrings_are_right(name: str) -> None:
    """They lie outside of what is searched for examples."""
    outcome = doctest.testmod(importlib.import_module(f"bench.{name}"))

    assert outcome.attempted > 0
    assert outcome.failed == 0


@pytest.mark.parametrize(
    "arguments", [["--rounds", "0"], ["--rounds", "many"], ["soak", "--runtime", "bare"], ["soon"]]
)
def test_a_wrong_option_is_refused_before_anything_starts(arguments: list[str]) -> None:
    """With the status of wrong usage."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2


def test_an_unknown_runtime_is_one_line_that_names_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    """Expected, found, where."""
    assert main(["--runtimes", "shipmate,perl"]) == 2
    assert capsys.readouterr().err == "bench: --runtimes: expected some of shipmate, bare, node, found perl\n"


@pytest.mark.parametrize(
    ("program", "found"), [("/no/python", "/no/python: No such file or directory"), ("false", "it printed nothing")]
)
def test_an_interpreter_that_cannot_run_shipmate_is_one_line(
    program: str, found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is measured."""
    assert main(["--runtimes", "shipmate", "--python", program]) == 2
    error = capsys.readouterr().err
    assert error.startswith("bench: --python: expected interpreters with the packages of requirements.txt: ")
    assert error.endswith(f"{found}\n")


def test_two_interpreters_of_one_version_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Their columns could not be told apart."""
    assert main(["--runtimes", "shipmate", "--python", f"{sys.executable},{sys.executable}"]) == 2
    assert "--python: expected different versions, found Python" in capsys.readouterr().err


def test_another_interpreter_runs_the_same_components(tmp_path: Path) -> None:
    """Its packages are its own; the code of the runtime is that of this repository."""
    runtime = interpreter(sys.executable)

    assert runtime.folders == RUNTIMES["shipmate"]().folders
    with ProcessTree(
        [*runtime.command[:-1], "--help"], folder=tmp_path, environ=runtime.environ, log=tmp_path / "log"
    ) as tree:
        assert tree.wait() == 0


def test_cpu_time_counts_less_than_a_hundredth_of_a_second() -> None:
    """A hundred messages may take no longer, and the kernel's table counts in hundredths."""
    process = psutil.Process()
    begun = cpu_seconds(process)

    assert begun == pytest.approx(time.process_time() + sum(process.cpu_times()[2:4]), abs=0.05)
    while cpu_seconds(process) == begun:
        pass
    assert cpu_seconds(process) - begun < 0.01


def test_tokens_for_hardly_more_calls_than_there_are_workers_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A message whose second attempt finds the new token used up as well fails, and nothing is wrong with that."""
    assert main(["soak", "--refresh-every", "30"]) == 2
    assert "--refresh-every: expected 60 or more at prefetch 20, found 30" in capsys.readouterr().err


def test_a_named_broker_that_is_not_there_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another broker is not taken instead, and the address, which has a password, is not shown."""
    monkeypatch.setenv("SHIPMATE_TEST_AMQP_URI", "amqp://guest:secret@127.0.0.1:1/")

    assert main(["--runtimes", "bare"]) == 1
    assert capsys.readouterr().err == ("bench: SHIPMATE_TEST_AMQP_URI: expected the address of a running AMQP broker\n")


@pytest.mark.parametrize("function", ["echo", "oauth2"])
def test_the_components_are_valid(function: str) -> None:
    """They are components like others, and not bent to be fast."""
    folder = RUNTIMES["shipmate"]().folders[function]

    assert validate_component(folder).problems == ()


def test_the_bare_loop_does_the_work_of_a_message() -> None:
    """It is no limit to be held against if it leaves something out."""
    cipher = Cipher("a password", "0123456789abcdef")
    environ = {
        "ELASTICIO_MESSAGE_CRYPTO_PASSWORD": "a password",
        "ELASTICIO_MESSAGE_CRYPTO_IV": "0123456789abcdef",
    }

    output = codec(environ)(cipher.encode(b'{"body": {"a": [1, "\xc3\xa9"]}, "headers": {}}', 1))

    assert json.loads(cipher.decode(output, 1)) == {"body": {"a": [1, "é"]}, "headers": {}}


def test_a_process_that_ends_by_itself_makes_its_run_void_with_the_end_of_its_output(tmp_path: Path) -> None:
    """The reason stands in the report."""
    program = "import os; print('out of luck', flush=True); raise SystemExit(3)"
    with ProcessTree([sys.executable, "-c", program], folder=tmp_path, environ={}, log=tmp_path / "log") as tree:
        tree.wait()
        with pytest.raises(VoidRun, match="ended with status 3: out of luck"):
            tree.must_live()


def test_a_process_gets_the_variables_of_its_run_and_few_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is set on a desk must not decide who is faster."""
    monkeypatch.setenv("LOG_LEVEL", "trace")
    program = "import os; print(*sorted(os.environ))"
    command = [sys.executable, "-c", program]
    with ProcessTree(command, folder=tmp_path, environ={"ELASTICIO_A": "1"}, log=tmp_path / "log") as tree:
        tree.wait()

    names = (tmp_path / "log").read_text().split()
    assert "ELASTICIO_A" in names
    assert "LOG_LEVEL" not in names
    assert set(names) <= {"ELASTICIO_A", "LC_CTYPE", *os.environ}


def test_the_installed_node_runtime_is_never_committed() -> None:
    """It is some thousand files of others."""
    assert ".node/" in (BENCH / ".gitignore").read_text().splitlines()
