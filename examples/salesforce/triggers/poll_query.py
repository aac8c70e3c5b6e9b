"""Trigger: run a SOQL query and emit its records; every run emits all of them.

A snapshot follows each message as soon as the message is safe. So the next run continues after a crash, loses nothing,
and repeats at most one message, whose snapshot was not safe yet. It has the same id, so later steps recognise it. More
messages are repeated, also with the same ids, if the crash was on the first page and its records have changed since, or
if Salesforce has discarded the result.
"""

import uuid
from typing import Any

from salesforce.answers import SalesforceError
from salesforce.client import Salesforce
from salesforce.progress import Progress, digest, message_id
from salesforce.query import Page, Record, first_page, next_page, plain
from salesforce.rebounds import rebounds
from salesforce.settings import choice, is_checked, text
from shipmate import Context, Message, message


@rebounds
def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the records of the query that follow the position in the snapshot."""
    soql, emit = text(cfg, "query"), choice(cfg, "emit", "record", "page")
    with_deleted = is_checked(cfg.get("with_deleted"))
    client = Salesforce(context, cfg)
    progress = Progress.resume(snapshot, digest(soql, emit, str(with_deleted)), str(uuid.uuid4()))
    kept = snapshot or {}
    while True:
        page = _read(client, progress, soql, with_deleted=with_deleted)
        left = progress.left(page)
        if left and kept.get("run") != progress.run:
            # Before the first message: after a crash the next run must give it the same id.
            context.emit("snapshot", progress.snapshot())
        for named in [left] if emit == "page" and left else [[each] for each in left]:
            context.emit("data", _message(progress.run, named, emit))
            progress.note([name for name, _ in named])
            kept = progress.snapshot()
            context.emit("snapshot", kept)
        if page.next is None:
            break
        progress.turn(page.next)
        kept = progress.snapshot()
        context.emit("snapshot", kept)
    if kept:
        context.emit("snapshot", {})


def _read(client: Salesforce, progress: Progress, soql: str, *, with_deleted: bool) -> Page:
    if progress.page is not None:
        try:
            return next_page(client, progress.page)
        except SalesforceError as error:
            if error.code != "INVALID_QUERY_LOCATOR":
                raise
            progress.turn(None)
    return first_page(client, soql, with_deleted=with_deleted)


def _message(run: str, named: list[tuple[str, Record]], emit: str) -> Message:
    records = [plain(record) for _, record in named]
    identity = message_id(run, *(name for name, _ in named))
    return {"id": identity, **message({"records": records} if emit == "page" else records[0])}
