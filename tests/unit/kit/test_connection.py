"""Lists of a connection: all pages, and pages that are read again in a later run, by a path in a snapshot."""

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from shipmate.emulator import Reply, Request, Server
from shipmate.errors import ApiError
from shipmate.kit import Api, link
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


PAGES = link("items", next="next", size="size", default=2, most=2)


def serve_groups(desk: Desk, count: int, *, again: bool = False) -> None:
    """Let the API have groups, in pages; the last page may lead to the first one again."""

    def groups(request: Request) -> Reply:
        start, size = int(request.query.get("start", 0)), int(request.query["size"])
        items = [{"id": number, "name": f"Group {number}"} for number in range(start, min(start + size, count))]
        following = f"{desk.api.url}/groups?size={size}&start={start + size}" if start + size < count else None
        return Reply(200, {"items": items, "next": f"{desk.api.url}/groups?size={size}" if again else following})

    desk.api.route("GET", "/groups", groups)


def test_all_records_of_a_list_come_page_by_page(desk: Desk) -> None:
    """With the largest pages."""
    serve_groups(desk, 5)
    found = Connection(desk.session({}), desk.api.url).all("/groups", pages=PAGES, params={"sort": "id"})

    assert [each["id"] for each in found] == [0, 1, 2, 3, 4]
    queries = [request.query for request in desk.api.requests]
    assert [query["size"] for query in queries] == ["2", "2", "2"]
    assert queries[0]["sort"] == "id"


def test_pages_may_have_equal_records(desk: Desk) -> None:
    """Records without ids are equal now and then: what is behind such a page was lost."""
    pages = {"0": ["x", "x"], "1": ["x", "x"], "2": ["y"]}

    def tags(request: Request) -> Reply:
        number = request.query.get("at", "0")
        following = f"{desk.api.url}/tags?at={int(number) + 1}" if number != "2" else None
        return Reply(200, {"items": pages[number], "next": following})

    desk.api.route("GET", "/tags", tags)
    assert list(Connection(desk.session({}), desk.api.url).all("/tags", pages=PAGES)) == ["x"] * 4 + ["y"]


@pytest.mark.parametrize("params", [{"sort": "id"}, [("sort", "id")]])
def test_pages_take_parameters_as_all_requests_do(desk: Desk, params: Any) -> None:
    """As a mapping or as pairs."""
    serve_groups(desk, 1)
    (page,) = Connection(desk.session({}), desk.api.url).pages("/groups", PAGES, params=params, size=2)
    assert (page.records, page.next) == ([{"id": 0, "name": "Group 0"}], None)
    assert desk.api.requests[0].query["sort"] == "id"


@pytest.mark.parametrize(
    ("again", "most", "text"),
    [
        (True, 100, "/groups: expected another page, found the same one"),
        (False, 4, "/groups: expected at most 4 records"),
    ],
)
def test_a_list_without_an_end_is_an_error(desk: Desk, again: bool, most: int, text: str) -> None:
    """An author's own loop would never end, or fill the memory."""
    serve_groups(desk, 5, again=again)
    connection = Connection(desk.session({}), desk.api.url)
    with pytest.raises(UnexpectedAnswer, match=text):
        list(connection.all("/groups", pages=PAGES, most=most))


def test_a_select_model_has_all_records(desk: Desk) -> None:
    """Those of published components often have the first page only."""
    serve_groups(desk, 5)
    context: Any = SimpleNamespace(session=lambda cfg, **options: desk.session(cfg))
    model = Api(desk.api.url).choices("/groups", key="id", label="name", pages=PAGES)

    assert model(context, {}) == {str(number): f"Group {number}" for number in range(5)}
    assert model.__name__ == "groups"
