"""The commands of ``shipmate flow``: each one parses its arguments, calls one function, and prints the result."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from shipmate.wording import escaped

if TYPE_CHECKING:
    from shipmate.tools.validation.report import Report

_F = TypeVar("_F", bound=Callable[..., Any])
_BAD_INPUT: Final = 2
_FILE: Final = click.Path(readable=False, path_type=Path)  # the reader of the file says why it is not readable
_flow_file = click.argument("file", metavar="[FILE]", required=False, type=_FILE)
_flow_of_list = click.option("--flow", "flow_id", metavar="ID", help="Flow in a list of flows: its id or name.")
_template = click.option("--template", metavar="TITLE", help="Flow in a recipe: its title, or its number from 1.")
_amqp = click.option(
    "--amqp", "amqp_uri", metavar="URI", help="Broker.  [default: $SHIPMATE_AMQP_URI, or a private RabbitMQ]"
)
_no_inputs = click.option(
    "--no-inputs", "has_no_inputs", is_flag=True, help="Keep errors without their messages: no retry is possible."
)
_trace = click.option("--trace", metavar="FILE", type=_FILE, help="Write the path of each message to a new file.")
_keep_bodies = click.option("--keep-bodies", "keeps_bodies", is_flag=True, help="Write the messages to the trace, too.")


def _component(description: str) -> Callable[[_F], _F]:
    return click.option(
        "--component",
        "root",
        metavar="DIR",
        default=".",
        show_default=True,
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help=description,
    )


@click.group()
def flow() -> None:
    """Check flows, and run them on this machine.

    A flow file is a flow as the platform's API returns it, or written by hand, in JSON or YAML.
    """
    from shipmate.flow.extra import require_extra

    require_extra()


@flow.command()
@_flow_file
@_flow_of_list
@_template
@click.option("--json", "is_json", is_flag=True, help="Print each problem as one line of JSON.")
def check(file: Path | None, flow_id: str | None, template: str | None, is_json: bool) -> int:
    """Check a flow file, and print all its problems.

    FILE is flow.yaml, flow.yml or flow.json by default. Nothing is run. The exit status is 2 with errors, and 0
    without.
    """
    from shipmate.cli import terminal
    from shipmate.flow.check import check
    from shipmate.flow.file import only_file_in

    file = file or only_file_in(Path())
    with terminal.private_output() as output:
        report = check(file, flow=flow_id, template=template).report
        if is_json:
            for problem in report.problems:
                output.write(
                    {
                        "file": problem.file,
                        "pointer": problem.pointer,
                        "severity": problem.severity,
                        "message": problem.message,
                    }
                )
        else:
            output.write_text("".join(f"{line}\n" for line in _lines(report)))
    return _BAD_INPUT if report.errors else 0


def _lines(report: "Report") -> Iterable[str]:
    from shipmate.flow.check import line_of

    yield from map(line_of, report.problems)
    counts = ((len(report.errors), "error"), (len(report.warnings), "warning"))
    yield ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts)


@flow.command()
@_flow_file
@_component("Component folder.")
@click.option("--trigger", metavar="ID", help="Trigger of the component, timer or webhook.  [default: the first one]")
@click.option("--action", metavar="ID", help="Action of the component.  [default: the first one]")
def new(file: Path | None, root: Path, trigger: str | None, action: str | None) -> None:
    """Write a flow file for a component.

    The flow has a trigger of the component and an action of it. FILE is a new file, flow.yaml by default.
    """
    from shipmate.flow.new import create

    text = create(file or Path("flow.yaml"), root, trigger=trigger, action=action)
    click.echo(escaped(text, keep="\n") if sys.stdout.isatty() else text.encode("utf-8", "surrogateescape"))


@flow.command("run")
@_flow_file
@_flow_of_list
@_template
@_amqp
@click.option("--once", "is_once", is_flag=True, help="Run the first step once, and end when everything is done.")
@click.option("--for", "duration", metavar="TIME", help="Drain the flow after a time: 30s, 10m, 2h.")
@click.option("--linger", metavar="TIME", help="End after so much time without any message.  [default: at once]")
@click.option("--msg", metavar="-|FILE|JSON", help="Message for the first step, in place of its schedule.")
@click.option("--msgs", metavar="FILE", type=_FILE, help="File with such messages, one in each line.")
@click.option("--fresh", "is_fresh", is_flag=True, help="Forget the snapshots of earlier runs.")
@click.option(
    "--webhook-port",
    metavar="PORT",
    type=click.IntRange(0, 65_535),
    default=0,
    help="Port of the webhook.  [default: a free one]",
)
@click.option("--function", metavar="NAME", help="Run one function of a component, in place of FILE.")
@_component("Component folder of the function.")
@click.option("--account", metavar="FILE", type=_FILE, help="File with the account's credentials, for the function.")
@click.option("--cfg", metavar="-|FILE|JSON", help="Configuration of the function.")
@click.option("--prefetch", metavar="COUNT", type=click.IntRange(1, 65_535), default=1, help="Messages at once.")
@click.option(
    "--errors", metavar="FILE", type=_FILE, help="Keep errors here.  [default: .shipmate/flow/ID/errors.jsonl]"
)
@_no_inputs
@_trace
@_keep_bodies
def run_flow(file: Path | None, flow_id: str | None, template: str | None, **given: Any) -> int:
    """Run a flow on this machine.

    FILE is flow.yaml, flow.yml or flow.json by default. The steps run as containers at a real RabbitMQ. Each message
    of a last step is one line of JSON on standard output. Ctrl-C processes the messages that are in the flow, and ends;
    a second one ends at once.
    """
    from shipmate.cli import flow_run

    return flow_run.run(file, flow_id=flow_id, template=template, **given)


@flow.command()
@click.argument("file", metavar="FILE", type=_FILE)
@click.option("--step", metavar="ID", help="Step or mapping whose errors are retried.  [default: all]")
@click.option("--cfg", metavar="-|FILE|JSON", help="Configuration of the function, for errors of --function.")
@_amqp
@_no_inputs
@_trace
@_keep_bodies
def retry(file: Path, step: str | None, **given: Any) -> int:
    """Send the messages of errors again, to the steps at which they failed.

    FILE has the errors of a flow run. The flow runs until everything is done; errors whose messages succeed are removed
    from FILE.
    """
    from shipmate.cli import flow_retry

    return flow_retry.run(file, step=step, **given)


@flow.command()
@click.argument("given", metavar="[ID]", required=False)
@click.option("--file", metavar="FILE", type=_FILE, default="trace.jsonl", show_default=True, help="File of --trace.")
def trace(given: str | None, file: Path) -> None:
    """Show the path of a message as a tree.

    ID is the id of a thread, or of one of its messages. Without it the threads are listed.
    """
    from shipmate.cli import terminal
    from shipmate.flow import trace_tree

    with terminal.private_output() as output:
        if given is not None:
            output.write_text(escaped(trace_tree.drawn(trace_tree.thread_of(file, given)), keep="\n"))
            return
        for thread in trace_tree.threads(file):
            output.write_text(escaped(trace_tree.line_of(thread)) + "\n")
