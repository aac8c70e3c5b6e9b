"""Functions that take other arguments than the runtime passes: one clear error before any code of theirs runs."""

import json
import logging
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shipmate.component import load
from shipmate.container.service import Service
from shipmate.container.startup import Installation
from shipmate.container.step import Step, shut_down
from shipmate.emulator import Platform, Received
from shipmate.errors import WrongSignature
from shipmate.local.run import LocalRun
from shipmate.logs.log import Redactor
from shipmate.settings import ShutdownSettings, StepSettings
from tests.memory_transport import MemoryTransport
from tests.station import WITHOUT_BROKER, Station

PROCESS = "def process(context, msg, cfg, snapshot):\n    return {'body': {}}\n"
RAN = "from pathlib import Path\ndef startup(cfg):\n    Path(__file__).with_name('ran').touch()\n"
WRONG_PROCESSES = [
    ("def process(msg, cfg): ...\n", "process(msg, cfg)"),
    ("def process(): ...\n", "process()"),
    ("def process(context, msg, cfg, snapshot, *, limit): ...\n", "process(context, msg, cfg, snapshot, *, limit)"),
    ("async def process(msg): yield\n", "process(msg)"),
    ("process = lambda self, context, msg, cfg, snapshot: None\n", "process(self, context, msg, cfg, snapshot)"),
    ("class process:\n    def __init__(self): ...\n", "process()"),
    ("class P:\n    def __call__(self, a: 'x' = object()): ...\nprocess = P()\n", "process(a)"),
    (
        "import functools\ndef outer(f):\n    @functools.wraps(f)\n    def inner(msg): ...\n    return inner\n"
        "@outer\ndef process(context, msg, cfg, snapshot): ...\n",
        "process(msg)",
    ),
]
WRONG_HOOKS = [
    ("init", "def init(): ...\n", "init(cfg)", "init()"),
    ("init", "async def init(context, cfg, more): ...\n", "init(cfg)", "init(context, cfg, more)"),
    ("startup", "def startup(): ...\n", "startup(cfg)", "startup()"),
]
EXPECTED = "process(context, msg, cfg, snapshot)"


def put(folder: Path, code: str) -> Path:
    """Write a component whose action ``go`` has this code."""
    (folder / "go.py").write_text(code)
    descriptor = {"title": "t", "actions": {"go": {"title": "g", "main": "./go.py"}}}
    (folder / "component.json").write_text(json.dumps(descriptor))
    return folder


def environ(platform: Platform, **more: str) -> dict[str, str]:
    """Return the variables of a step and of a service call."""
    values = {**WITHOUT_BROKER, "FUNCTION": "go", "ACTION_OR_TRIGGER": "go", "GET_MODEL_METHOD": "kinds", "CFG": "{}"}
    values["SNAPSHOT_ROUTING_KEY"] = "step.snapshots"  # a key is hidden in errors: no word of their texts
    return {**platform.environ(), **{f"ELASTICIO_{name}": value for name, value in {**values, **more}.items()}}


def start(folder: Path, variables: Mapping[str, str]) -> Any:
    """Start a step that fails, and return the one error that it publishes."""
    transport = MemoryTransport()
    installation = Installation(folder, variables, Redactor())
    step = Step(StepSettings.from_environ(variables), installation, lambda settings, *, on_lost: transport)
    assert step.run() == 1
    step._events.close()
    assert (transport.is_consuming, transport.is_closed) == (False, True)
    (published,) = transport.published
    return Received(published.body, published.metadata, None, "", Station.cipher).error


@pytest.fixture
def process_state() -> Iterator[None]:
    """Leave the import path and the modules as they were."""
    path, modules = sys.path[:], set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name in ("go", "verify_credentials"):
            del sys.modules[name]


pytestmark = pytest.mark.usefixtures("process_state")


@pytest.mark.parametrize(("code", "found"), WRONG_PROCESSES)
def test_a_step_with_a_wrong_process_does_not_start(platform: Platform, tmp_path: Path, code: str, found: str) -> None:
    """Else each message is a TypeError; no hook has run."""
    error = start(put(tmp_path, RAN + code), environ(platform, STARTUP_REQUIRED="true"))
    assert (error["name"], error["message"]) == ("WrongSignature", f"expected {EXPECTED}, found {found}")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("name", "code", "expected", "found"), WRONG_HOOKS)
