"""``python -m shipmate.emulator``: serve a provider, an API and a platform until stopped.

The first line of standard output is a JSON object with their addresses and the variables by which a container finds
the platform. The account ``demo`` has an expired token that can be refreshed. ``--port 8100`` serves the provider on
this port and the others on the next ones; without it they listen on free ports. ``--proxy`` adds a sailor proxy and its
control.
"""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Final

from shipmate.emulator import DemoApi, OAuth2Provider, Platform, Request
from shipmate.signals import STOP_SIGNALS, SignalQueue
from shipmate.wording import escaped, file_problem

if TYPE_CHECKING:
    from shipmate.emulator import SailorProxy

_PORTS, _PORTS_WITHOUT_PROXY = 5, 3
_HIGHEST_PORT: Final = 65_533


def serve(
    wait: Callable[[], object],
    write: Callable[[str], Any],
    port: int = 0,
    *,
    with_proxy: bool = False,
    show: Callable[[str], Any] = lambda _: None,
) -> None:
    """Start the servers, write their addresses, and serve until the wait ends.

    Args:
        wait: Returns when the serving is to end.
        write: Receives one line of JSON.
        port: The first of consecutive ports; 0 for free ones.
        with_proxy: Whether a sailor proxy and its control are served as well.
        show: Receives one line for each request.

    Raises:
        OSError: A port is in use.
    """
    ports = [port + number if port else 0 for number in range(_PORTS)]
    with ExitStack() as stack:
        provider = stack.enter_context(OAuth2Provider(port=ports[0]))
        api = stack.enter_context(DemoApi(provider, port=ports[1]))
        accounts = {"demo": {"oauth": provider.issue("read write", expired=True)}}
        steps = {"flow": {"step": {"config": {"_account": "demo"}}}}
        platform = stack.enter_context(Platform(provider=provider, accounts=accounts, steps=steps, port=ports[2]))
        addresses = {
            "provider": provider.url,
            "token_url": provider.token_url,
            "clients": provider.clients.known,
            "api": api.url,
            "platform": platform.url,
            "environ": platform.environ(),
        }
        for server in (provider, api, platform):
            server.on_reply = lambda request: show(_line(request))
        if with_proxy:
            from shipmate.emulator import SailorProxy  # needs h2, which the others do without
            from shipmate.emulator.sailor_proxy.control import ProxyControl

            proxy = stack.enter_context(SailorProxy(port=ports[3]))
            control = stack.enter_context(ProxyControl(proxy, port=ports[4]))
            addresses |= {"proxy": proxy.uri, "control": control.url, "environ": _environ(platform, proxy)}
        write(json.dumps(addresses) + "\n")
        wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    port = options.port
    if options.proxy and port + _PORTS > 65_536:
        parser.error(f"--port with --proxy: expected a number from 1 to {65_536 - _PORTS}, found {port}")
    signals: SignalQueue[signal.Signals] = SignalQueue()
    # Line buffering: the parent process waits for the first line.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a TextIO in typeshed
    try:
        with signals.receiving(STOP_SIGNALS, lambda number: number):
            serve(signals.get, sys.stdout.write, port, with_proxy=options.proxy, show=_show)
    except OSError as error:
        reason, used = file_problem(error), _PORTS if options.proxy else _PORTS_WITHOUT_PROXY
        sys.stderr.write(f"Error: cannot listen on the ports {port} to {port + used - 1}: {reason}\n")
        return 1
    return 0


def _environ(platform: Platform, proxy: "SailorProxy") -> dict[str, str]:
    """Return the variables of a container, but for the function."""
    environ = {**platform.environ(), **proxy.environ("")}
    del environ["ELASTICIO_FUNCTION"]
    return environ


def _show(line: str) -> None:
    with suppress(OSError, ValueError):  # the reader of standard error may have gone
        sys.stderr.write(line)


def _line(request: Request) -> str:
    """Return a request in one line, without its query, which may have secrets: ``api GET /me: 401``."""
    outcome = request.status or "the connection was dropped"
    return f"{request.server} {escaped(request.method)} {escaped(request.path)}: {outcome}\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m shipmate.emulator", description="Serve an OAuth2 provider, an API and a platform until stopped."
    )
    parser.add_argument(
        "--port", type=_port, default=0, help="port of the provider; the others use the next ones [default: free ports]"
    )
    parser.add_argument("--proxy", action="store_true", help="serve a sailor proxy and its control, too")
    return parser


def _port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) <= _HIGHEST_PORT:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a number from 1 to {_HIGHEST_PORT}, found {text!r}")


if __name__ == "__main__":
    sys.exit(main())
