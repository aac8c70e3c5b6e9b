"""Calling a component's functions in this process, without a broker: what local runs and tests have in common."""

import copy
import logging
from collections.abc import Mapping
from typing import Any, Final

from shipmate.component import Component, Function, Modules
from shipmate.errors import ShipmateError
from shipmate.invocation.events import Event
from shipmate.invocation.executor import Ids, call_model, process, run_hook, verify
from shipmate.invocation.failure import error_text, format_error
from shipmate.invocation.services import Services
from shipmate.invocation.sink import Sink

_LOG: Final = logging.getLogger("shipmate.direct")


class InProcessRunner:
    """The functions of one component; each call has its own copies of what it is given."""

    def __init__(self, component: Component, services: Services) -> None:
        """Prepare the calls; no code of the component runs yet."""
        self._modules = Modules(component)
        self._services = services

    def process(
        self, function: Function, msg: Mapping[str, Any], cfg: Mapping[str, Any], snapshot: Any, *, sink: Sink
    ) -> int:
        """Run an action or a trigger on one message as the container does, and return how many errors there were.

        What keeps the function from being called, as a module that raises, is an error event as well.
        """
        try:
            code = self._modules.process(function)
            init = self._modules.hook(function, "init")
            if init is not None:
                run_hook(init, copy.deepcopy(cfg))
        except BaseException as error:  # the author's code may raise anything, sys.exit included
            log_failure(error)
            try:
                sink.deliver(Event("error", self._services.redactor.redact_json(format_error(error))))
            except Exception as cause:  # the message has failed already, and nothing is left to tell it to
                log_failure(cause)
            return 1
        copies = (copy.deepcopy(msg), copy.deepcopy(cfg), copy.deepcopy(snapshot))
        return process(code, *copies, sink=sink, services=self._services, ids=Ids()).errors

    def call(self, function: Function, name: str, cfg: Mapping[str, Any], *, sink: Sink) -> Any:
        """Return what ``get_meta_model`` or a select model answers.

        Raises:
            FunctionNotFound: The module has no function of that name; nothing was called.
            BaseException: What the function, or the import of its module, raises.
        """
        model = self._modules.model(function, name)
        return call_model(model, copy.deepcopy(cfg), sink=sink, services=self._services)

    def verify(self, cfg: Mapping[str, Any], *, sink: Sink) -> dict[str, Any]:
        """Return the component's verdict on the credentials, an object with ``verified``.

        Raises:
            AuthorError: ``verify_credentials.py`` does not import, or has no such function.
        """
        verifier = self._modules.verifier()
        return verify(verifier, copy.deepcopy(cfg), sink=sink, services=self._services)


def log_failure(error: BaseException) -> None:
    """Log what went wrong in one line; the whole traceback only for those who debug."""
    text = " ".join(error_text(error).split())
    _LOG.error("%s", text if isinstance(error, ShipmateError) else f"{type(error).__name__}: {text}")
    _LOG.debug("the traceback of this error", exc_info=error)
