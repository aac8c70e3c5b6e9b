"""The hook ``shutdown`` of the first step, which the platform runs when a flow is stopped. Source: contract §1.4."""

import logging
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from shipmate.flow.components import Implementation
from shipmate.flow.containers import Container

_log: Final = logging.getLogger("shipmate.flow")
_HOOK: Final = "shutdown"
_SECONDS: Final = 60.0
"""The platform ends a hook that takes longer."""
_LOOK_SECONDS: Final = 0.1


def may_have_hook(implementation: Implementation, function: str, startup_data: Any) -> bool:
    """Return whether a step may have the hook: each run without it would cost a process for nothing.

    A hook that undoes what ``startup`` did needs its data. Without data the text of the module decides.

    Args:
        implementation: What runs the step.
        function: The id of the trigger.
        startup_data: What the hook ``startup`` returned; empty without it.
    """
    descriptor = implementation.descriptor
    if startup_data or descriptor is None:
        return bool(startup_data)
    main = descriptor.root / descriptor.functions[function].main
    for path in (main, main.with_name(f"{main.name}.py"), main.with_name(f"{main.name}.js")):
        with suppress(OSError):
            return _HOOK in path.read_text(errors="replace")
    return True


def run_hook(container: Container, *, on_started: Callable[[], None], is_stopped: Callable[[], bool]) -> None:
    """Run the hook in a process, and wait for its end. A failure is a warning, as on the platform.

    Args:
        container: The container, whose process has ended.
        on_started: Called when the process runs.
        is_stopped: Returns whether the process is to be killed at once.
    """
    container.begin_shutdown()
    on_started()
    until = time.monotonic() + _SECONDS
    while container.process is not None and not is_stopped() and time.monotonic() < until:
        with suppress(subprocess.TimeoutExpired):
            container.process.wait(_LOOK_SECONDS)
            break
    container.kill()
    if container.status:
        _log.warning(
            "the hook shutdown of the step %s failed with status %d; its output is in the log of the step",
            container.station.id,
            container.status,
        )
