"""``python -m shipmate.emulator``: serve a provider, an API and a platform until stopped.

The first line of standard output is a JSON object with their addresses, and the variables by which a container
finds the platform. The account ``demo`` has an expired token that can be refreshed.
"""

import json
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from shipmate.emulator import DemoApi, OAuth2Provider, Platform


def serve(stopped: threading.Event, write: Callable[[str], Any]) -> None:
    """Serve until the event is set, after having written where."""
    with OAuth2Provider() as provider, DemoApi(provider) as api:
        oauth = provider.issue("read write", expired=True)
        steps = {"flow": {"step": {"config": {"_account": "demo"}}}}
        with Platform(provider=provider, accounts={"demo": {"oauth": oauth}}, steps=steps) as platform:
            addresses = {
                "provider": provider.url,
                "token_url": provider.token_url,
                "clients": provider.clients.known,
                "api": api.url,
                "platform": platform.url,
                "environ": platform.environ(),
            }
            write(json.dumps(addresses) + "\n")
            stopped.wait()


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    # Line buffering: whoever started this waits for the first line.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a TextIO in typeshed
    serve(stopped, sys.stdout.write)


if __name__ == "__main__":
    main()
