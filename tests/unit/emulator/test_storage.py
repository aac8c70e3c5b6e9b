"""The object storages of the emulated platform."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from shipmate.emulator import Platform

TIMEOUT = 10


@pytest.fixture
def platform() -> Iterator[Platform]:
    """Return a platform."""
    with Platform() as started:
        yield started


class TestMaester:
    def ask(self, platform: Platform, method: str, path: str, **options: Any) -> requests.Response:
        """Call the object storage with its token."""
        headers = {"Authorization": f"Bearer {platform.maester.token}", **options.pop("headers", {})}
        return requests.request(method, platform.maester.url + path, headers=headers, timeout=TIMEOUT, **options)

    def test_an_object_is_created_read_replaced_and_deleted(self, platform: Platform) -> None:
        data = (part for part in (b"\x00", b"\xff" * 10))
        headers = {"Content-Type": "application/octet-stream", "x-meta-kind": "test", "x-eio-ttl": "60"}
        made = self.ask(platform, "POST", "/objects", data=data, headers=headers)
        assert made.status_code == 201
        path = "/objects/" + made.json()["objectId"]
        found = self.ask(platform, "GET", path)
        assert (found.content, found.headers["Content-Type"]) == (b"\x00" + b"\xff" * 10, "application/octet-stream")
        assert found.headers["x-meta-kind"] == "test"
        assert next(iter(platform.maester.objects.values())).ttl_seconds == 60
        assert self.ask(platform, "PUT", path, data=b"new").ok
        replaced = self.ask(platform, "GET", path)
        assert (replaced.content, replaced.headers["Content-Type"]) == (b"new", "application/json")
        assert self.ask(platform, "DELETE", path).status_code == 204
        assert self.ask(platform, "GET", path).status_code == 404

    def test_objects_are_found_and_deleted_by_query(self, platform: Platform) -> None:
        keys = []
        for colour in ("red", "blue"):
            headers = {"x-query-colour": colour, "x-meta-n": colour}
            keys.append(self.ask(platform, "POST", "/objects", data=b"x", headers=headers).json()["objectId"])
        query = "/objects?query[colour]=red"
        assert self.ask(platform, "GET", query).json() == [{"objectId": keys[0], "metadata": {"n": "red"}}]
        assert self.ask(platform, "DELETE", query).status_code == 204
        assert list(platform.maester.objects) == [keys[1]]

    @pytest.mark.parametrize("path", ["/objects", "/objects?" + "&".join(f"query[k{n}]=1" for n in range(6))])
    def test_a_query_has_one_to_five_keys(self, platform: Platform, path: str) -> None:
        assert self.ask(platform, "GET", path).status_code == 400
        assert self.ask(platform, "PATCH", path).status_code == 400

    def test_without_the_token_everything_is_401(self, platform: Platform) -> None:
        wrong = {"Authorization": "Bearer wrong"}
        assert self.ask(platform, "POST", "/objects", headers=wrong).status_code == 401
        assert self.ask(platform, "GET", "/objects/x", headers=wrong).status_code == 401


class TestSteward:
    def signed(self, platform: Platform) -> dict[str, Any]:
        """Return the signed addresses of a new file."""
        auth = (platform.username, platform.key)
        reply = requests.post(f"{platform.url}/v2/resources/storage/signed-url", auth=auth, timeout=TIMEOUT)
        addresses: dict[str, Any] = reply.json()
        return addresses

    def test_a_file_is_written_and_read_by_signed_addresses(self, platform: Platform) -> None:
        signed = self.signed(platform)
        assert set(signed) == {"put_url", "get_url", "expires"}
        assert requests.get(signed["get_url"], timeout=TIMEOUT).status_code == 404
        headers = {"Content-Type": "image/png"}
        assert requests.put(signed["put_url"], data=b"png", headers=headers, timeout=TIMEOUT).ok
        found = requests.get(signed["get_url"], timeout=TIMEOUT)
        assert (found.content, found.headers["Content-Type"]) == (b"png", "image/png")
        assert list(platform.steward.files.values()) == [(b"png", "image/png")]
        requests.put(signed["put_url"], data=b"x", timeout=TIMEOUT)
        assert requests.get(signed["get_url"], timeout=TIMEOUT).headers["Content-Type"] == "application/octet-stream"

    def test_addresses_cannot_be_guessed_or_swapped(self, platform: Platform) -> None:
        signed = self.signed(platform)
        assert requests.put(signed["get_url"], data=b"x", timeout=TIMEOUT).status_code == 403
        assert requests.get(signed["put_url"], timeout=TIMEOUT).status_code == 403
        for method in ("GET", "PUT"):
            for path in ("/steward/unknown", "/steward/unknown?signature="):
                assert requests.request(method, platform.url + path, timeout=TIMEOUT).status_code == 403
