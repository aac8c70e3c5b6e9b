"""The authors' kit: the functions that most components need, declared in a few lines.

    objects     an API and its resources, and the functions that follow from their declaration
    polling     triggers that read an API without losing or repeating records
    webhook     signatures, challenges and replies of webhooks
    files       files between an API and the platform, in pieces
    function    a function of one's own, with its metadata and select models
    rebound     messages that come again while an API cannot serve them
    cache       what is read from an API and kept for a while
    choices     the choices of select models
    values      the fields of credentials and steps: numbers, times, choices
    moments     times of an API, compared as moments

Names are imported on their first use: a component that does not use the kit does not load it.
"""

from typing import TYPE_CHECKING

from shipmate.faces import lazy_face

if TYPE_CHECKING:
    from shipmate.errors import CannotPoll, NoSample, SignatureRefused
    from shipmate.kit.cache import Cache, cache_key
    from shipmate.kit.choices import by_label
    from shipmate.kit.files.declaration import Changes, FileMembers, FileNames
    from shipmate.kit.files.names import add_file, clean_name
    from shipmate.kit.files.pieces import Pieces
    from shipmate.kit.files.store import FileStore
    from shipmate.kit.files.transfer import download, from_attachment, to_attachment
    from shipmate.kit.function import Function
    from shipmate.kit.objects.api import Api
    from shipmate.kit.objects.connection import json_of
    from shipmate.kit.objects.declaration import Write
    from shipmate.kit.objects.fields import Field
    from shipmate.kit.objects.filters import operators
    from shipmate.kit.objects.linked import Linked
    from shipmate.kit.objects.names import Names
    from shipmate.kit.objects.paging import cursor, link, offset, page, whole
    from shipmate.kit.objects.resource import Resource, Resources
    from shipmate.kit.objects.sorting import Sorting, sorting
    from shipmate.kit.polling.answer import Answer
    from shipmate.kit.polling.counter import Counter, counter
    from shipmate.kit.polling.delta import Delta, TokenRefused, delta
    from shipmate.kit.polling.fields import PollFields
    from shipmate.kit.polling.full import FullListing, full_listing
    from shipmate.kit.polling.keyset import Keyset, keyset
    from shipmate.kit.polling.listing import Listing, listing
    from shipmate.kit.polling.place import After, Place
    from shipmate.kit.rebound import emit_each, rebounding
    from shipmate.kit.webhook import Received, Webhook
    from shipmate.kit.webhook_challenge import Echo, HashedEcho

__all__ = [
    "After",
    "Answer",
    "Api",
    "Cache",
    "CannotPoll",
    "Changes",
    "Counter",
    "Delta",
    "Echo",
    "Field",
    "FileMembers",
    "FileNames",
    "FileStore",
    "FullListing",
    "Function",
    "HashedEcho",
    "Keyset",
    "Linked",
    "Listing",
    "Names",
    "NoSample",
    "Pieces",
    "Place",
    "PollFields",
    "Received",
    "Resource",
    "Resources",
    "SignatureRefused",
    "Sorting",
    "TokenRefused",
    "Webhook",
    "Write",
    "add_file",
    "by_label",
    "cache_key",
    "clean_name",
    "counter",
    "cursor",
    "delta",
    "download",
    "emit_each",
    "from_attachment",
    "full_listing",
    "json_of",
    "keyset",
    "link",
    "listing",
    "offset",
    "operators",
    "page",
    "rebounding",
    "sorting",
    "to_attachment",
    "whole",
]


if not TYPE_CHECKING:  # a type checker would take every name for one that exists
    __getattr__, __dir__ = lazy_face(
        __name__,
        __all__,
        {
            "After": "shipmate.kit.polling.place",
            "Answer": "shipmate.kit.polling.answer",
            "Api": "shipmate.kit.objects.api",
            "Cache": "shipmate.kit.cache",
            "CannotPoll": "shipmate.errors",
            "Changes": "shipmate.kit.files.declaration",
            "Counter": "shipmate.kit.polling.counter",
            "Delta": "shipmate.kit.polling.delta",
            "Echo": "shipmate.kit.webhook_challenge",
            "Field": "shipmate.kit.objects.fields",
            "FileMembers": "shipmate.kit.files.declaration",
            "FileNames": "shipmate.kit.files.declaration",
            "FileStore": "shipmate.kit.files.store",
            "FullListing": "shipmate.kit.polling.full",
            "Function": "shipmate.kit.function",
            "HashedEcho": "shipmate.kit.webhook_challenge",
            "Keyset": "shipmate.kit.polling.keyset",
            "Linked": "shipmate.kit.objects.linked",
            "Listing": "shipmate.kit.polling.listing",
            "Names": "shipmate.kit.objects.names",
            "NoSample": "shipmate.errors",
            "Pieces": "shipmate.kit.files.pieces",
            "Place": "shipmate.kit.polling.place",
            "PollFields": "shipmate.kit.polling.fields",
            "Received": "shipmate.kit.webhook",
            "Resource": "shipmate.kit.objects.resource",
            "Resources": "shipmate.kit.objects.resource",
            "SignatureRefused": "shipmate.errors",
            "Sorting": "shipmate.kit.objects.sorting",
            "TokenRefused": "shipmate.kit.polling.delta",
            "Webhook": "shipmate.kit.webhook",
            "Write": "shipmate.kit.objects.declaration",
            "add_file": "shipmate.kit.files.names",
            "by_label": "shipmate.kit.choices",
            "clean_name": "shipmate.kit.files.names",
            "counter": "shipmate.kit.polling.counter",
            "cursor": "shipmate.kit.objects.paging",
            "delta": "shipmate.kit.polling.delta",
            "download": "shipmate.kit.files.transfer",
            "emit_each": "shipmate.kit.rebound",
            "cache_key": "shipmate.kit.cache",
            "from_attachment": "shipmate.kit.files.transfer",
            "full_listing": "shipmate.kit.polling.full",
            "json_of": "shipmate.kit.objects.connection",
            "keyset": "shipmate.kit.polling.keyset",
            "link": "shipmate.kit.objects.paging",
            "listing": "shipmate.kit.polling.listing",
            "offset": "shipmate.kit.objects.paging",
            "operators": "shipmate.kit.objects.filters",
            "page": "shipmate.kit.objects.paging",
            "rebounding": "shipmate.kit.rebound",
            "sorting": "shipmate.kit.objects.sorting",
            "to_attachment": "shipmate.kit.files.transfer",
            "whole": "shipmate.kit.objects.paging",
        },
    )
