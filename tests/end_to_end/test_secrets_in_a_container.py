"""A container whose account is a secret of the platform, of any type, that changes while it runs."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from shipmate.emulator import OAuth2Provider, Platform, Reply, Request, Server, StepQueues
from tests.container import Container

COMPONENT = {
    "title": "Calls",
    "description": "Calls an API",
    "authClientTypes": ["oauth2", "basic", "api_key", "noauth"],
    "credentials": {"fields": {"auth": {"label": "Authentication", "viewClass": "HTTPAuthView"}}},
    "actions": {"call": {"title": "Call", "main": "./call.py"}},
}
CALL = """
import os

from shipmate import message


def process(context, msg, cfg, snapshot):
    session = context.session(cfg, allow_http=True)
    answer = session.require_success(session.get(os.environ["API"] + "/me"))
    context.logger.info("called with %s and %s", answer.request.headers, dict(session.fields))
    if msg["body"].get("fails"):
        raise ValueError(f"cannot use {answer.request.headers} of {session.fields}")
    return message({"number": msg["body"]["number"]})
"""
FIELDS = {"retries": "0", "password": "field-secret-1", "apiToken": "field-secret-2"}

Secret = dict[str, Any]


class Api(Server):
    """An API that accepts one value of one header."""

    def __init__(self) -> None:
        super().__init__(name="api")
        self.header, self.value = "Authorization", ""
        self.route("GET", "/me", self._me)

    def _me(self, request: Request) -> Reply:
        found = request.header(self.header) or ""
        # An API that quotes what it refuses, as some do.
        return Reply(200, {}) if found == self.value else Reply(401, {"message": f"{found} is refused"})


def basic(user: str, password: str) -> tuple[Secret, str, str]:
    """Return a secret, and the header that it leads to."""
    proof = base64.b64encode(f"{user}:{password}".encode()).decode()
    credentials = {"username": user, "password": password, "fields": FIELDS}
    return {"type": "basic", "credentials": credentials}, "Authorization", f"Basic {proof}"


def api_key(header: str, value: str) -> tuple[Secret, str, str]:
    """Return a secret, and the header that it leads to."""
    credentials = {"headerName": header, "headerValue": value, "fields": FIELDS}
    return {"type": "api_key", "credentials": credentials}, header, value


def oauth2(tokens: dict[str, Any]) -> tuple[Secret, str, str]:
    """Return a secret, and the header that it leads to."""
    credentials = {**tokens, "fields": FIELDS}
    return {"type": "oauth2", "credentials": credentials}, "Authorization", f"Bearer {tokens['access_token']}"


@pytest.fixture
def world(queues: StepQueues, tmp_path: Path) -> Iterator[tuple[Container, StepQueues, Platform, Api]]:
    """A running container, which writes all that it can into its log."""
    (tmp_path / "component.json").write_text(json.dumps(COMPONENT))
    (tmp_path / "call.py").write_text(CALL)
    steps = {"flow": {"step": {"config": {"secretId": "crm"}}}}
    with OAuth2Provider() as provider, Platform(steps=steps, provider=provider) as platform, Api() as api:
        environ = {**platform.environ(), **queues.environ("call"), "API": api.url, "LOG_LEVEL": "trace"}
        container = Container(environ, folder=tmp_path)
        try:
            yield container.ready(), queues, platform, api
        finally:
            container.close()


def test_a_secret_that_changes_while_a_container_runs_is_used_and_never_written(
    world: tuple[Container, StepQueues, Platform, Api],
) -> None:
    """Neither a secret of any type nor the one before it, in any encoding, is in a log or an error."""
    container, queues, platform, api = world
    assert platform.provider is not None
    first, second = platform.provider.issue(), platform.provider.issue()
    changes = [
        basic("ada", "the pässword/1"),
        basic("ada", "the password+2"),
        api_key("X-Crm-Key", "key-of-the-crm-1"),
        api_key("X-Crm-Key", "key-of-the-crm-2"),
        oauth2(first),
        oauth2(second),
    ]
    written: set[str] = set()
    for number, (secret, header, value) in enumerate(changes):
        platform.change_secret("crm", **secret)
        api.header, api.value = header, value
        queues.publish({"body": {"number": number}})
        (message,) = queues.take("data")
        assert message.message["body"] == {"number": number}
        queues.publish({"body": {"number": number, "fails": True}})
        (failed,) = queues.take("error")
        written.add(json.dumps(failed.error))

    # The platform refreshes what it cannot change otherwise.
    api.value = "Bearer of somebody else"
    queues.publish({"body": {"number": 7}})
    (refused,) = queues.take("error")
    assert refused.error["name"] == "ReauthorizationRequired"
    third = platform.secrets["crm"]["credentials"]
    assert third["access_token"] != second["access_token"]
    platform.break_secret("crm", f"cannot refresh {third['refresh_token']}")
    assert container.stop() == 0

    reads = [each for each in platform.requests if "/secrets/crm" in each.path]
    assert [each.path.endswith("/refresh") for each in reads].count(True) == 1
    texts = [container.output, json.dumps(refused.error), *written]
    assert "called with" in container.output
    secrets = ["the pässword/1", "the password+2", "key-of-the-crm-1", "key-of-the-crm-2", platform.key]
    secrets += [value.split()[-1] for _, _, value in changes]
    secrets += [tokens[name] for tokens in (first, second, third) for name in ("access_token", "refresh_token")]
    secrets += [FIELDS["password"], FIELDS["apiToken"]]
    for secret in secrets:
        for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret.encode())[2:-1]):
            assert not [line for text in texts for line in text.splitlines() if form in line], form
