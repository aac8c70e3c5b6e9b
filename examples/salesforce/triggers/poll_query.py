"""Trigger: run a SOQL query and emit its records; every run emits all of them.

A snapshot follows each message as soon as the message is safe. So the next run continues after a crash, loses nothing,
and repeats at most one message, with the same id. More messages are repeated, also with the same ids, if the crash was
on the first page and its records have changed since, or if Salesforce has discarded the result.
"""

from typing import Any, Final

from salesforce.client import Salesforce
from salesforce.query import LARGEST_PAGE, plain, read
from shipmate import ApiError, Context, Message
from shipmate.kit import Answer, PollFields, TokenRefused, full_listing, rebounding
from shipmate.kit.values import flag, required

_FIELDS: Final = PollFields(emit="emit", results="records", individually=("record",), pages=("page",))
# The totals of a GROUP BY have no URL.
_QUERY: Final = full_listing("attributes.url", size=LARGEST_PAGE, most=LARGEST_PAGE, fields=_FIELDS)


def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the records of the query that follow the position in the snapshot."""
    soql, with_deleted = required(cfg, "query"), flag(cfg, "with_deleted")
    client = Salesforce(context, cfg)

    def fetch(position: str | int | None, limit: int) -> Answer:
        try:
            return read(client, soql, position, with_deleted=with_deleted)
        except ApiError as error:
            # Salesforce keeps the result of a query for two days.
            raise TokenRefused if error.api_code == "INVALID_QUERY_LOCATOR" else error from None

    with rebounding(context):
        _QUERY.poll(context, cfg, snapshot, fetch, of=[soql, with_deleted], body=plain)
