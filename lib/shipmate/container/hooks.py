"""The hooks of a component: ``startup`` and ``init`` before the first message, ``shutdown`` when the flow is stopped.

Source: contract §1.3, §1.4.
"""

import logging
import signal
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

from shipmate import component
from shipmate.container.keys_sink import KeysSink
from shipmate.container.startup import Installation, config_of, load_component, log_fatal
from shipmate.invocation.executor import run_hook
from shipmate.invocation.services import LazyOAuth2, Services, platform_of, register_secrets
from shipmate.invocation.sink import Sink
from shipmate.oauth2.storage.platform import PlatformTokenStore
from shipmate.settings import ShutdownSettings
from shipmate.signals import STOP_SIGNALS

_log: Final = logging.getLogger("shipmate.step")


def call_hook(name: str, hook: Callable[..., Any] | None, *args: Any, sink: Sink, services: Services) -> Any:
    """Call a hook and return what it returns; None without the hook, which is logged."""
    if hook is None:
        _log.debug("the module has no hook %s", name)
        return None
    return run_hook(hook, *args, sink=sink, services=services)


def shut_down(settings: ShutdownSettings, installation: Installation) -> int:
    """Run the shutdown hook in this process, and return the exit status. Source: contract §1.4."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    flow, environ = settings.flow, installation.environ
    platform = platform_of(environ)
    try:
        cfg = config_of(platform().step(flow.flow_id, flow.step_id))
        descriptor = load_component(installation.root)
        register_secrets(installation.redactor, descriptor, cfg, environ)
        hook = component.Modules(descriptor).hook(descriptor.function(flow.function), "shutdown")
        stored = platform().startup_data(flow.flow_id)
        installation.redactor.add_mapping(stored)
        account = cfg.get("_account")
        keys = PlatformTokenStore(
            str(account) if account else None,
            platform=platform,
            read_config=lambda: config_of(platform().step(flow.flow_id, flow.step_id)),
        )
        sessions = LazyOAuth2(
            descriptor, environ=environ, redactor=installation.redactor, token_store=keys, platform=platform
        )
        services = Services(installation.redactor, sessions, platform)
        with closing(services.loops):
            call_hook("shutdown", hook, dict(cfg), stored, sink=KeysSink(keys), services=services)
        platform().delete_startup_data(flow.flow_id)
    except BaseException as error:  # the author's hook may raise anything, sys.exit included
        log_fatal(error)
        return 1
    return 0
