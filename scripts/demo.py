"""Demonstration of the main job: an action calls an API with an expired token, and loses neither data nor token.

It uses an OAuth2 provider and an API on local ports, the reference component, and the command `shipmate exec`.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# The demo also runs in a clone without an installed package.
sys.path.insert(0, str(ROOT / "lib"))

from shipmate.emulator import DemoApi, OAuth2Provider, Reply, Request  # noqa: E402  after the path is set


class WatchfulApi(DemoApi):
    """An API that checks for each request whether its token is in the file of stored keys."""

    def __init__(self, provider: OAuth2Provider, cfg_file: Path) -> None:
        super().__init__(provider)
        self.cfg_file = cfg_file
        self.was_stored: list[bool] = []

    def answer(self, request: Request) -> Reply:
        """Check the token, and return the reply."""
        self.was_stored.append(json.loads(self.cfg_file.read_text())["oauth"]["access_token"] == request.bearer)
        return super().answer(request)


def main() -> int:
    """Run the action twice and explain the requests; return 1 if they are not as expected."""
    with (
        tempfile.TemporaryDirectory() as folder,
        OAuth2Provider() as provider,
        WatchfulApi(provider, Path(folder) / "account.keys.json") as api,
    ):
        keys, cfg_file = provider.issue(expired=True), api.cfg_file
        cfg_file.touch(mode=0o600)
        cfg_file.write_text(json.dumps({"base_url": api.url, "oauth": keys}))
        print("An API with OAuth2, a provider whose refresh tokens rotate, and a stored access token that has expired:")
        print(f"{mask(keys['access_token'])}, with the refresh token {mask(keys['refresh_token'])}.\n")

        print('1. shipmate exec send_request --cfg account.keys.json --msg \'{"body": {"url": "/me"}}\'\n')
        events = run(cfg_file, provider)
        explain(provider.journal.requests)
        saved = json.loads(cfg_file.read_text())["oauth"]
        print("\n   What the component emitted, one line each:")
        for event in events:
            print(f"   {masked(event)}")
        print(f"\n   account.keys.json now holds {mask(saved['access_token'])} and {mask(saved['refresh_token'])}.\n")

        print("2. The same once more, with the saved keys: no refresh.\n")
        before = len(provider.journal.requests)
        again = run(cfg_file, provider)
        explain(provider.journal.requests[before:])

        seen = [f"{each.server} {each.status}" for each in provider.journal.requests]
        is_expected = (
            all(api.was_stored)
            and seen == ["api 401", "provider 200", "api 200", "api 200"]
            and [event["event"] for event in events] == ["updateKeys", "data"]
            and [event["event"] for event in again] == ["data"]
            and events[0]["value"]["oauth"] == saved
            and saved["refresh_token"] != keys["refresh_token"]
        )
        print(
            "\nThe token was refreshed once, saved before it was used, and no message failed."
            if is_expected
            else f"\nThese requests were not expected: {seen}"
        )
        return 0 if is_expected else 1


def run(cfg_file: Path, provider: OAuth2Provider) -> list[dict[str, Any]]:
    """Run the action in a process of its own and return the events that it printed."""
    client_id, secret = "demo-client", "demo-secret"
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "lib"),
        "CLIENT_ID": client_id,
        "CLIENT_SECRET": secret,
        "AUTH_URI": provider.authorize_url,
        "TOKEN_URI": provider.token_url,
    }
    command = [sys.executable, "-m", "shipmate", "exec", "send_request", "--component", str(ROOT)]
    command += ["--cfg", str(cfg_file), "--msg", '{"body": {"url": "/me"}}']
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    sys.stderr.write(done.stderr)
    if done.returncode != 0:
        sys.exit(f"shipmate exec ended with status {done.returncode}:\n{done.stdout}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def explain(requests: list[Request]) -> None:
    """Print the requests with explanations, in order."""
    for request in requests:
        what = f"   {request.method:4} {request.path:7} {request.server:8} -> {request.status}"
        if request.server == "provider":
            fields = ", ".join(f"{name}={field_text(name, value)}" for name, value in request.form.items())
            print(f"{what}   the refresh: {fields}")
            print("        updateKeys                 saved to account.keys.json; checked when the next request came")
        else:
            meaning = "the token has expired" if request.status == 401 else "data"
            print(f"{what}   Bearer {mask(request.bearer or '')}: {meaning}")


def field_text(name: str, value: str) -> str:
    """Return the value of a form field, masked if it is secret."""
    return value if name in ("grant_type", "client_id") else mask(value)


def mask(secret: str) -> str:
    """Return the first characters of a secret, enough to tell it from others."""
    return f"{secret[:9]}…" if len(secret) > 16 else "***"


def masked(event: dict[str, Any]) -> str:
    """Return an event as JSON, with masked tokens."""
    if event["event"] == "updateKeys":
        oauth = {
            name: mask(value) if name.endswith("_token") else value for name, value in event["value"]["oauth"].items()
        }
        event = {"event": "updateKeys", "value": {"oauth": oauth}}
    return json.dumps(event, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
