"""The commands of ``shipmate``: each one parses its arguments, calls one function, and prints the result."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from shipmate import __version__
from shipmate.cli.workspace import Workspace, prepare_process
from shipmate.errors import BadInput, ShipmateError
from shipmate.logs.records import redacted
from shipmate.wording import file_problem

if TYPE_CHECKING:
    from shipmate.cli.terminal import Output
    from shipmate.local.run import CallResult
    from shipmate.tools.scaffold import Question
    from shipmate.tools.validation import Report

_FAILED: Final = 1
_BAD_USAGE: Final = 2
_INTERRUPTED: Final = 130
_MESSAGE_INPUTS: Final = frozenset({"msg", "snapshot"})


def main() -> NoReturn:
    """Run the command line of this process, and end the process."""
    from shipmate.cli import terminal

    terminal.end_on_signals()
    status = run()
    terminal.flush()
    sys.exit(status)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; an error that prevents it is one line on standard error.

    Args:
        arguments: The command line without the program's name; that of this process by default.
    """
    try:
        status: int | None = commands.main(args=arguments, prog_name="shipmate", standalone_mode=False)
        return status or 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return _BAD_USAGE
    except click.ClickException as error:
        return _refuse(error.format_message())
    except ShipmateError as error:
        # Errors while the component runs do not reach this place.
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{file_problem(error)}: {error.filename or 'standard output'}", _FAILED)
    except click.Abort:
        click.echo(err=True)  # ends the line of the question that Ctrl-C interrupted
        return _INTERRUPTED


def _refuse(text: str, status: int = _BAD_USAGE) -> int:
    click.echo(f"Error: {' '.join(redacted(text).split())}", err=True)
    return status


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def commands() -> None:
    """Develop and run elastic.io components written in Python."""


def _value_option(name: str, text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(name, metavar="JSON|FILE|-", help=text)


_FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)
_component = click.option(
    "--component", "root", metavar="DIR", default=".", show_default=True, type=_FOLDER, help="Component folder."
)
_component_in_container = click.option(
    "--component",
    "root",
    metavar="DIR",
    type=_FOLDER,
    help="Component folder.  [default: $ELASTICIO_COMPONENT_PATH]",
)
_cfg = _value_option("--cfg", "Configuration with credentials; new tokens are saved to the file.")
_variables = _value_option("--variables", "Flow variables.")
_fixture = click.option("--fixture", metavar="NAME", help="Fixture in test/fixture.json that replaces missing options.")


@commands.command("exec")
@click.argument("function")
@_component
@_cfg
@_value_option("--msg", "Message; headers and body are optional.")
@_value_option("--snapshot", "Snapshot.")
@_variables
@_fixture
@click.option("--sample", is_flag=True, help="Make a sample message from the function's metadata.")
@click.option("--strict", is_flag=True, help="Fail if the message does not fit the function's metadata.")
def exec_(root: Path, function: str, fixture: str | None, sample: bool, strict: bool, **texts: str | None) -> int:
    """Run an action or a trigger on one message.

    FUNCTION is the id of the action or trigger. Prints each event as one line of JSON.

    The value of an option is JSON if it starts with {, standard input if it is -, and otherwise a file.
    """
    from shipmate.cli import terminal
    from shipmate.local import messages

    if sample and texts["msg"] is not None:
        raise click.UsageError("--sample and --msg exclude each other")
    with terminal.private_output() as output:
        workspace = Workspace(root)
        component = workspace.component
        called = component.function(function)
        inputs, variables = workspace.read(texts, fixture, without=frozenset({"msg"} if sample else ()))
        msg = messages.sample_message(component, called) if sample else inputs.msg
        messages.check_body(component, called, msg["body"], is_strict=strict)
        local_run = workspace.run(inputs, variables)

        def job() -> int:
            return min(local_run.exec(called, msg, inputs.snapshot, write_line=partial(write_event, output)), 1)

        return terminal.run(job, output=output, drain=local_run.drain)


