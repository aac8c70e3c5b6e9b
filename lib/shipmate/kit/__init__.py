"""The authors' kit: the functions that most components need, declared in a few lines.

    polling     triggers that read an API without losing or repeating records
    webhook     signatures, challenges and replies of webhooks
    files       files between an API and the platform, in pieces
    values      the fields of credentials and steps: numbers, times, choices
    moments     times of an API, compared as moments

Names are imported on their first use: a component that does not use the kit does not load it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shipmate.errors import CannotPoll, NoSample, SignatureRefused
    from shipmate.kit.files.declaration import Changes, FileMembers, FileNames
    from shipmate.kit.files.names import add_file, clean_name
    from shipmate.kit.files.pieces import Pieces
    from shipmate.kit.files.store import FileStore
    from shipmate.kit.files.transfer import download, from_attachment, to_attachment
    from shipmate.kit.polling.answer import Answer
    from shipmate.kit.polling.delta import Delta, TokenRefused, delta
    from shipmate.kit.polling.fields import PollFields
    from shipmate.kit.polling.keyset import Keyset, keyset
    from shipmate.kit.polling.listing import Listing, listing
    from shipmate.kit.polling.place import After
    from shipmate.kit.webhook import Received, Webhook
    from shipmate.kit.webhook_challenge import Echo, HashedEcho

__all__ = [
    "After",
    "Answer",
    "CannotPoll",
    "Changes",
    "Delta",
    "Echo",
    "FileMembers",
    "FileNames",
    "FileStore",
    "HashedEcho",
    "Keyset",
    "Listing",
    "NoSample",
    "Pieces",
    "PollFields",
    "Received",
    "SignatureRefused",
    "TokenRefused",
    "Webhook",
    "add_file",
    "clean_name",
    "delta",
    "download",
    "from_attachment",
    "keyset",
    "listing",
    "to_attachment",
]


if not TYPE_CHECKING:  # a type checker would take every name for one that exists
    _LAZY = {
        "After": "shipmate.kit.polling.place",
        "Answer": "shipmate.kit.polling.answer",
        "CannotPoll": "shipmate.errors",
        "Changes": "shipmate.kit.files.declaration",
        "Delta": "shipmate.kit.polling.delta",
        "Echo": "shipmate.kit.webhook_challenge",
        "FileMembers": "shipmate.kit.files.declaration",
        "FileNames": "shipmate.kit.files.declaration",
        "FileStore": "shipmate.kit.files.store",
        "HashedEcho": "shipmate.kit.webhook_challenge",
        "Keyset": "shipmate.kit.polling.keyset",
        "Listing": "shipmate.kit.polling.listing",
        "NoSample": "shipmate.errors",
        "Pieces": "shipmate.kit.files.pieces",
        "PollFields": "shipmate.kit.polling.fields",
        "Received": "shipmate.kit.webhook",
        "SignatureRefused": "shipmate.errors",
        "TokenRefused": "shipmate.kit.polling.delta",
        "Webhook": "shipmate.kit.webhook",
        "add_file": "shipmate.kit.files.names",
        "clean_name": "shipmate.kit.files.names",
        "delta": "shipmate.kit.polling.delta",
        "download": "shipmate.kit.files.transfer",
        "from_attachment": "shipmate.kit.files.transfer",
        "keyset": "shipmate.kit.polling.keyset",
        "listing": "shipmate.kit.polling.listing",
        "to_attachment": "shipmate.kit.files.transfer",
    }

    def __getattr__(name):
        """Import a public name on its first use."""
        if name not in _LAZY:
            raise AttributeError(f"module 'shipmate.kit' has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(_LAZY[name]), name)
        return value


def __dir__() -> list[str]:
    """Return the names that can be imported, loaded or not."""
    return sorted({*globals(), *__all__})
