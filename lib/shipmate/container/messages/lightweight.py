"""Lightweight messages: their bodies are in the object storage instead of the message.

Source: contract §8.2 to §8.6.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol, TypeVar

from shipmate import observation
from shipmate.container.messages.codec import MessageCodec
from shipmate.errors import EmitError, ObjectExpired, ObjectUnavailable, PlatformRefused, ShipmateError
from shipmate.jsonvalue import from_json, is_empty, to_json

ID_HEADER: Final = "x-ipaas-object-storage-id"
_AT_ONCE: Final = 8
_GONE: Final = frozenset({404, 410})
_EXPIRED: Final = (
    "The body has expired: the object storage has deleted it, or never had it. Run the flow again from a step before, "
    "or ask the platform to keep bodies longer."
)

_T = TypeVar("_T")
Message = dict[str, Any]


class Objects(Protocol):
    """The object storage."""

    def create(self, content: bytes) -> str:
        """Store bytes and return their id."""

    def read(self, object_id: str) -> Any:
        """Return a response whose ``content`` is the stored bytes."""


class BodyStore:
    """Fetches and stores the bodies of messages and of the messages in their passthrough."""

    def __init__(self, objects: Callable[[], Objects], codec: MessageCodec) -> None:
        """Prepare; ``objects`` is called when the storage is first needed."""
        self._objects = objects
        self._codec = codec

    def resolve(self, message: Message) -> bool:
        """Put stored bodies into a message and its passthrough; the ids stay in the headers.

        Returns:
            Whether there were stored bodies.

        Raises:
            ObjectUnavailable: A body could not be fetched; the text has its id.
            ObjectExpired: The storage does not have it any more.
        """
        referring = [each for each in _with_entries(message) if object_id(each)]
        if not referring:
            return False
        ids = [object_id(each) or "" for each in referring]
        for each, body in zip(referring, self._in_parallel(self._fetch, ids), strict=True):
            each["body"] = body
        return True

    def store(self, message: Message, entries: dict[str, Any], known: dict[str, str], threshold: int) -> Message:
        """Move the bodies of a message and of its passthrough to the storage if together they exceed the threshold.

        Args:
            message: The message without its passthrough.
            entries: The passthrough; entries are replaced, never changed.
            known: The ids of entries that were stored for an earlier event, by step; new ids are added.
            threshold: Bytes of plain JSON.

        Raises:
            EmitError: A body could not be stored.
        """
        contents = {"": to_json(message.get("body"))}
        contents |= {
            step: to_json(each["body"]) for step, each in entries.items() if isinstance(each, dict) and "body" in each
        }
        if sum(map(len, contents.values())) <= threshold:
            return message
        stored = {step: object_id(entries[step]) or known.get(step) for step in contents if step}
        missing = [step for step in contents if not stored.get(step)]
        try:
            ids = self._in_parallel(lambda step: self._create(contents[step]), missing)
        except ShipmateError as error:
            raise EmitError("Lightweight message/passthrough body upload error") from error
        stored |= zip(missing, ids, strict=True)
        known |= {step: stored_id for step, stored_id in stored.items() if step and stored_id}
        for step, stored_id in stored.items():
            if step:
                entries[step] = _stub(entries[step], stored_id)
        return _stub(message, stored[""])

    def inline(self, entries: dict[str, Any]) -> None:
        """Put stored bodies into a passthrough, for later steps that cannot fetch them; entries are replaced.

        Raises:
            EmitError: A body could not be fetched.
        """
        lacking = [
            step for step, each in entries.items() if isinstance(each, dict) and _is_empty(each) and object_id(each)
        ]
        ids = [object_id(entries[step]) or "" for step in lacking]
        try:
            bodies = self._in_parallel(self._fetch, ids)
        except ObjectUnavailable as error:
            raise EmitError(str(error)) from error
        for step, body in zip(lacking, bodies, strict=True):
            entries[step] = {**entries[step], "body": body}

    def _create(self, content: bytes) -> str:
        stored_id = self._objects().create(self._codec.encrypt(content))
        observation.current.body_stored()
        return stored_id

    def _fetch(self, stored_id: str) -> Any:
        try:
            body = from_json(self._codec.decrypt(self._objects().read(stored_id).content))
            observation.current.body_fetched()
            return body
        except (ShipmateError, ValueError) as error:
            text = f"Failed to get message body with id={stored_id}"  # contract §8.3
            if isinstance(error, PlatformRefused) and error.status in _GONE:
                expired = ObjectExpired(text)
                expired.add_note(_EXPIRED)
                raise expired from error
            cause = error if isinstance(error, ShipmateError) else None  # other errors may quote the content
            raise ObjectUnavailable(text) from cause

    def _in_parallel(self, work: Callable[[str], _T], items: list[str]) -> list[_T]:
        if len(items) < 2:
            return [work(item) for item in items]
        from concurrent.futures import ThreadPoolExecutor  # 5 ms, needed by few steps

        with ThreadPoolExecutor(min(len(items), _AT_ONCE)) as threads:
            return list(threads.map(work, items))


def object_id(message: Mapping[str, Any]) -> str | None:
    """Return the id of a message's body in the object storage, None if the message has its body itself."""
    headers = message.get("headers")
    value = headers.get(ID_HEADER) if type(headers) is dict or isinstance(headers, Mapping) else None
    return value if isinstance(value, str) and value else None


def forget_ids(message: Message) -> None:
    """Remove the object-storage ids of bodies that were fetched, so that they are not published with other bodies.

    Source: contract §8.3, without its DEF-10.
    """
    for each in _with_entries(message):
        if object_id(each):
            each["headers"] = {name: value for name, value in each["headers"].items() if name != ID_HEADER}


def _with_entries(message: Message) -> Iterable[Message]:
    yield message
    entries = message.get("passthrough")
    if isinstance(entries, dict):
        yield from (each for each in entries.values() if isinstance(each, dict))


def _stub(message: Mapping[str, Any], stored_id: str | None) -> Message:
    headers = message.get("headers")
    return {
        **message,
        "body": {},
        "headers": {**(headers if isinstance(headers, Mapping) else {}), ID_HEADER: stored_id},
    }


def _is_empty(message: Mapping[str, Any]) -> bool:
    return is_empty(message.get("body"))