def write_event(output: "Output", line: Mapping[str, Any]) -> None:
    """Print an event; if the reader of the output has gone, block the function that emitted the event."""
    if line["event"] == "error":
        output.interim_status = 1
    output.write(line)
    # Not for updateKeys: the keys are saved by now, and the end of the process waits for their refresh.
    if output.is_closed and line["event"] != "updateKeys":
        output.hold_back()


@commands.command()
@click.argument("function")
@click.argument("name")
@_component
@_cfg
@_variables
@_fixture
def call(root: Path, function: str, name: str, fixture: str | None, **texts: str | None) -> int:
    """Call get_meta_model or a select model.

    NAME is the name of the model, FUNCTION the id of the action or trigger that has it. Prints the result as JSON.
    """
    from shipmate.cli import terminal

    with terminal.private_output() as output:
        workspace = Workspace(root)
        called = workspace.component.function(function)
        local_run = workspace.run(*workspace.read(texts, fixture, without=_MESSAGE_INPUTS))
        return terminal.run(lambda: _print(local_run.call(called, name), output), output=output, drain=local_run.drain)


@commands.command()
@_component
@_cfg
@_fixture
def verify(root: Path, fixture: str | None, **texts: str | None) -> int:
    """Check the credentials with verify_credentials.

    Prints the verdict as JSON.
    """
    from shipmate.cli import terminal

    with terminal.private_output() as output:
        workspace = Workspace(root)
        local_run = workspace.run(*workspace.read(texts, fixture, without=_MESSAGE_INPUTS))
        return terminal.run(lambda: _print(local_run.verify(), output), output=output, drain=local_run.drain)


@commands.command()
@_component
@click.option("--cfg", metavar="FILE|JSON|-", help="File to save the tokens in.  [default: account.keys.json in DIR]")
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(1, 65535),
    help="Port of the redirect address.  [default: a free port]",
)
@click.option("--redirect-uri", metavar="URL", help="Redirect address, exactly as the provider has registered it.")
@click.option("--no-browser", is_flag=True, help="Print the sign-in address without opening a browser.")
@click.option(
    "--timeout",
    "timeout_seconds",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True, max=86400),
    default=300,
    show_default=True,
    help="How long to wait for the sign-in.",
)
@click.option("--revoke", is_flag=True, help="Revoke the tokens at the provider and remove them from the file.")
@click.option("--revoke-uri", metavar="URL", help="Revocation endpoint.  [default: revoke_uri in component.json]")
def login(root: Path, cfg: str | None, no_browser: bool, revoke: bool, revoke_uri: str | None, **options: Any) -> int:
    """Sign in at the OAuth2 provider and save the tokens."""
    from shipmate.cli import terminal
    from shipmate.tools.login import Login

    if revoke_uri is not None and not revoke:
        raise click.UsageError("--revoke-uri needs --revoke")
    with terminal.private_output() as output:
        workspace = Workspace(root)
        stdin = sys.stdin.buffer if sys.stdin is not None else None
        say = partial(click.echo, err=True)
        login = Login(workspace.component, cfg, environ=os.environ, redactor=workspace.redactor, stdin=stdin, say=say)

        def job() -> int:
            try:
                lines = login.revoke(revoke_uri) if revoke else login.sign_in(opens_browser=not no_browser, **options)
            except ShipmateError as error:
                return _refuse(str(error), error.exit_status)
            output.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
            return 0

        return terminal.run(job, output=output, drain=login.wait_for_writes)


@commands.command("run")
@_component_in_container
def run_step(root: Path | None) -> NoReturn:
    """Run a step of a flow in a container."""
    from shipmate.container import step

    step.main(root)


@commands.command()
@click.argument("method")
@_component_in_container
def service(method: str, root: Path | None) -> NoReturn:
    """Run a service method in a container and post the result.

    METHOD is verifyCredentials, getMetaModel or selectModel.
    """
    from shipmate.container import service as one_shot

    one_shot.main(method, root)


