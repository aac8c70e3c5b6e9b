"""The log and the component of a container."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipmate.container.startup import Installation, configure_log, load_component, log_fatal
from shipmate.errors import BadSetting, DescriptorError
from shipmate.logs.log import TRACE, Redactor


@pytest.fixture(autouse=True)
def log() -> Iterator[None]:
    """Leave logging as it was."""
    root, make = logging.getLogger(), logging.getLogRecordFactory()
    before = root.level, root.handlers[:]
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    logging.setLogRecordFactory(make)


@pytest.mark.parametrize(
    ("environ", "level"),
    [
        ({}, logging.INFO),
        ({"LOG_LEVEL": "trace"}, TRACE),
        ({"LOG_LEVEL": "INFO"}, logging.INFO),
        ({"LOG_LEVEL": "50"}, logging.ERROR),
        ({"LOG_LEVEL": "fatal"}, logging.CRITICAL),
        ({"NODE_ENV": "test"}, logging.CRITICAL + 1),
        ({"NODE_ENV": "test", "LOG_LEVEL": ""}, logging.CRITICAL + 1),
        ({"NODE_ENV": "test", "LOG_LEVEL": "warn"}, logging.WARNING),
        ({"NODE_ENV": "production"}, logging.INFO),
    ],
)
def test_the_level_is_a_name_or_a_number(environ: dict[str, str], level: int) -> None:
    """Contract 2.4: in any case of its letters; tests on the platform log nothing unless a level is asked for."""
    configure_log(environ, Redactor())
    assert logging.getLogger().level == level


@pytest.mark.parametrize("path", ["", "/component", "component"])
def test_the_folder_is_below_the_working_folder(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contract 1.2: a leading slash does not make it absolute; a folder that is given wins."""
    monkeypatch.chdir(tmp_path)
    environ = {"ELASTICIO_COMPONENT_PATH": path}
    assert Installation.from_environ(environ, None).root == tmp_path / path.lstrip("/")
    assert Installation.from_environ(environ, Path("given")).root == Path("given")


def test_the_secrets_of_the_environment_are_known_from_the_beginning() -> None:
    """What goes wrong before the component is loaded is logged without them."""
    installation = Installation.from_environ({"ELASTICIO_API_KEY": "canary-api-key"}, None)
    assert "canary-api-key" not in installation.redactor.redact("with canary-api-key")
    assert "canary-api-key" not in repr(installation)


def test_a_component_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Contract 1.2."""
    with pytest.raises(DescriptorError, match=r"^Failed to load component\.json from "):
        load_component(tmp_path / "nowhere")


def test_single_loggers_have_levels_of_their_own() -> None:
    """They win over LOG_LEVEL, also where nothing else is logged."""
    try:
        configure_log({"NODE_ENV": "test", "SHIPMATE_LOG_LEVELS": "shipmate.some=debug"}, Redactor())
        assert logging.getLogger("shipmate.some.more").isEnabledFor(logging.DEBUG)
        assert not logging.getLogger("shipmate").isEnabledFor(logging.CRITICAL)
    finally:
        logging.getLogger("shipmate.some").setLevel(logging.NOTSET)


def test_wrong_levels_are_an_error_in_a_log_that_works(capsys: pytest.CaptureFixture[str]) -> None:
    """The error that ends the process is logged in the format of the platform."""
    with pytest.raises(BadSetting) as caught:
        configure_log({"SHIPMATE_LOG_LEVELS": "shipmate=loud"}, Redactor())
    log_fatal(caught.value)
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())

    assert (line["level"], line["code"], line["err"]["code"]) == (60, "process_failed", "bad_setting")
    assert line["msg"].startswith("SHIPMATE_LOG_LEVELS: expected ")
