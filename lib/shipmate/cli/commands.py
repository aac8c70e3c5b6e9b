"""The commands of ``shipmate``: each one parses its arguments, calls one function, and prints the result."""

import math
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from shipmate import __version__
from shipmate.cli.flow import flow
from shipmate.cli.workspace import Workspace, prepare_process
from shipmate.errors import BadInput, ShipmateError
from shipmate.logs.records import redacted
from shipmate.wording import escaped, file_problem

if TYPE_CHECKING:
    from shipmate.cli.terminal import Output
    from shipmate.local.run import CallResult
    from shipmate.tools.scaffold import Question
    from shipmate.tools.validation import Report

_FAILED: Final = 1
_BAD_USAGE: Final = 2
_INTERRUPTED: Final = 130
_HARMLESS: Final = frozenset({"token_type", "scope"})
"""The members of a token answer that are no secrets."""
_LONGEST_LINE: Final = 65536
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
    click.echo(f"Error: {escaped(' '.join(redacted(text).split()))}", err=True)
    return status


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def commands() -> None:
    """Develop and run elastic.io components written in Python."""


class _Seconds(click.FloatRange):
    """A time; no range of click refuses ``nan``, which is neither below nor above a bound."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number of seconds."""
        seconds = super().convert(value, param, ctx)
        return self.fail(f"{value!r} is not a number of seconds.", param, ctx) if math.isnan(seconds) else seconds


