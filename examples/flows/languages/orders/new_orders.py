"""Trigger: emit the orders that are new."""

from collections.abc import Iterator
from typing import Any

from shipmate import Context, Message, message

ORDERS = (
    {"number": 1, "currency": "EUR", "items": [{"price": 1200.5, "count": 2}, {"price": 9.9, "count": 1}]},
    {"number": 2, "currency": "USD", "items": [{"price": 5.0, "count": 3}]},
    {"number": 3, "currency": "JPY", "items": [{"price": 1000, "count": 1}]},
)


def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any] | None) -> Iterator[Message]:
    """Yield the orders behind the last one in the snapshot."""
    last = (snapshot or {}).get("last", 0)
    for order in ORDERS:
        if order["number"] > last:
            yield message(order)
            context.emit("snapshot", {"last": order["number"]})
