"""Answers in the shapes of Graph."""

from collections.abc import Mapping
from typing import Any

from shipmate.emulator.journal import Reply


class Refusal(Exception):
    """An error answer, raised from wherever it is noticed."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(code)
        self.reply = refused(status, code, text)


def refused(status: int, code: str, text: str, headers: Mapping[str, str] | None = None) -> Reply:
    """Return an error as Graph words it."""
    inner = {
        "date": "2026-05-01T07:00:00",
        "request-id": "5b1c2f6e-0000-4000-8000-0123456789ab",
        "client-request-id": "5b1c2f6e-0000-4000-8000-0123456789ab",
    }
    return Reply(status, {"error": {"code": code, "message": text, "innerError": inner}}, headers or {})


def not_found() -> Refusal:
    """Return the answer for an id that nothing has."""
    return Refusal(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def selected(item: Mapping[str, Any], names: str | None) -> dict[str, Any]:
    """Return what ``$select`` leaves of an item; annotations and the id stay."""
    kept = {"id", *names.split(",")} if names else set(item)
    return {name: value for name, value in item.items() if name in kept or name.startswith("@")}
