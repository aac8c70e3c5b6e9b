"""The graceful stop of a step: from the signal that ends it, SIGTERM or SIGINT, until the process may exit.

Source: contract §1.6.
"""

import logging
import threading
import time
from typing import Final

from shipmate.container.transport import Transport
from shipmate.invocation.services import LazyOAuth2

_log: Final = logging.getLogger("shipmate.step")
# When the time to stop is over: how long the transport may confirm nothing before the messages are left unsettled.
_UNCONFIRMED_SECONDS: Final = 0.4
_LOOK_SECONDS: Final = 0.1
_REFRESH_SECONDS: Final = 60.0


def stop(transport: Transport, sessions: LazyOAuth2 | None, *, seconds: float) -> None:
    """Take no more messages, wait for those in work, and close the transport.

    A publication that fails is tried for some seconds more, since its function would do its work a second time.

    Args:
        transport: The transport of the step.
        sessions: The OAuth2 sessions of the step, None before it consumes.
        seconds: How long the messages in work may take. The rest stays unsettled, for the next container.
    """
    transport.hurry()
    if sessions is not None:
        sessions.hurry()
    transport.cancel()
    until = time.monotonic() + seconds
    while transport.is_alive and not transport.wait_until_idle(_LOOK_SECONDS):
        if time.monotonic() >= until:
            transport.stop_retrying()
            transport.abandon(_UNCONFIRMED_SECONDS)
    finish_refreshes(sessions)
    transport.close()


def finish_refreshes(sessions: LazyOAuth2 | None) -> None:
    """Wait for running token refreshes: a rotated token must reach the platform."""
    if sessions is not None:
        sessions.drain(_REFRESH_SECONDS)


def log_threads() -> None:
    """Log the names of the component's threads that the end of the process cuts off."""
    threads = [each for each in threading.enumerate() if not each.daemon and each is not threading.main_thread()]
    if names := [each.name for each in threads if not each.name.startswith("shipmate")]:
        _log.info("threads of the component end with the process: %s", ", ".join(sorted(names)))
