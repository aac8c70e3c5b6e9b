"""``python apis.py``: serve the APIs of this flow, Microsoft Graph and Salesforce, on this machine until Ctrl-C.

It writes two key files with access tokens that have expired, and ``routes.json``, with which ``routed.py`` leads the
requests of the components here. Each request to an API is one line on standard output.
"""

import json
import signal
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1]
sys.path += [str(EXAMPLES / "microsoft-outlook" / "tests"), str(EXAMPLES / "salesforce" / "tests")]

from emulated_graph import EmulatedGraph, Mailbox, UploadHost  # noqa: E402  after the path is set
from emulated_salesforce import EmulatedSalesforce  # noqa: E402
from shipmate.emulator import OAuth2Provider  # noqa: E402
from shipmate.emulator.journal import Request  # noqa: E402
from shipmate.testing.routes import Route, Routes  # noqa: E402

PEOPLE = (
    ("Ada", "Lovelace", "Ada.Lovelace@example.com"),
    ("Grace", "Hopper", "grace.hopper@example.com"),
    ("Katherine", "Johnson", "katherine.johnson@example.com"),
    ("Alan", "Turing", ""),
)
SCOPE = "Contacts.ReadWrite offline_access"


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    extra: dict[str, str] = {}
    mailbox = Mailbox()
    uploads = UploadHost(mailbox)
    with (
        OAuth2Provider(name="microsoft") as microsoft,
        OAuth2Provider(name="salesforce sign-in", rotation=False, sends_expires_in=False, extra=extra) as sign_in,
        EmulatedGraph(microsoft, uploads, mailbox) as graph,
        EmulatedSalesforce(sign_in) as salesforce,
    ):
        extra["instance_url"] = salesforce.url
        for each in (microsoft, sign_in, graph, salesforce):
            each.on_reply = show
        for given_name, surname, address in PEOPLE:
            addresses = [{"name": f"{given_name} {surname}", "address": address}] if address else []
            mailbox.save_contact({"givenName": given_name, "surname": surname, "emailAddresses": addresses})
        routes = Routes()
        routes.add(Route("https://login.microsoftonline.com", microsoft.url, "/token"))
        routes.add(Route("https://graph.microsoft.com", graph.url))
        routes.add(Route("https://login.salesforce.com", sign_in.url, "/token"))
        write("routes.json", routes.as_json())
        write("outlook.keys.json", {"oauth": microsoft.issue(SCOPE, expired=True)})
        keys = sign_in.issue("api refresh_token", expired=True)
        write("salesforce.keys.json", {"environment": "login", "oauth": keys})
        print("ready", flush=True)  # noqa: T201  # for whoever started it
        stopped.wait()


def write(name: str, value: object) -> None:
    """Write a JSON file that only its owner may read."""
    path = HERE / name
    path.touch(mode=0o600)
    path.write_text(json.dumps(value, indent=2))


def show(request: Request) -> None:
    """Print a request, without its query."""
    # In one piece, since a thread for each request writes: print writes the end of the line separately.
    sys.stdout.write(f"{request.server}: {request.method} {request.path}: {request.status}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
