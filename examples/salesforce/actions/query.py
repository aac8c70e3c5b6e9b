"""Action: run the SOQL query in the message."""

from typing import Any

from salesforce.answers import Busy, SalesforceError
from salesforce.client import Salesforce
from salesforce.query import Record, pages, plain
from salesforce.rebounds import rebounds
from salesforce.records import given_record
from salesforce.settings import choice, is_checked, text
from shipmate import Context, Message, message


@rebounds
def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the records of the query one by one, page by page, or all in one message."""
    soql, emit = text(given_record(msg), "query"), choice(cfg, "emit", "record", "page", "all")
    client, with_deleted = Salesforce(context, cfg), is_checked(cfg.get("with_deleted"))
    collected: list[Record] = []
    emitted = 0
    try:
        for page in pages(client, soql, with_deleted=with_deleted):
            records = [plain(record) for record in page.records]
            if emit == "all":
                collected += records
                continue
            for body in records if emit == "record" else [{"records": records}]:
                context.emit("data", message(body))
                emitted += 1
    except Busy as error:
        if not emitted:
            raise
        # A rebound would emit these messages again.
        raise SalesforceError(f"after {emitted} messages: {error}", code=error.code, status=error.status) from None
    if emit == "all":
        context.emit("data", message({"records": collected}))
