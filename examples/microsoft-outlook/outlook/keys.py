"""Short keys of emitted items, for snapshots of less than 5 KB, and the ids of messages."""

import base64
import hashlib
import uuid
from typing import Final

from shipmate import Message

_NAMESPACE: Final = uuid.UUID("1c8f8a5e-0f0c-5d5b-9a43-3b2f4c1d7e60")
_LENGTH: Final = 6
MOST: Final = 200


def key_of(identity: str) -> str:
    """Return 36 bits of a hash, enough to distinguish a few hundred items."""
    digest = hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii")[:_LENGTH]


def joined(keys: list[str], most: int = MOST) -> str:
    """Return the latest keys as one text."""
    return "".join(keys[-most:])


def cut(text: object) -> list[str]:
    """Return the keys in a text, none for anything else.

    >>> cut(joined(["abcdef", "ghijkl"]))
    ['abcdef', 'ghijkl']
    """
    whole = text if isinstance(text, str) else ""
    return [whole[start : start + _LENGTH] for start in range(0, len(whole), _LENGTH)]


def identified(message: Message, identity: str) -> Message:
    """Return a message with an id that is derived from its item.

    A run that crashes between a message and its snapshot emits the message again; later steps recognise its id.
    """
    return {"id": str(uuid.uuid5(_NAMESPACE, identity)), **message}
