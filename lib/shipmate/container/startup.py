"""The environment, log and component of a container."""

import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shipmate.component import Component, load
from shipmate.errors import DescriptorError
from shipmate.logs import log
from shipmate.logs.log import Redactor
from shipmate.settings import log_fields


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
    """Log to standard output in the platform's format. Source: contract §13."""
    level = environ.get("LOG_LEVEL")
    is_silent = environ.get("NODE_ENV") == "test" and not level
    log.configure(
        logging.CRITICAL + 1 if is_silent else log.parse_level(level),
        redactor,
        stream=sys.stdout,
        as_json=True,
        fields=log_fields(environ),
    )


def load_component(root: Path) -> Component:
    """Return the component of a container.

    Raises:
        DescriptorError: ``component.json`` is missing, is not JSON, or lacks what the runtime needs.
    """
    try:
        return load(root)
    except DescriptorError as error:
        raise DescriptorError(f"Failed to load component.json from {root}: {error}") from error
