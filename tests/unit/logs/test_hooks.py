"""What Python itself would print on standard error goes through the log."""

import os
import sys
import textwrap
import threading
import warnings
from pathlib import Path

import pytest

from tests import forked
from tests.unit.logs.canaries import CANARY, Log

pytestmark = pytest.mark.usefixtures("measured")

EXCEPTIONS = {
    "the main thread": "raise ValueError(secret)",
    "a thread": "t = threading.Thread(target=int, args=(secret,)); t.start(); t.join()",
    "a destructor": "class A:\n    def __del__(self): raise ValueError(secret)\nA()",
    "an exit function": "atexit.register(int, secret)",
    "a warning": "warnings.warn(secret)",
    "a warning of the interpreter": "compile('x is ' + repr(secret), secret, 'eval')",
    "a task that nobody awaits": "async def f(): raise ValueError(secret)\n"
    "async def g():\n    t = asyncio.ensure_future(f()); await asyncio.sleep(0)\nasyncio.run(g())",
}


@pytest.mark.parametrize("place", EXCEPTIONS)
@pytest.mark.parametrize("as_json", [True, False])
def test_no_secret_gets_to_standard_error(place: str, as_json: bool, tmp_path: Path) -> None:
    start = f"""
        import asyncio, atexit, sys, threading, warnings
        from shipmate.logs import log
        secret = "c4nary" + "-of-the-coal-mine"
        redactor = log.Redactor()
        redactor.add(secret)
        log.configure(20, redactor, stream=sys.stderr, as_json={as_json})
        """
    (tmp_path / "fails.py").write_text(textwrap.dedent(start) + EXCEPTIONS[place])
    ended = forked.run("fails", loaded=forked.COMMANDS, env=os.environ, cwd=tmp_path)
    assert "***" in ended.stderr
    assert CANARY not in ended.stderr
    assert ended.returncode == (1 if place == "the main thread" else 0)


def test_the_end_of_a_configuration_restores_the_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    monkeypatch.setattr(warnings, "showwarning", lambda *_: None)

    def hooks() -> tuple[object, ...]:
        return sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning

    before = hooks()
    with Log(as_json=True).configured:
        assert not {*before} & {*hooks()}
    assert hooks() == before
