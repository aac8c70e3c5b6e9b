"""Trigger: emit the contacts of a folder, then the contacts that change."""

from datetime import UTC, datetime
from typing import Any

from outlook.containers import contact_folders
from outlook.delta import Round, Source
from outlook.fields import choice_of, graph_moment, text_of
from outlook.graph import Graph, plain
from outlook.keys import identified
from outlook.polling import poll
from outlook.urls import path_of
from shipmate import Context, Message, message
from shipmate.kit import rebounding
from shipmate.kit.values import flag

__all__ = ["contact_folders", "process"]


def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the contacts that have changed since the snapshot; without one emit all, or only changes from now on."""
    begins_with_all = choice_of(cfg, "begin", ("all", "changes"), "all") == "all"
    folder = text_of(cfg, "folder")
    place = ("me", "contactFolders", folder, "contacts") if folder else ("me", "contacts")
    source = Source(path=path_of(*place), time="lastModifiedDateTime", version="changeKey")
    since = "" if begins_with_all else graph_moment(datetime.now(UTC))
    with_removed = flag(cfg, "removed")

    def make(contact: dict[str, Any]) -> Message | None:
        if "@removed" not in contact:
            body = plain(contact)
        elif with_removed:
            body = {"id": contact.get("id"), "removed": contact["@removed"]}
        else:
            return None
        return identified(message(body), source.identity(contact))

    with rebounding(context):
        progress = Round.resume(snapshot, source, since)
        poll(context, Graph.connect(context, cfg), progress, snapshot=snapshot, make=make)
