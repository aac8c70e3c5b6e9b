"""The command ``shipmate``: each of its commands parses, calls one function, and prints."""

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from shipmate import __version__
from shipmate.cli.workspace import Workspace, _read_environment
from shipmate.errors import BadInput, ShipmateError
from shipmate.wording import file_problem

if TYPE_CHECKING:
    from shipmate.cli.terminal import Output
    from shipmate.local.run import CallResult
    from shipmate.tools.scaffold import Question
    from shipmate.tools.validation import Report

_FAILED: Final = 1
_BAD_USAGE: Final = 2
_INTERRUPTED: Final = 130
_NO_MESSAGE: Final = frozenset({"msg", "snapshot"})
_LOG: Final = logging.getLogger("shipmate.cli")


def main() -> NoReturn:
    """Run the command line of this process."""
    from shipmate.cli import terminal

    terminal.end_on_signals()
    status = run()
    terminal.flush()
    sys.exit(status)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; what prevents it is said in one line on standard error."""
    try:
        status: int | None = commands.main(args=arguments, prog_name="shipmate", standalone_mode=False)
        return status or 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return _BAD_USAGE
    except click.ClickException as error:
        return _refuse(error.format_message())
    except ShipmateError as error:
        # Whatever reaches this place has prevented that anything was run.
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{file_problem(error)}: {error.filename or 'standard output'}", _FAILED)
    except click.Abort:
        click.echo(err=True)  # Ctrl-C has left the cursor behind a question
        return _INTERRUPTED


def _refuse(text: str, status: int = _BAD_USAGE) -> int:
    click.echo(f"Error: {' '.join(text.split())}", err=True)
    return status


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def commands() -> None:
    """Run elastic.io components written in Python."""


def _given(name: str, text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(name, metavar="JSON|FILE|-", help=text)


_FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)
_FOLDER_IN_CONTAINER: Final = "The component's folder, as ELASTICIO_COMPONENT_PATH says unless given."
_component = click.option(
    "--component",
    "root",
    metavar="DIR",
    default=".",
    type=_FOLDER,
    help="The component's folder, the current one unless given.",
)
_cfg = _given("--cfg", "Configuration and credentials; new keys are saved to the file.")
_variables = _given("--variables", "The flow's variables.")
_fixture = click.option(
    "--fixture", metavar="NAME", help="Take what is not given from this fixture in test/fixture.json."
)


@commands.command("exec")
@click.argument("function")
@_component
@_cfg
@_given("--msg", "The message; headers and body may be missing.")
@_given("--snapshot", "The snapshot.")
@_variables
@_fixture
@click.option("--sample", is_flag=True, help="Make the message from the function's metadata.")
@click.option("--strict", is_flag=True, help="Refuse a message that does not fit the function's metadata.")
def exec_(root: Path, function: str, fixture: str | None, sample: bool, strict: bool, **given: str | None) -> int:
    """Run the action or trigger FUNCTION on one message.

    Prints each event as one line of JSON. Values are JSON when they start with {, standard input when they
    are -, else the name of a file.
    """
    from shipmate.cli import terminal

    if sample and given["msg"] is not None:
        raise click.UsageError("--sample makes the message: it cannot go together with --msg")
    with terminal.private_output() as output:
        workspace = Workspace(root)
        chosen = workspace.component.function(function)
        inputs, variables = workspace.read(given, fixture, without=frozenset({"msg"} if sample else ()))
        msg = workspace.sample(chosen) if sample else inputs.msg
        workspace.compare(chosen, msg, is_strict=strict)
        work = workspace.run(inputs, variables)

        def job() -> int:
            return min(work.exec(chosen, msg, inputs.snapshot, write_line=partial(write_event, output)), 1)

        return terminal.run(job, output=output, drain=work.drain)


def write_event(output: "Output", line: Mapping[str, Any]) -> None:
    """Print an event; when its reader has gone, the function must not go on as if it had been read."""
    if line["event"] == "error":
        output.interim_status = 1
    output.write(line)
    # Keys are saved by now, and the end of the process waits for the refresh that they come from.
    if output.is_closed and line["event"] != "updateKeys":
        output.hold_back()


@commands.command(short_help="Run get_meta_model or a select model.")
@click.argument("function")
@click.argument("name")
@_component
@_cfg
@_variables
@_fixture
def call(root: Path, function: str, name: str, fixture: str | None, **given: str | None) -> int:
    """Run get_meta_model or the select model NAME of FUNCTION and print what it returns."""
    from shipmate.cli import terminal

    with terminal.private_output() as output:
        workspace = Workspace(root)
        chosen = workspace.component.function(function)
        work = workspace.run(*workspace.read(given, fixture, without=_NO_MESSAGE))
        return terminal.run(lambda: _print(work.call(chosen, name), output), output=output, drain=work.drain)


@commands.command()
@_component
@_cfg
@_fixture
def verify(root: Path, fixture: str | None, **given: str | None) -> int:
    """Run verify_credentials and print its verdict."""
    from shipmate.cli import terminal

    with terminal.private_output() as output:
        workspace = Workspace(root)
        work = workspace.run(*workspace.read(given, fixture, without=_NO_MESSAGE))
        return terminal.run(lambda: _print(work.verify(), output), output=output, drain=work.drain)


@commands.command(short_help="Sign in at the provider, and save the keys.")
@_component
@click.option(
    "--cfg", metavar="FILE|JSON|-", help="The file that keeps the keys, account.keys.json in DIR unless given."
)
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(1, 65535),
    help="Come back to this port, any that is free unless given.",
)
@click.option("--redirect-uri", metavar="URL", help="Come back to exactly this address, as the provider knows it.")
@click.option("--no-browser", is_flag=True, help="Only print the address to open.")
@click.option(
    "--timeout",
    "timeout_seconds",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True, max=86400),
    default=300,
    help="How long to wait for the person, 300 seconds unless given.",
)
@click.option("--revoke", is_flag=True, help="Revoke the keys at the provider and remove them from the file.")
@click.option("--revoke-uri", metavar="URL", help="Where tokens are revoked, unless component.json says it.")
def login(root: Path, cfg: str | None, no_browser: bool, revoke: bool, revoke_uri: str | None, **way: Any) -> int:
    """Sign in at the provider in a browser, and save the keys that it gives."""
    from shipmate.cli import terminal
    from shipmate.tools.login import Login

    if revoke_uri is not None and not revoke:
        raise click.UsageError("--revoke-uri goes together with --revoke")
    with terminal.private_output() as output:
        workspace = Workspace(root)
        stdin = sys.stdin.buffer if sys.stdin is not None else None
        say = partial(click.echo, err=True)
        work = Login(workspace.component, cfg, environ=os.environ, redactor=workspace.redactor, stdin=stdin, say=say)

        def job() -> int:
            try:
                lines = work.revoke(revoke_uri) if revoke else work.sign_in(opens_browser=not no_browser, **way)
            except ShipmateError as error:
                return _refuse(str(error), error.exit_status)
            output.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
            return 0

        return terminal.run(job, output=output, drain=work.wait_for_writes)


@commands.command("run")
@click.option("--component", "root", metavar="DIR", type=_FOLDER, help=_FOLDER_IN_CONTAINER)
def run_step(root: Path | None) -> NoReturn:
    """Run a step of a flow in a container, as the platform starts it."""
    from shipmate.container import step

    step.main(root)


@commands.command(short_help="Answer one question of the platform in a container.")
@click.argument("method")
@click.option("--component", "root", metavar="DIR", type=_FOLDER, help=_FOLDER_IN_CONTAINER)
def service(method: str, root: Path | None) -> NoReturn:
    """Run METHOD (verifyCredentials, getMetaModel or selectModel) as the platform does, and post the result."""
    from shipmate.container import service as one_shot

    one_shot.main(method, root)


@commands.command(short_help="Check component.json, modules and schemas.")
@_component
@click.option(
    "--descriptor",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Check this file alone, whatever language its modules are in.",
)
def validate(root: Path, descriptor: Path | None) -> int:
    """Check component.json, the modules that it names, and their metadata schemas."""
    from shipmate.cli import terminal
    from shipmate.logs import log
    from shipmate.tools import validation

    redactor = log.Redactor()

    def check() -> int:
        if descriptor:
            report = validation.validate_descriptor(descriptor)
        else:
            report = validation.validate_component(root, redactor)
        output.write_bytes(_to_text(report).encode("utf-8", "backslashreplace"))
        return int(any(problem.severity == "error" for problem in report.problems))

    with terminal.private_output() as output:
        if descriptor is None:
            _read_environment(root)
            redactor.add_environment(os.environ)
            terminal.configure_log(log.parse_level(os.environ.get("LOG_LEVEL")), redactor, stream=sys.stderr)
        return terminal.run(check, output=output, drain=lambda _: None)


@commands.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--title", metavar="TEXT", help="The component's title, made from the folder's name unless given.")
@click.option("--auth", metavar="KIND", help="How the API knows its users: oauth2, api-key, basic or none.")
@click.option("--base-url", metavar="URL", help="Where the API is, as https://api.example.com/v1.")
@click.option("--action", metavar="TEXT", help="The title of the action.")
@click.option("--action-id", metavar="ID", help="Its id, made from its title unless given.")
@click.option("--trigger", metavar="TEXT", help="The title of the trigger.")
@click.option("--trigger-id", metavar="ID", help="Its id, likewise.")
def new(folder: Path, **given: str | None) -> None:
    """Write a new component with tests into the folder DIR.

    At a terminal it asks for what no option says; elsewhere it takes defaults.
    """
    from shipmate.tools import scaffold

    scaffold.check_folder(folder)
    answers = {name.replace("_", "-"): value for name, value in given.items()}
    is_at_terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
    plan = scaffold.Plan.from_answers(folder, answers, _ask if is_at_terminal else None)
    scaffold.create(plan, folder)
    # As bytes: the folder's name may be something else than text.
    click.echo(scaffold.next_steps(plan, folder).encode("utf-8", "surrogateescape"))


def _ask(question: "Question") -> str:
    """Ask a person until the answer is right; in words of ours, since a wrong one is no failure."""

    def check(value: str) -> str:
        try:
            return question.check(value)
        except BadInput as error:
            raise click.UsageError(str(error)) from error

    answer: str = click.prompt(question.text, default=question.default, value_proc=check, err=True)
    return answer


@commands.command("docs")
@_component
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Put it into this file.")
@click.option("--check", is_flag=True, help="Only tell whether README.md, or FILE, is up to date.")
def docs_(root: Path, output: Path | None, check: bool) -> int:
    """Describe a component in Markdown, from its component.json.

    In a file that has them, only what is between <!-- shipmate docs: begin --> and <!-- shipmate docs: end -->
    is replaced.
    """
    from shipmate.cli import terminal
    from shipmate.tools import docs

    section = docs.section(root)
    if check:
        file = output or root / docs.README
        if not docs.is_current(file, section):
            found = "something older" if file.exists() else "no such file"
            return _refuse(f"expected what shipmate docs --output {file} writes, found {found}", _FAILED)
    elif output is not None:
        docs.write(output, section)
    else:
        with terminal.private_output() as private:
            private.write_bytes(section.encode("utf-8", "backslashreplace"))
    return 0


def _print(answer: "CallResult", output: "Output") -> int:
    output.interim_status = 0 if answer.is_success else 1
    output.write(answer.value)
    return output.interim_status


def _to_text(report: "Report") -> str:
    lines = [f"{each.severity}: {each.file} {each.pointer or '/'}: {each.message}" for each in report.problems]
    lines += [f"checked: {each}" for each in report.checked] + [f"not checked: {each}" for each in report.not_checked]
    return "".join(f"{line}\n" for line in lines)
