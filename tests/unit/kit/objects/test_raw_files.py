"""A raw request whose answer is a file: small ones are in the message, larger ones become attachments."""

import base64
import random
from typing import Any

import pytest

from shipmate.emulator import Fault, Platform, Reply
from shipmate.kit.files import answered
from tests.cut_server import CutFile, serving
from tests.unit.kit.objects.conftest import Declare
from tests.unit.kit.objects.crm_api import Crm

Cfg = dict[str, Any]
FILE = random.Random(9).randbytes(300_000)  # noqa: S311 - a file
PDF = {"Content-Type": "application/pdf"}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of 100000 bytes are large."""
    monkeypatch.setattr(answered, "LARGEST_BYTES", 100_000)


@pytest.fixture
def storage(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """A platform whose object storage the component finds."""
    for name, value in platform.environ().items():
        monkeypatch.setenv(name, value)
    return platform


def get(component: Any, cfg: Cfg, url: str = "/report.pdf", method: str = "GET") -> Any:
    return component.run("raw", {"body": {"method": method, "url": url}}, cfg)


@pytest.mark.parametrize("size", [1, 99_999, 100_000])
def test_a_small_file_is_in_the_message(declare: Declare, crm: Crm, cfg: Cfg, size: int) -> None:
    """In base64, with its type."""
    crm.route("GET", "/v1/report.pdf", lambda request: Reply(200, FILE[:size], PDF))
    done = get(declare(), cfg).message
    content = base64.b64encode(FILE[:size]).decode()
    assert done["body"]["responseBody"] == {"base64": content, "contentType": "application/pdf"}
    assert "attachments" not in done


@pytest.mark.parametrize("size", [100_001, 300_000])
def test_a_larger_file_is_an_attachment(declare: Declare, crm: Crm, cfg: Cfg, storage: Platform, size: int) -> None:
    """It was never in memory as a whole."""
    crm.route("GET", "/v1/report.pdf", lambda request: Reply(200, FILE[:size], PDF))
    done = get(declare(), cfg).message
    (stored,) = storage.maester.objects.values()
    assert (stored.data, stored.content_type) == (FILE[:size], "application/pdf")
    attachment = done["attachments"]["report.pdf"]
    assert done["body"]["responseBody"] == {
        "attachmentUrl": attachment["url"], "contentType": "application/pdf", "size": size
    }  # fmt: skip


def test_a_file_whose_connection_is_cut_goes_on(declare: Declare, crm: Crm, cfg: Cfg, storage: Platform) -> None:
    """At the place where it was cut."""
    headers = {**PDF, "ETag": '"1"'}
    with serving(CutFile(FILE, cuts=[200_000], headers=headers)) as cut:
        base, _, name = cut.url.rpartition("/")
        get(declare(), {**cfg, "base_url": base}, name)
    (stored,) = storage.maester.objects.values()
    assert stored.data == FILE
    assert len(cut.ranges) == 2


def test_an_empty_file_is_an_empty_text(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """As any empty body."""
    crm.route("GET", "/v1/report.pdf", lambda request: Reply(200, b"", PDF))
    assert get(declare(), cfg).message["body"]["responseBody"] == ""


def test_errors_are_read_whole_whatever_their_type(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Their reason is in them, and an allowed 404 is a message."""
    component = declare()
    crm.script("/v1/report.pdf", Fault(status=422, body={"message": "no such month"}))
    assert "no such month" in get(component, cfg).errors[0]["message"]
    crm.script("/v1/report.pdf", Fault(status=404, body=b"\x00\x01", headers=PDF))
    done = get(component, {**cfg, "doNotThrow404": True}).message["body"]
    assert done["responseBody"] == {"base64": "AAE=", "contentType": "application/pdf"}


def test_text_and_json_keep_the_limit_of_answers(
    declare: Declare, crm: Crm, cfg: Cfg, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are read whole."""
    monkeypatch.setenv("SHIPMATE_MAX_RESPONSE_BYTES", "1000")
    crm.route("GET", "/v1/report.pdf", lambda request: Reply(200, {"text": "x" * 2000}))
    assert get(declare(), cfg).errors[0]["name"] == "ResponseTooLarge"
