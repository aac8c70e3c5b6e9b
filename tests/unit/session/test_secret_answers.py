"""Secrets in the shapes in which the platform's API returns them.

The file has the shapes of the API's public pages and of the answers that published components read, whole: with the
members that nobody reads. Source: contract §12.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from shipmate.emulator import Fault, Request
from shipmate.errors import ReauthorizationRequired
from tests.unit.session.conftest import Desk

ANSWERS = json.loads(Path(__file__).with_name("secret_answers.json").read_text(encoding="utf-8"))
BASIC = "Basic " + base64.b64encode("ada:pässword".encode()).decode()
REFRESHED = "refresh, as the pages of the API show it"


def served(desk: Desk, name: str) -> dict[str, Any]:
    """Let the platform answer with a secret once, and return the cfg that names it."""
    answer = ANSWERS[name]
    secret = answer["data"]["id"]
    desk.platform.script(f"/v2/workspaces/workspace/secrets/{secret}", Fault(200, answer))
    return {"secretId": secret}


@pytest.mark.parametrize(
    ("name", "header", "value"),
    [
        ("oauth2", "Authorization", "Bearer access-1"),
        ("oauth2 without a type, as the pages of the API show it", "Authorization", "Bearer access-1"),
        ("basic", "Authorization", BASIC),
        ("api_key", "X-Mailing-Key", "key-1"),
        ("noauth", "Authorization", None),
    ],
)
def test_a_secret_proves_the_account_as_its_type_says(desk: Desk, name: str, header: str, value: str | None) -> None:
    """Nothing else of it is sent, and one answer is enough."""
    assert desk.session(served(desk, name)).get(desk.api.url + "/me").ok
    (request,) = desk.api.journal.of("api")
    assert request.header(header) == value
    assert [each for each in ("access-1", "refresh-1", "key-1") if each in str(request.headers)] == (
        [value.split()[-1]] if value and value != BASIC else []
    )
    assert desk.platform_calls() == ["read"]


def test_every_recorded_secret_is_tested() -> None:
    """The others are the error and the refresh."""
    assert len(ANSWERS) == 7


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("oauth2", {"retries": "5", "retriesDelay": ""}),
        ("basic", {"base_url": "https://shop.example.com"}),
        ("api_key", {}),
        ("noauth", {"base_url": "https://weather.example.com"}),
        ("oauth2 without a type, as the pages of the API show it", {}),
    ],
)
def test_the_fields_of_the_form_are_read_from_the_secret(desk: Desk, name: str, fields: dict[str, str]) -> None:
    """An empty one changes nothing, and a secret may have none."""
    cfg = served(desk, name)
    session = desk.session(cfg)
    assert session.fields == {**cfg, **fields}
    assert session.policy.attempts == (6 if name == "oauth2" else 4)


def test_members_of_a_token_that_the_platform_does_not_know_fill_urls(desk: Desk) -> None:
    """They stand apart in the answer."""
    answer = json.loads(json.dumps(ANSWERS["oauth2"]))
    answer["data"]["attributes"]["credentials"]["undefined_params"]["instance_url"] = desk.api.url
    desk.platform.script("/v2/workspaces/workspace/secrets/s", Fault(200, answer))
    assert desk.session({"secretId": "s"}, hosts=["{instance_url}"]).get("{instance_url}/me").ok


def test_a_secret_in_the_state_error_sends_nothing(desk: Desk) -> None:
    """The platform's words are in the error."""
    cfg = served(desk, "error")
    with pytest.raises(ReauthorizationRequired, match=r"\(Something went wrong\)"):
        desk.session(cfg).get(desk.api.url + "/me")
    assert desk.statuses() == []


def test_a_refreshed_secret_may_come_in_a_list(desk: Desk) -> None:
    """With a status that is 201, and a type that is missing."""
    cfg = served(desk, "oauth2")
    path = f"/v2/workspaces/workspace/secrets/{cfg['secretId']}"
    desk.platform.script(path, Fault(200, ANSWERS["oauth2"]))
    desk.platform.script(f"{path}/refresh", Fault(201, ANSWERS[REFRESHED]))

    def is_refreshed(request: Request) -> bool:
        return request.bearer == "access-2"

    desk.api.accepts = is_refreshed
    assert desk.session(cfg).get(desk.api.url + "/me").ok
    assert desk.platform_calls() == ["read", "read", "refresh"]
    assert desk.statuses() == [401, 200]
