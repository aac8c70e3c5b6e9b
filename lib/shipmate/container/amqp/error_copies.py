"""Publishes the copies of errors for callers who wait for a reply. Source: contract §6.2."""

import logging
from collections.abc import Callable
from typing import Final

from shipmate.container.amqp.publisher import RoutedPublication
from shipmate.container.amqp.routing import Routing
from shipmate.container.transport import Publication
from shipmate.errors import EmitUnconfirmed

_log: Final = logging.getLogger("shipmate.amqp")


def publish_error_copy(
    routing: Routing, publication: Publication, publish: Callable[[RoutedPublication], object]
) -> None:
    """Publish the copy of an error, if a caller waits for it; it is no failure if the caller has gone.

    Args:
        routing: Makes the copy.
        publication: A publication of any kind.
        publish: Publishes, and returns when the broker has confirmed.

    Raises:
        EmitUnconfirmed: The process is stopping, and leaves the input to the broker.
    """
    copy = routing.error_reply(publication)
    if copy is None:
        return
    try:
        publish(copy)
    except EmitUnconfirmed as error:
        if error.is_left_to_broker:
            raise
        _log.warning("could not publish the copy of an error to reply_to: %s", error)
