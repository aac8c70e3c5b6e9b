"""``python -m emulated_salesforce``: serve an org and its sign-in until stopped.

The first line of standard output says where they are, and has the configuration of an account that has signed in.
"""

import json
import signal
import threading

from emulated_salesforce import EmulatedSalesforce
from shipmate.emulator import OAuth2Provider


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    extra: dict[str, str] = {}
    clients = {"sample-client": "sample-secret"}
    with (
        OAuth2Provider(clients, rotation=False, sends_expires_in=False, extra=extra) as provider,
        EmulatedSalesforce(provider) as salesforce,
    ):
        extra["instance_url"] = salesforce.url
        for name in ("Acme", "Globex", "O'Hara"):
            account = salesforce.store.add("Account", Name=name, Industry="Energy", AnnualRevenue=1000)
            salesforce.store.add("Contact", LastName=name, Email=f"{account}@example.com", AccountId=account)
        keys = {"environment": "login", "oauth": provider.issue("api refresh_token")}
        addresses = {"instance_url": salesforce.url, "token_url": provider.token_url, "clients": clients}
        print(json.dumps({**addresses, "cfg": keys}), flush=True)  # noqa: T201  # for whoever started it
        stopped.wait()


if __name__ == "__main__":
    main()
