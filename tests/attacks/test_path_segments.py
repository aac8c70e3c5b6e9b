"""Attacks by ids that become a segment of a path: with ``..`` a call would leave its collection."""

from collections.abc import Callable, Iterator

import pytest

from shipmate.emulator import Platform
from shipmate.errors import BadInput, ObjectUnavailable, PlatformRefused
from shipmate.platform.attachments import Attachments
from shipmate.platform.client import PlatformClient
from shipmate.settings import ApiSettings

CALLS: dict[str, Callable[[PlatformClient, str], object]] = {
    "flow": lambda client, value: client.step(value, "step"),
    "step": lambda client, value: client.step("flow", value),
    "account": lambda client, value: client.update_account(value, {}),
    "secret": lambda client, value: client.secret(value),
    "refreshed secret": lambda client, value: client.refresh_secret(value),
    "stored startup data": lambda client, value: client.store_startup_data(value, {}),
    "startup data": lambda client, value: client.startup_data(value),
    "deleted startup data": lambda client, value: client.delete_startup_data(value),
    "object": lambda client, value: client.objects.read(value),
    "streamed object": lambda client, value: client.objects.read(value, stream=True),
    "updated object": lambda client, value: client.objects.update(value, b""),
    "deleted object": lambda client, value: client.objects.delete(value),
    "url of an object": lambda client, value: client.objects.url(value),
}


@pytest.fixture
def platform() -> Iterator[Platform]:
    """Return a platform that must see no request."""
    with Platform() as started:
        yield started
        assert started.requests == []


@pytest.mark.parametrize("value", ["", ".", "..", "\ud800"])
@pytest.mark.parametrize("call", list(CALLS))
def test_an_id_stays_in_its_collection(platform: Platform, call: str, value: str) -> None:
    """Escaping does not help: servers, proxies and urllib3 itself drop such segments."""
    client = PlatformClient(ApiSettings.from_environ(platform.environ()))
    with pytest.raises(PlatformRefused, match="expected an id"):
        CALLS[call](client, value)


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_workspace_is_one_too(platform: Platform, value: str) -> None:
    """It comes from the environment; without one there is another message."""
    client = PlatformClient(ApiSettings.from_environ({**platform.environ(), "ELASTICIO_WORKSPACE_ID": value or "."}))
    with pytest.raises(PlatformRefused, match="expected an id"):
        client.secret("id")


@pytest.mark.parametrize("path", ["", ".", "..", "%2e%2E", "%2e.", "a/../b", "a/b", "../../v1/accounts/a"])
def test_an_attachment_is_one_object(platform: Platform, path: str) -> None:
    """The storage's token reads nothing but objects, whatever a message calls its attachment."""
    client = PlatformClient(ApiSettings.from_environ(platform.environ()))
    url = f"{platform.maester.url}/objects/{path}?storage_type=maester"
    with pytest.raises((PlatformRefused, BadInput)):
        Attachments(lambda: client).open(url)


def test_a_stored_body_is_one_object(platform: Platform) -> None:
    """The id is in a header of the message."""
    from shipmate.container.messages.codec import MessageCodec
    from shipmate.container.messages.lightweight import BodyStore

    client = PlatformClient(ApiSettings.from_environ(platform.environ()))
    store = BodyStore(lambda: client.objects, MessageCodec.__new__(MessageCodec))
    with pytest.raises(ObjectUnavailable):
        store.resolve({"body": {}, "headers": {"x-ipaas-object-storage-id": ".."}})