def _value_option(name: str, text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(name, metavar="-|FILE|JSON", help=text)


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
_account = click.option(
    "--account",
    metavar="FILE",
    help="File with the account's credentials, which --cfg, --set and fixtures add to; new keys are saved to it.  "
    "[default: account.keys.json in the component folder, if it exists]",
)
_cfg = _value_option("--cfg", "Configuration: the fields of the step.")
_settings = click.option("--set", "settings", metavar="NAME=VALUE", multiple=True, help="Field of the configuration.")
_variables = _value_option("--variables", "Flow variables.")
_fixture = click.option("--fixture", metavar="NAME", help="Fixture in test/fixture.json that replaces missing options.")


def _complete_function(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the ids of the functions that begin with a text, none without a readable component."""
    from shipmate import component

    try:
        functions = component.load(Path(context.params.get("root") or ".")).functions
    except (ShipmateError, OSError):
        return []
    return [name for name in functions if name.startswith(incomplete)]


_function = click.argument("function", shell_complete=_complete_function)


@commands.command("exec")
@_function
@_component
@_account
@_cfg
@_settings
@_value_option("--msg", "Message; headers and body are optional.")
@_value_option("--snapshot", "Snapshot.")
@_variables
@_fixture
@click.option("--sample", is_flag=True, help="Make a sample message from the function's metadata.")
@click.option("--strict", is_flag=True, help="Fail if the message does not fit the function's metadata.")
@click.option("--show-secrets", "shows_secrets", is_flag=True, help="Show new tokens at a terminal.")
def exec_(root: Path, function: str, sample: bool, strict: bool, shows_secrets: bool, **options: Any) -> int:
    """Run an action or a trigger on one message.

    FUNCTION is the id of the action or trigger. Prints each event as one line of JSON.

    The value of an option is JSON if it starts with {, standard input if it is -, and otherwise a file. Other users
    of this machine can see the command line: give secrets in a file or on standard input.
    """
    from shipmate.cli import terminal
    from shipmate.local import checks, messages, snapshot
    from shipmate.local.run import wait_for_left_threads

    if sample and options["msg"] is not None:
        raise click.UsageError("--sample and --msg exclude each other")
    with terminal.private_output() as output:
        workspace = Workspace(root)
        component = workspace.component
        called = component.function(function)
        inputs, variables = workspace.read(options, without=frozenset({"msg"} if sample else ()))
        checks.check_fields(component, inputs, called)
        local_run = workspace.run(inputs, variables)
        file = snapshot.SnapshotFile(inputs.snapshot_file, inputs.snapshot) if inputs.snapshot_file else None

        def write_line(line: Mapping[str, Any]) -> None:
            if file is not None:
                file.note(line["event"], line["value"])
            write_event(output, line, shows_secrets=shows_secrets)

        def call_model() -> Any:
            return local_run.metadata(called)

        def job() -> int:
            try:
                msg = messages.sample_message(component, called, call_model=call_model) if sample else inputs.msg
                model = call_model if strict and not sample else None
                messages.check_body(component, called, msg["body"], is_strict=strict, call_model=model)
            except ShipmateError as error:
                return _refuse(str(error), error.exit_status)
            before = threading.enumerate()
            status = min(local_run.exec(called, msg, inputs.snapshot, write_line=write_line), 1)
            wait_for_left_threads(before)
            if file is not None and status == 0:
                try:
                    file.save()
                except BadInput as error:
                    return _refuse(str(error), _FAILED)
            return status

        return terminal.run(job, output=output, drain=local_run.drain)


def write_event(output: "Output", line: Mapping[str, Any], *, shows_secrets: bool = False) -> None:
    """Print an event; if the reader of the output has gone, block the function that emitted the event.

    At a terminal, the texts of new keys are masked, and the traceback of an error is readable on standard error.
    """
    name, value = line["event"], line["value"]
    if name == "error":
        output.interim_status = 1
    if output.is_terminal and name == "updateKeys" and not shows_secrets:
        line = {"event": name, "value": masked(value)}
    if name == "error" and _shows_tracebacks(output):
        output.write({"event": name, "value": _without_stack(value)})
        _show_traceback(value)
    else:
        output.write(line)
    # Not for updateKeys: the keys are saved by now, and the end of the process waits for their refresh.
    if output.is_closed and name != "updateKeys":
        output.hold_back()


def _shows_tracebacks(output: "Output") -> bool:
    """Return whether a person reads: then a traceback is no text in JSON, but lines on standard error."""
    return output.is_terminal and sys.stderr.isatty()


def _without_stack(error: Mapping[str, Any]) -> dict[str, Any]:
    return {member: each for member, each in error.items() if member != "stack"}


def _show_traceback(error: Mapping[str, Any]) -> None:
    from shipmate.cli import tracebacks

    sys.stderr.write(tracebacks.readable(error, is_coloured=tracebacks.has_colours(os.environ)))
    sys.stderr.flush()


def masked(value: Any) -> Any:
    """Return keys with ``***`` in place of each text, since any of them may be a token.

    >>> masked({"oauth": {"access_token": "secret", "expires_in": 3600, "token_type": "Bearer"}})
    {'oauth': {'access_token': '***', 'expires_in': 3600, 'token_type': 'Bearer'}}
    """
    if isinstance(value, Mapping):
        return {name: each if name in _HARMLESS else masked(each) for name, each in value.items()}
    if isinstance(value, list):
        return [masked(each) for each in value]
    return "***" if isinstance(value, str) else value


@commands.command()
@_function
@click.argument("name")
@_component
@_account
@_cfg
@_settings
@_variables
@_fixture
def call(root: Path, function: str, name: str, **options: Any) -> int:
    """Call get_meta_model or a select model.

    NAME is the name of the model, FUNCTION the id of the action or trigger that has it. Prints the result as JSON.
    """
    from shipmate.cli import terminal

    with terminal.private_output() as output:
        workspace = Workspace(root)
        called = workspace.component.function(function)
        local_run = workspace.run(*workspace.read(options, without=_MESSAGE_INPUTS))
        return terminal.run(lambda: _print(local_run.call(called, name), output), output=output, drain=local_run.drain)


@commands.command()
@_component
@_account
@_cfg
@_settings
@_fixture
def verify(root: Path, **options: Any) -> int:
    """Check the credentials with verify_credentials.

    Prints the verdict as JSON.
    """
    from shipmate.cli import terminal

    with terminal.private_output() as output:
        workspace = Workspace(root)
        local_run = workspace.run(*workspace.read(options, without=_MESSAGE_INPUTS))
        return terminal.run(lambda: _print(local_run.verify(), output), output=output, drain=local_run.drain)


@commands.command()
@_component
@click.option(
    "--account",
    metavar="FILE",
    help="File to save the tokens in, which need not exist.  [default: account.keys.json in the component folder]",
)
@click.option(
    "--secret",
    metavar="FILE",
    help="Save the tokens in this file, a secret of the emulated platform, instead of an account.",
)
@click.option("--cfg", metavar="-|FILE|JSON", help="Fields of the account, which are saved with the tokens.")
@click.option(
    "--set", "settings", metavar="NAME=VALUE", multiple=True, help="Field of the account, saved with the tokens."
)
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
    type=_Seconds(min=0, min_open=True, max=86400),
    default=300,
    show_default=True,
    help="How long to wait for the sign-in.",
)
@click.option("--revoke", is_flag=True, help="Revoke the tokens at the provider and remove them from the file.")
@click.option("--revoke-uri", metavar="URL", help="Revocation endpoint.  [default: revoke_uri in component.json]")
def login(
    root: Path,
    account: str | None,
    secret: str | None,
    cfg: str | None,
    settings: Sequence[str],
    no_browser: bool,
    revoke: bool,
    revoke_uri: str | None,
    **options: Any,
) -> int:
    """Sign in at the OAuth2 provider and save the tokens."""
    from shipmate.cli import terminal
    from shipmate.tools.login import AccountFile, Login, SecretFile

    if revoke_uri is not None and not revoke:
        raise click.UsageError("--revoke-uri needs --revoke")
    if secret is not None and (account is not None or revoke):
        raise click.UsageError("--secret cannot be used with --account or --revoke")
    with terminal.private_output() as output:
        workspace = Workspace(root, runs_code=False)
        stdin = sys.stdin.buffer if sys.stdin is not None else None

        def say(text: str) -> None:
            click.echo(escaped(text, keep="\n"), err=True)

        def read_line() -> str:
            return sys.stdin.readline(_LONGEST_LINE) if sys.stdin is not None else ""

        if secret is not None:
            file: AccountFile = SecretFile.read(secret, cfg=cfg, settings=settings, stdin=stdin)
        else:
            file = AccountFile.from_options(root, account=account, cfg=cfg, settings=settings, stdin=stdin)
        login = Login(
            workspace.component,
            file,
            environ=workspace.environ,
            redactor=workspace.redactor,
            say=say,
            read_line=read_line,
        )

        def job() -> int:
            try:
                lines = login.revoke(revoke_uri) if revoke else login.sign_in(opens_browser=not no_browser, **options)
            except ShipmateError as error:
                return _refuse(str(error), error.exit_status)
            output.write_text("".join(f"{line}\n" for line in lines))
            return 0

        return terminal.run(job, output=output, drain=login.wait_for_writes)


@commands.command("run")
@_component_in_container
def run_step(root: Path | None) -> NoReturn:
    """Run a step of a flow in a container."""
    from shipmate.container import step

    step.main(root)


@commands.command()
@click.option("--ready", is_flag=True, help="Ask whether the step can receive messages, not whether the process works.")
def health(ready: bool) -> int:
    """Report the health of the step in this container.

    Reads the file that SHIPMATE_HEALTH_FILE names. Ends with 0 if the step is healthy, else with 1.
    """
    from shipmate.container.operations.health_file import read_health
    from shipmate.settings import text

    verdict = read_health(text(os.environ, "SHIPMATE_HEALTH_FILE"), "ready" if ready else "live")
    click.echo(escaped(verdict.reason))
    return 0 if verdict.is_well else _FAILED


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
        output.write_text(_to_text(report))
        return _FAILED if report.errors else 0

    with terminal.private_output() as output:
        return terminal.run(check, output=output, drain=lambda _: None)


@commands.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--title", metavar="TEXT", help="Title of the component.  [default: from the folder's name]")
@click.option(
    "--auth",
    metavar="KIND",
    help="oauth2, platform (the platform keeps the account), api-key, basic or none.  [default: oauth2]",
)
@click.option("--base-url", metavar="URL", help="Base URL of the API, like https://api.example.com/v1.")
@click.option("--objects", metavar="TITLE", help="Declare objects with this title, in place of action and trigger.")
@click.option("--action", metavar="TEXT", help="Title of the action.")
@click.option("--action-id", metavar="ID", help="Id of the action.  [default: from its title]")
@click.option("--trigger", metavar="TEXT", help="Title of the trigger.")
@click.option("--trigger-id", metavar="ID", help="Id of the trigger.  [default: from its title]")
@click.option(
    "--from",
    "descriptor",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Take over ids, titles and fields of this component.json; only --base-url counts beside it.",
)
def new(folder: Path, descriptor: Path | None, **options: str | None) -> None:
    """Create a new component with tests.

    DIR is a new or an empty folder, or that of the FILE of --from. Asks for missing options at a terminal, and uses
    defaults elsewhere.
    """
    from shipmate.tools import scaffold

    if descriptor is not None:
        for name, value in options.items():
            if value is not None and name != "base_url":
                raise BadInput(f"expected --from without --{name.replace('_', '-')}, found both")
        port = scaffold.Port.from_file(descriptor, options["base_url"])
        scaffold.create_port(port, descriptor, folder)
        _print_steps(scaffold.next_steps_of_port(port, folder))
        return
    scaffold.check_folder(folder)
    answers = {name.replace("_", "-"): value for name, value in options.items()}
    is_at_terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
    plan = scaffold.Plan.from_answers(folder, answers, _ask if is_at_terminal else None)
    scaffold.create(plan, folder)
    _print_steps(scaffold.next_steps(plan, folder))


def _print_steps(text: str) -> None:
    # As bytes: the folder's name may not be UTF-8.
    click.echo(escaped(text, keep="\n") if sys.stdout.isatty() else text.encode("utf-8", "surrogateescape"))


def _ask(question: "Question") -> str:
    """Ask a person until the answer is valid."""

    def check(value: str) -> str:
        try:
            return question.check(value)
        except BadInput as error:  # click asks again after a UsageError
            raise click.UsageError(str(error)) from error

    answer: str = click.prompt(question.text, default=question.default, value_proc=check, err=True)
    return answer


@commands.command()
@_component
@click.option("--add", metavar="FILE:NAME", multiple=True, help="Add all functions of this Resource or Api.")
@click.option("--write", is_flag=True, help="Write the entries to component.json.")
def describe(root: Path, add: tuple[str, ...], write: bool) -> int:
    """Generate the entries of component.json that follow from declarations.

    Prints the entries of all functions that `shipmate.kit` has made, unless --write is set. Titles, labels, notes and
    further fields stay as they are.
    """
    from shipmate import component
    from shipmate.cli import terminal
    from shipmate.component import Modules
    from shipmate.tools.validation import entries

    def job() -> int:
        prepare_process(root)
        loaded = component.load(root)
        whole, own = entries.described(loaded, Modules(loaded), add)
        text = entries.to_text(whole if write else own)
        if write:
            (root / component.DESCRIPTOR).write_text(text, encoding="utf-8")
        else:
            output.write_text(text)
        return 0

    with terminal.private_output() as output:
        return terminal.run(job, output=output, drain=lambda _: None)


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
            private.write_text(section)
    return 0


@commands.command("sbom")
@_component
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Write to this file instead of stdout.")
def sbom_(root: Path, output: Path | None) -> int:
    """List all installed packages with their licences.

    Prints a software bill of materials in the format CycloneDX: the packages of this Python and, in an image, those of
    Debian.
    """
    from shipmate.cli import terminal
    from shipmate.tools import sbom

    text = sbom.to_text(sbom.sbom(root))
    if output is None:
        with terminal.private_output() as private:
            private.write_text(text)
        return 0
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"expected a writable file, found {file_problem(error)}: {output}") from error
    return 0


commands.add_command(flow)


def _print(result: "CallResult", output: "Output") -> int:
    output.interim_status = 0 if result.is_success else _FAILED
    if result.error is not None and _shows_tracebacks(output):
        output.write({"error": _without_stack(result.error)} if "error" in result.value else result.value)
        _show_traceback(result.error)
    else:
        output.write(result.value)
    return output.interim_status


def _to_text(report: "Report") -> str:
    lines = [f"checked: {item}" for item in report.checked]
    lines += [f"not checked: {item}" for item in report.not_checked]
    lines += [f"{problem.severity}: {problem.place}: {problem.message}" for problem in report.problems]
    counts = ((len(report.errors), "error"), (len(report.warnings), "warning"))
    lines.append(", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts))
    return "".join(f"{escaped(line)}\n" for line in lines)
