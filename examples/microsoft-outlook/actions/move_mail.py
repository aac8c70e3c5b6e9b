"""Action: move a mail into another folder."""

from typing import Any, Final

from outlook.containers import destinations
from outlook.fields import required_text, text_of
from outlook.graph import Graph
from outlook.urls import path_of
from shipmate import Context, Message, message
from shipmate.kit import rebounding
from shipmate.kit.values import body_of

__all__ = ["destinations", "process"]

_RETURNED: Final = ("id", "parentFolderId", "subject", "from", "receivedDateTime", "isRead", "webLink")


def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Move the mail with the id in the message; a folder in the message overrides the chosen one."""
    body = body_of(msg)
    identity = required_text(body, "messageId")
    folder = text_of(body, "folder").strip() or required_text(cfg, "folder")
    with rebounding(context):
        graph = Graph.connect(context, cfg)
        # A repetition changes nothing: the mail keeps its id, and is in the folder already.
        moved = graph.post(path_of("me", "messages", identity, "move"), {"destinationId": folder}, is_repeatable=True)
        context.emit("data", message({name: moved.get(name) for name in _RETURNED}))
