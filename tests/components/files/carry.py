"""Carries a file from an API to an attachment, and from there to the API."""

from shipmate import message
from shipmate.kit import from_attachment, to_attachment


def process(context, msg, cfg, snapshot):
    """Return the API's answer to the upload, with the attachment."""
    body = msg["body"]
    session = context.session(cfg)
    name, attachment = to_attachment(context, session, body["source"])
    response = from_attachment(context, attachment["url"], session, "PUT", body["target"])
    response.raise_for_status()
    return message({"answer": response.json()}, attachments={name: attachment})