def test_a_step_with_a_wrong_hook_does_not_start(
    platform: Platform, tmp_path: Path, name: str, code: str, expected: str, found: str
) -> None:
    """No other hook has run, whose work would be half done."""
    others = RAN if name == "init" else ""
    error = start(put(tmp_path, PROCESS + others + code), environ(platform, STARTUP_REQUIRED="true"))
    assert error["message"] == f"expected {expected}, found {found}"
    assert not (tmp_path / "ran").exists()
    assert platform.startup_data == {}


@pytest.mark.parametrize("name", ["init", "startup"])
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_hook_that_is_a_generator_ends_the_start(platform: Platform, tmp_path: Path, name: str, kind: str) -> None:
    """Its code would never run."""
    code = f"{PROCESS}{kind} {name}(cfg):\n    yield\n"
    error = start(put(tmp_path, code), environ(platform, STARTUP_REQUIRED="true"))
    assert "must return its result, found a generator" in error["message"]


def test_a_wrong_shutdown_hook_is_one_line(
    platform: Platform, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The startup data stays for a corrected hook."""
    platform.startup_data["flow"] = {"id": 1}
    variables = environ(platform)
    installation = Installation(put(tmp_path, PROCESS + "def shutdown(): ...\n"), variables, Redactor())
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        assert shut_down(ShutdownSettings.from_environ(variables), installation) == 1
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    (record,) = caplog.records
    assert record.getMessage() == "expected shutdown(cfg, startup_data), found shutdown()"
    assert platform.startup_data["flow"] == {"id": 1}


@pytest.mark.parametrize(("code", "found"), WRONG_PROCESSES)
def test_exec_says_the_same(tmp_path: Path, code: str, found: str) -> None:
    """One text for one fault."""
    lines: list[Any] = []
    run = LocalRun(load(put(tmp_path, code)), {}, keys_file=None, environ={}, redactor=Redactor())
    assert run.exec(load(tmp_path).function("go"), {"body": {}}, {}, write_line=lines.append) == 1
    (line,) = lines
    assert line["value"]["message"] == f"expected {EXPECTED}, found {found}"


@pytest.mark.parametrize(
    ("method", "name"), [("getMetaModel", "get_meta_model"), ("getMetaModel", "getMetaModel"), ("selectModel", "kinds")]
)
def test_a_model_with_other_arguments_is_one_error(platform: Platform, tmp_path: Path, method: str, name: str) -> None:
    """Not a method that is not found: it is there."""
    put(tmp_path, f"{PROCESS}def {name}(cfg): ...\n")
    result = Service(method, Installation(tmp_path, environ(platform), Redactor())).answer()
    text = f"expected {name}(context, cfg), found {name}(cfg)"
    assert (result.status, result.data) == ("error", {"message": text})
    run = LocalRun(load(tmp_path), {}, keys_file=None, environ={}, redactor=Redactor())
    with pytest.raises(WrongSignature) as caught:
        run.call(load(tmp_path).function("go"), name)
    assert str(caught.value) == text


def test_a_verifier_with_other_arguments_verifies_nothing(platform: Platform, tmp_path: Path) -> None:
    """The reason is the fault, and no TypeError of Python's."""
    put(tmp_path, PROCESS)
    (tmp_path / "verify_credentials.py").write_text("def verify_credentials(cfg):\n    return True\n")
    result = Service("verifyCredentials", Installation(tmp_path, environ(platform), Redactor())).answer()
    verdict = {
        "verified": False,
        "reason": "expected verify_credentials(context, credentials), found verify_credentials(cfg)",
    }
    assert (result.status, result.data) == ("success", verdict)
    run = LocalRun(load(tmp_path), {}, keys_file=None, environ={}, redactor=Redactor())
    assert run.verify().value == verdict


@pytest.mark.parametrize("startup", ["", "true"])
def test_hooks_that_do_not_exist_are_no_warning(
    platform: Platform, tmp_path: Path, caplog: pytest.LogCaptureFixture, startup: str
) -> None:
    """They are optional, and an operator would look for a fault."""
    variables = environ(platform, STARTUP_REQUIRED=startup)
    transport = MemoryTransport()
    step = Step(
        StepSettings.from_environ(variables),
        Installation(put(tmp_path, PROCESS), variables, Redactor()),
        lambda settings, *, on_lost: transport,
    )
    with caplog.at_level(logging.DEBUG):
        step.start()
    step._events.close()
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []
    assert "the module has no hook init" in caplog.messages
