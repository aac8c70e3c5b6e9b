"""The messages and snapshots of a polling trigger, and the loop that emits them."""

import hashlib
import json
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shipmate.errors import NoSample
from shipmate.invocation.message import Message, message
from shipmate.kit.polling.answer import Record
from shipmate.kit.polling.place import VERSION

if TYPE_CHECKING:
    from shipmate.invocation.context import Context

LOG: Final = logging.getLogger("shipmate.kit.polling")
_NAMESPACE: Final = uuid.UUID("6f0f9d2a-6f5e-5c55-9d53-0d6b5f0c7a11")

LEFT_OUT: Final = object()
"""In place of the body of a record that is not emitted."""

Snapshot = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Records to emit, and the snapshot that follows them.

    Args:
        records: The records, in the order of the API.
        messages: The messages with them: one for each record, or one for all. Each has an id that is derived from its
            records: a message that is emitted again after a crash has the same id.
        snapshot: The snapshot to emit after the messages; None in a sample, and if it has not changed.
    """

    records: Sequence[Any]
    messages: Sequence[Message]
    snapshot: Snapshot | None


@dataclass(frozen=True, slots=True)
class Envelope:
    """How records become messages.

    Args:
        source: A text that names the collection; it is a part of the ids.
        by_page: Whether all records of a page are in one message.
        results: The member that holds them.
        body: Returns the body of a record, or `LEFT_OUT`.
    """

    source: str
    by_page: bool
    results: str
    body: Callable[[Any], Any] | None = None

    def messages(self, records: Sequence[Record]) -> list[Message]:
        """Return the messages with some records."""
        bodies = [(record, body) for record in records if (body := self._body(record)) is not LEFT_OUT]
        if not self.by_page:
            return [self._identified(_object(body), [record]) for record, body in bodies]
        return [self._identified({self.results: [body for _, body in bodies]}, records)] if bodies else []

    def _body(self, record: Record) -> Any:
        return record.value if self.body is None else self.body(record.value)

    def _identified(self, body: Any, records: Sequence[Record]) -> Message:
        identity = " ".join([self.source, *(record.identity for record in records)])
        return {"id": str(uuid.uuid5(_NAMESPACE, identity)), **message(body)}


def digest(*parts: Any) -> str:
    """Return a short hash of JSON values, by which a snapshot of other settings is recognised.

    Raises:
        ValueError: A value is not JSON: its hash could differ in each run.
    """
    try:
        text = json.dumps(parts, sort_keys=True)
    except TypeError as error:
        raise ValueError(f"of: expected JSON that names what is polled, found something else ({error})") from None
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def log_restart() -> None:
    """Log that a snapshot is not used."""
    LOG.warning("the snapshot belongs to other settings of this trigger: polling starts over")


def resumed(
    snapshot: Any,
    source: str,
    member: str,
    read_old: Callable[[Mapping[str, Any]], Any] | None,
    *,
    kind: type = object,
) -> Any:
    """Return what a run goes on from, None at the beginning.

    Args:
        snapshot: The snapshot that the function received.
        source: The hash of what is polled; with a snapshot of another one polling starts over, and the log says so.
        member: The member of the kit's snapshots to return.
        read_old: Returns the token or the number in a snapshot of a component's predecessor, or None.
        kind: The type that the member must have; polling starts over with another value.
    """
    if isinstance(snapshot, Mapping) and snapshot:
        if snapshot.get("v") == VERSION and snapshot.get("of") == source:
            kept = snapshot.get(member)
            return kept if isinstance(kept, kind) else None
        old = read_old(snapshot) if read_old is not None and "v" not in snapshot else None
        if old is not None and old != "":
            return old
    if snapshot:
        log_restart()
    return None


def emit_pages(context: "Context", pages: Iterable[Page]) -> None:
    """Emit the messages of each page, and its snapshot when they are safe."""
    for page in pages:
        for each in page.messages:
            context.emit("data", each)
        if page.snapshot is not None:
            context.emit("snapshot", page.snapshot)


def sample(records: Sequence[Record], envelope: Envelope, most: int) -> Page:
    """Return the page of a sample: at most ``most`` records, and no snapshot.

    Raises:
        NoSample: The API has no record now.
    """
    if not records:
        raise NoSample(
            "the sample: expected at least one record, found none; this concerns the sample only: the flow runs and "
            "waits for records"
        )
    shown = records[:most]
    return Page([record.value for record in shown], envelope.messages(shown), None)


def _object(body: Any) -> Any:
    return body if isinstance(body, Mapping) else {"value": body}
