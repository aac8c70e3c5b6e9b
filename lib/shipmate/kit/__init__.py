"""The authors' kit: the functions that most components need, declared in a few lines.

    polling     triggers that read an API without losing or repeating records
    webhook     signatures, challenges and replies of webhooks
    values      the fields of credentials and steps: numbers, times, choices
    moments     times of an API, compared as moments

Names are imported on their first use: a component that does not use the kit does not load it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shipmate.errors import CannotPoll, NoSample, SignatureRefused
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
    "Delta",
    "Echo",
    "HashedEcho",
    "Keyset",
    "Listing",
    "NoSample",
    "PollFields",
    "Received",
    "SignatureRefused",
    "TokenRefused",
    "Webhook",
    "delta",
    "keyset",
    "listing",
]


if not TYPE_CHECKING:  # a type checker would take every name for one that exists
    _LAZY = {
        "After": "shipmate.kit.polling.place",
        "Answer": "shipmate.kit.polling.answer",
        "CannotPoll": "shipmate.errors",
        "Delta": "shipmate.kit.polling.delta",
        "Echo": "shipmate.kit.webhook_challenge",
        "HashedEcho": "shipmate.kit.webhook_challenge",
        "Keyset": "shipmate.kit.polling.keyset",
        "Listing": "shipmate.kit.polling.listing",
        "NoSample": "shipmate.errors",
        "PollFields": "shipmate.kit.polling.fields",
        "Received": "shipmate.kit.webhook",
        "SignatureRefused": "shipmate.errors",
        "TokenRefused": "shipmate.kit.polling.delta",
        "Webhook": "shipmate.kit.webhook",
        "delta": "shipmate.kit.polling.delta",
        "keyset": "shipmate.kit.polling.keyset",
        "listing": "shipmate.kit.polling.listing",
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