@commands.command()
@_component
@click.option(
    "--descriptor",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Check only this component.json, of a component in any language.",
)
def validate(root: Path, descriptor: Path | None) -> int:
    """Check component.json, modules and schemas."""
    from shipmate.cli import terminal
    from shipmate.tools import validation

    def check() -> int:
        if descriptor is not None:
            report = validation.validate_descriptor(descriptor)
        else:
            redactor = prepare_process(root)
            redactor.add_environment(os.environ)
            report = validation.validate_component(root, redactor)
        output.write_bytes(_to_text(report).encode("utf-8", "backslashreplace"))
        return _FAILED if report.errors else 0

    with terminal.private_output() as output:
        return terminal.run(check, output=output, drain=lambda _: None)


@commands.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--title", metavar="TEXT", help="Title of the component.  [default: from the folder's name]")
@click.option("--auth", metavar="KIND", help="Authentication: oauth2, api-key, basic or none.  [default: oauth2]")
@click.option("--base-url", metavar="URL", help="Base URL of the API, like https://api.example.com/v1.")
@click.option("--action", metavar="TEXT", help="Title of the action.")
@click.option("--action-id", metavar="ID", help="Id of the action.  [default: from its title]")
@click.option("--trigger", metavar="TEXT", help="Title of the trigger.")
@click.option("--trigger-id", metavar="ID", help="Id of the trigger.  [default: from its title]")
def new(folder: Path, **options: str | None) -> None:
    """Create a new component with tests.

    DIR is a new or an empty folder. Asks for missing options at a terminal, and uses defaults elsewhere.
    """
    from shipmate.tools import scaffold

    scaffold.check_folder(folder)
    answers = {name.replace("_", "-"): value for name, value in options.items()}
    is_at_terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
    plan = scaffold.Plan.from_answers(folder, answers, _ask if is_at_terminal else None)
    scaffold.create(plan, folder)
    # As bytes: the folder's name may not be UTF-8.
    click.echo(scaffold.next_steps(plan, folder).encode("utf-8", "surrogateescape"))


def _ask(question: "Question") -> str:
    """Ask a person until the answer is valid."""

    def check(value: str) -> str:
        try:
            return question.check(value)
        except BadInput as error:  # click asks again after a UsageError
            raise click.UsageError(str(error)) from error

    answer: str = click.prompt(question.text, default=question.default, value_proc=check, err=True)
    return answer


@commands.command("docs")
@_component
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Write to this file.")
@click.option("--check", is_flag=True, help="Check that README.md, or FILE, is up to date.")
def docs_(root: Path, output: Path | None, check: bool) -> int:
    """Generate Markdown documentation from component.json.

    Prints it unless --output or --check is set. In a file with the markers <!-- shipmate docs: begin --> and
    <!-- shipmate docs: end -->, only the text between them is replaced.
    """
    from shipmate.cli import terminal
    from shipmate.tools import docs

    section = docs.section(root)
    if check:
        file = output or root / docs.README
        if not docs.is_current(file, section):
            problem = "is not up to date" if file.exists() else "does not exist"
            return _refuse(f"{file} {problem}: run shipmate docs --output {file}", _FAILED)
    elif output is not None:
        docs.write(output, section)
    else:
        with terminal.private_output() as private:
            private.write_bytes(section.encode("utf-8", "backslashreplace"))
    return 0


def _print(result: "CallResult", output: "Output") -> int:
    output.interim_status = 0 if result.is_success else _FAILED
    output.write(result.value)
    return output.interim_status


def _to_text(report: "Report") -> str:
    lines = [f"{problem.severity}: {problem.place}: {problem.message}" for problem in report.problems]
    lines += [f"checked: {item}" for item in report.checked]
    lines += [f"not checked: {item}" for item in report.not_checked]
    return "".join(f"{line}\n" for line in lines)
