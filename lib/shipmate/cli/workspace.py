"""Prepares what the commands that run a component share."""

import logging
import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

if TYPE_CHECKING:
    from shipmate.component import Component
    from shipmate.local.options import Inputs, Source
    from shipmate.local.run import LocalRun
    from shipmate.logs.redaction import Redactor

_VALUES: Final = ("cfg", "msg", "snapshot", "variables")
_LOG: Final = logging.getLogger("shipmate.local")


class Workspace:
    """The environment, the log and the component of one command."""

    def __init__(self, root: Path, *, runs_code: bool = True) -> None:
        """Read ``.env``, configure the log, and read ``component.json``.

        Args:
            root: The component's folder.
            runs_code: Whether the command runs the component's code, which gets all variables of ``.env``. Otherwise
                the environment of the process stays as it is, and `environ` has only those that the descriptor names.
        """
        from shipmate import component
        from shipmate.local import dotenv

        self.environ: Mapping[str, str] = os.environ
        if runs_code:
            self.redactor: Redactor = prepare_process(root)
            self.component: Component = component.load(root)
        else:
            self.redactor = configure_log()
            self.component = component.load(root)
            variables = dotenv.read_env_file(root, partial(_LOG.warning, "%s"))
            self.environ = {**dotenv.named_by(self.component, variables), **os.environ}

    def read(
        self, given: Mapping[str, Any], *, without: frozenset[str] = frozenset()
    ) -> "tuple[Inputs, Mapping[str, str]]":
        """Return the inputs and the flow variables of a call.

        Args:
            given: The options of the command: the texts of ``cfg``, ``msg``, ``snapshot`` and ``variables``; the name
                of the ``fixture`` that replaces missing ones; the name of the ``account`` file, None for the default
                file; and the texts of ``--set`` as ``settings``.
            without: The inputs that the fixture does not replace.
        """
        from shipmate.component.credentials import token_field
        from shipmate.local import account as accounts
        from shipmate.local import fixtures, options

        texts = {name: given.get(name) for name in _VALUES}
        fixture = given["fixture"]
        if list(texts.values()).count("-") > 1:
            raise click.UsageError("only one option can read standard input")
        stdin: BinaryIO | None = sys.stdin.buffer if sys.stdin is not None else None
        sources: dict[str, Source] = {
            name: options.read_option(f"--{name}", text, stdin) for name, text in texts.items() if text is not None
        }
        variables = options.read_variables(sources.pop("variables")) if "variables" in sources else {}
        own = accounts.read_account(self.component.root, given["account"])
        defaults: dict[str, Source] = {}
        if fixture is not None:
            defaults = fixtures.read_fixture(
                self.component.root,
                fixture,
                os.environ,
                without=without | sources.keys(),
                account=options.object_of(own) if own else None,
            )
        inputs = options.gather(
            defaults | sources,
            account=own,
            settings=options.read_settings(given["settings"]),
            keys_field=token_field(self.component),
        )
        credentials = {token_field(self.component), *(self.component.credentials.get("fields") or {})}
        if inputs.keys_file is not None and credentials & inputs.cfg.keys():
            if warning := accounts.exposure(inputs.keys_file):
                _LOG.warning("%s", warning)
        return inputs, variables

    def run(self, inputs: "Inputs", variables: Mapping[str, str]) -> "LocalRun":
        """Return the component, ready for calls."""
        from shipmate.local.run import LocalRun

        return LocalRun(
            self.component,
            inputs.cfg,
            keys_file=inputs.keys_file,
            environ=os.environ,
            redactor=self.redactor,
            flow_variables=variables,
        )


def prepare_process(root: Path) -> "Redactor":
    """Read ``.env`` into the environment, configure the log, and return the redactor of the log.

    No other code writes the environment. Variables that are set already keep their values.
    """
    from shipmate.local import dotenv

    warnings: list[str] = []
    for name, value in dotenv.read_env_file(root, warnings.append).items():
        os.environ.setdefault(name, value)
    redactor = configure_log()
    for warning in warnings:
        _LOG.warning("%s", warning)
    return redactor


def configure_log() -> "Redactor":
    """Configure the log of a command, and return its redactor.

    Raises:
        BadSetting: The levels of single loggers are wrong.
    """
    from shipmate.cli import terminal
    from shipmate.logs import levels, log

    redactor = log.Redactor()
    terminal.configure_terminal_log(log.parse_level(os.environ.get("LOG_LEVEL")), redactor, stream=sys.stderr)
    log.set_levels(levels.parse_levels(os.environ.get("SHIPMATE_LOG_LEVELS")))
    return redactor
