"""Action: send a mail."""

from contextlib import ExitStack
from typing import Any

from outlook.files import files_of
from outlook.graph import Graph
from outlook.outgoing import Mail, send
from shipmate import Context, Message, message
from shipmate.kit import rebounding
from shipmate.kit.values import body_of


def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Send the mail that the message describes; see schemas/send_mail.in.json."""
    mail = Mail.from_body(body_of(msg))
    with rebounding(context), ExitStack() as stack:
        files = files_of(context, msg, stack)
        ids = send(Graph.connect(context, cfg), mail, files)
        sent = {
            **ids,
            "subject": mail.content["subject"],
            "to": [each["emailAddress"]["address"] for each in mail.content["toRecipients"]],
            "attachments": [{"name": file.name, "size": file.size_bytes} for file in files],
            "savedToSentItems": mail.is_kept,
        }
        context.emit("data", message(sent))
