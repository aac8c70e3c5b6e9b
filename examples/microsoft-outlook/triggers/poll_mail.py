"""Trigger: emit the mail that a folder receives, each once."""

from datetime import UTC, datetime
from typing import Any, Final

from outlook.containers import mail_folders
from outlook.delta import Round, Source
from outlook.fields import graph_moment, moment_of, required_text
from outlook.graph import Graph, plain
from outlook.incoming import stored_files
from outlook.keys import identified
from outlook.polling import poll
from outlook.urls import path_of
from shipmate import Context, Message, message
from shipmate.kit import rebounding
from shipmate.kit.values import flag

__all__ = ["mail_folders", "process"]

_PROPERTIES: Final = (
    "id,internetMessageId,conversationId,parentFolderId,subject,from,sender,toRecipients,ccRecipients,bccRecipients,"
    "replyTo,receivedDateTime,sentDateTime,isRead,isDraft,importance,categories,hasAttachments,bodyPreview,body,webLink"
)


def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the mail that is new since the snapshot, or, without one, since the time in ``start``."""
    since = moment_of(cfg, "start") or graph_moment(datetime.now(UTC))
    source = Source(
        path=path_of("me", "mailFolders", required_text(cfg, "folder"), "messages"),
        time="receivedDateTime",
        query={"$select": _PROPERTIES, "changeType": "created"},
        prefer=('outlook.body-content-type="text"',) if flag(cfg, "plain_text") else (),
        filters=True,
    )
    with rebounding(context):
        graph = Graph.connect(context, cfg)

        def make(mail: dict[str, Any]) -> Message | None:
            if "@removed" in mail or (flag(cfg, "unread_only") and mail.get("isRead")):
                return None
            files = stored_files(context, graph, mail) if flag(cfg, "store_attachments") else {}
            return identified(message(plain(mail), attachments=files or None), str(mail["id"]))

        poll(context, graph, Round.resume(snapshot, source, since), snapshot=snapshot, make=make)
