"""Prepares what the commands that run a component share."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

if TYPE_CHECKING:
    from shipmate.component import Component
    from shipmate.local.options import Inputs, Source
    from shipmate.local.run import LocalRun
    from shipmate.logs.redaction import Redactor


class Workspace:
    """The environment, the log and the component of one command."""

    def __init__(self, root: Path) -> None:
        """Read ``.env``, configure the log, and read ``component.json``."""
        from shipmate import component

        self.redactor: Redactor = prepare_process(root)
        self.component: Component = component.load(root)

    def read(
        self, texts: Mapping[str, str | None], fixture: str | None = None, *, without: frozenset[str] = frozenset()
    ) -> "tuple[Inputs, Mapping[str, str]]":
        """Return the inputs and the flow variables of a call.

        Args:
            texts: The texts of the options ``cfg``, ``msg``, ``snapshot`` and ``variables``.
            fixture: The name of the fixture that replaces missing options.
            without: The inputs that the fixture does not replace.
        """
        from shipmate.local import fixtures, options

        if list(texts.values()).count("-") > 1:
            raise click.UsageError("only one option can read standard input")
        stdin: BinaryIO | None = sys.stdin.buffer if sys.stdin is not None else None
        sources: dict[str, Source] = {
            name: options.read_option(f"--{name}", text, stdin) for name, text in texts.items() if text is not None
        }
        variables = options.read_variables(sources.pop("variables")) if "variables" in sources else {}
        defaults = (
            fixtures.read_fixture(self.component.root, fixture, os.environ, without=without | sources.keys())
            if fixture is not None
            else {}
        )
        return options.gather(defaults | sources), variables

    def run(self, inputs: "Inputs", variables: Mapping[str, str]) -> "LocalRun":
        """Return the component, ready for calls."""
        from shipmate.local.run import LocalRun

        return LocalRun(
            self.component,
            inputs.cfg,
            cfg_file=inputs.cfg_file,
            environ=os.environ,
            redactor=self.redactor,
            flow_variables=variables,
        )


def prepare_process(root: Path) -> "Redactor":
    """Read ``.env`` into the environment, configure the log, and return the redactor of the log.

    No other code writes the environment. Variables that are set already keep their values.
    """
    from shipmate.cli import terminal
    from shipmate.local import dotenv
    from shipmate.logs import log

    for name, value in dotenv.read_env_file(root).items():
        os.environ.setdefault(name, value)
    redactor = log.Redactor()
    terminal.configure_terminal_log(log.parse_level(os.environ.get("LOG_LEVEL")), redactor, stream=sys.stderr)
    return redactor
