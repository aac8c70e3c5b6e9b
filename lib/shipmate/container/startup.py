"""What a container needs before its work: its environment, log, component and configuration."""

import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from shipmate.component import Component, load
from shipmate.errors import DescriptorError, ShipmateError
from shipmate.invocation.failure import error_text
from shipmate.logs import log
from shipmate.logs.levels import parse_levels
from shipmate.logs.log import Redactor
from shipmate.logs.records import redacted
from shipmate.settings import log_fields

_log: Final = logging.getLogger("shipmate.step")


@dataclass(frozen=True, slots=True)
class Installation:
    """The component and the environment of this process."""

    root: Path
    """The component's folder."""
    environ: Mapping[str, str] = field(repr=False)
    redactor: Redactor = field(repr=False)
    """Knows the secrets of the environment, and learns others."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], root: Path | None) -> "Installation":
        """Return the installation of an environment, which names the folder unless ``root`` is given."""
        redactor = Redactor()
        redactor.add_environment(environ)
        path = environ.get("ELASTICIO_COMPONENT_PATH", "")
        return cls(root or Path.cwd() / path.lstrip("/"), environ, redactor)


def configure_log(environ: Mapping[str, str], redactor: Redactor) -> None:
    """Log to standard output in the platform's format. Source: contract §13.

    Raises:
        BadSetting: The levels of single loggers are wrong; everything else is configured.
    """
    level = environ.get("LOG_LEVEL")
    is_silent = environ.get("NODE_ENV") == "test" and not level
    log.configure(
        logging.CRITICAL + 1 if is_silent else log.parse_level(level),
        redactor,
        stream=sys.stdout,
        as_json=True,
        fields=log_fields(environ),
    )
    log.set_levels(parse_levels(environ.get("SHIPMATE_LOG_LEVELS")))


def load_component(root: Path) -> Component:
    """Return the component of a container.

    Raises:
        DescriptorError: ``component.json`` is missing, is not JSON, or lacks what the runtime needs.
    """
    try:
        return load(root)
    except DescriptorError as error:
        raise DescriptorError(f"Failed to load component.json from {root}: {error}") from error


def config_of(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the configuration in the step data of the platform, empty if there is none."""
    config = data.get("config")
    return config if isinstance(config, Mapping) else {}


def refuse_start(error: ShipmateError) -> None:
    """Log the error that prevents the start, or print it if nothing is logged."""
    log_fatal(error)
    if not _log.isEnabledFor(logging.CRITICAL):
        sys.stderr.write(f"Error: {' '.join(redacted(str(error)).split())}\n")


def log_fatal(error: BaseException) -> None:
    """Log the error that ends the process."""
    if isinstance(error, ShipmateError):
        name = type(error).__name__
        err = {"message": str(error), "name": name, "stack": f"{name}: {error}", "code": error.code}
        _log.critical("%s", error, extra={"err": err})
    else:
        _log.critical("%s: %s", type(error).__name__, error_text(error), exc_info=error)
