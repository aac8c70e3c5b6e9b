"""Pages that are read again in a later run, by a path in a snapshot."""

from contextlib import suppress
from typing import Any

import pytest

from shipmate.emulator import Reply, Server
from shipmate.errors import ApiError
from shipmate.kit.objects.connection import Connection
from shipmate.kit.objects.errors import UnexpectedAnswer
from tests.unit.session.conftest import Desk, desk

__all__ = ["desk"]


@pytest.mark.parametrize(
    ("base", "link", "position"),
    [
        ("/v1", "", "/v1/pages?p=1"),
        ("/v1", "?p=2", "/v1/pages?p=2"),
        ("/v1", "other?p=2", "/v1/other?p=2"),
        ("/v1", "/v2/pages", "/v2/pages"),
        ("", "{url}/x", "/x"),
    ],
)
def test_a_link_becomes_a_path_on_the_same_host(desk: Desk, base: str, link: str, position: str) -> None:
    """Relative to the page, as links are."""
    desk.api.route("GET", "/v1/pages", lambda request: Reply(200, []))
    desk.api.route("GET", "/pages", lambda request: Reply(200, []))
    connection = Connection(desk.session({}), desk.api.url + base)
    response = connection.get("/pages", params={"p": 1})
    assert connection.position(response, link.format(url=desk.api.url)) == position


def test_a_link_to_another_host_is_refused(desk: Desk) -> None:
    """The next run would send the credentials there."""
    connection = Connection(desk.session({}), desk.api.url)
    with pytest.raises(UnexpectedAnswer, match="expected a path"):
        connection.position(connection.get("/me"), "https://evil.example/me")


def test_an_api_behind_a_proxy_may_write_http() -> None:
    """Only the path counts."""
    page: Any = type("Response", (), {"history": (), "url": "https://api.example/v1/a"})()
    page.request = page
    assert Connection(page, "https://api.example").position(page, "http://api.example/v1/a?page=2") == "/v1/a?page=2"


@pytest.mark.parametrize("base", ["{base_url}/v1", "{instance_url}/v1", "URL/v1"])
@pytest.mark.parametrize("position", ["/me?a=1", "//evil.example/x", "/@evil.example", "/{base_url}"])
def test_a_position_is_read_on_the_host_of_the_base_url(desk: Desk, base: str, position: str) -> None:
    """Whether that comes from the credentials, from the token, or from the author."""
    desk.fields(base_url="TextFieldView", oauth="OAuthFieldView")
    desk.descriptor["credentials"]["oauth2"] = {"client_id": "x", "token_uri": desk.provider.token_url}
    cfg = {"base_url": f"{desk.api.url}/api/", "oauth": {**desk.provider.issue(), "instance_url": desk.api.url}}
    connection = Connection(desk.session(cfg), base.replace("URL", desk.api.url))
    with Server(name="foreign") as foreign:
        with suppress(ApiError):  # 404: nothing is there
            connection.page(position.replace("evil.example", foreign.url))
        assert foreign.requests == []
    assert len(desk.api.journal.of("api")) == 1
