"""Provides what the commands that run a component share."""

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

from shipmate.errors import BadInput, ShipmateError

if TYPE_CHECKING:
    from shipmate.component import Component, Function
    from shipmate.local.options import Inputs, Source
    from shipmate.local.run import LocalRun
    from shipmate.logs.log import Redactor

_LOG: Final = logging.getLogger("shipmate.cli")


class Workspace:
    """What the commands that run a component share: its environment, its log, its descriptor."""

    def __init__(self, root: Path) -> None:
        """Read ``.env`` and ``component.json``, and let the log begin."""
        from shipmate import component
        from shipmate.cli import terminal
        from shipmate.logs import log

        _read_environment(root)
        self.redactor: Redactor = log.Redactor()
        terminal.configure_log(log.parse_level(os.environ.get("LOG_LEVEL")), self.redactor, stream=sys.stderr)
        self.component: Component = component.load(root)

    def read(
        self, given: Mapping[str, str | None], fixture: str | None = None, *, without: frozenset[str] = frozenset()
    ) -> "tuple[Inputs, Mapping[str, str]]":
        """Return the inputs and the flow variables that the options ask for."""
        from shipmate.local import fixtures, options

        if len([text for text in given.values() if text == "-"]) > 1:
            raise click.UsageError("only one option can read standard input")
        stdin: BinaryIO | None = sys.stdin.buffer if sys.stdin is not None else None
        sources: dict[str, Source] = {
            name: options.read(f"--{name}", text, stdin) for name, text in given.items() if text is not None
        }
        variables = options.read_variables(sources.pop("variables")) if "variables" in sources else {}
        fixed = (
            fixtures.read_fixture(self.component.root, fixture, os.environ, without=without | sources.keys())
            if fixture is not None
            else {}
        )
        return options.gather(fixed | sources), variables

    def sample(self, function: "Function") -> dict[str, Any]:
        """Return a message that is made from the function's metadata."""
        from shipmate.local import run as local

        return local.sample_message(self.component, function)

    def compare(self, function: "Function", msg: Mapping[str, Any], *, is_strict: bool) -> None:
        """Say where the message does not fit the function's metadata."""
        from shipmate.local import run as local

        try:
            problems = local.message_problems(self.component, function, msg["body"])
        except ShipmateError as error:
            if is_strict:
                raise
            _LOG.warning("The message was not checked: %s", error)
            return
        if problems and is_strict:
            raise BadInput(f"the body of the message does not fit the metadata of {function.id}: {'; '.join(problems)}")
        for problem in problems:
            _LOG.warning("The body of the message does not fit the metadata of %s: %s", function.id, problem)

    def run(self, inputs: "Inputs", variables: Mapping[str, str]) -> "LocalRun":
        """Return the component, ready to be called."""
        from shipmate.local import run as local

        return local.LocalRun(
            self.component,
            inputs.cfg,
            cfg_file=inputs.cfg_file,
            environ=os.environ,
            redactor=self.redactor,
            flow_variables=variables,
        )


def _read_environment(root: Path) -> None:
    """Put the variables of ``.env`` where the component's code looks for them.

    Writing the environment is done here and nowhere else; what is set already wins.
    """
    from shipmate.local import dotenv

    for name, value in dotenv.read_env_file(root).items():
        os.environ.setdefault(name, value)
