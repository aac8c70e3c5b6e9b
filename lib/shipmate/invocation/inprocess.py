"""Calls a component's functions in this process, without a broker, for local runs and tests."""

import copy
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from shipmate.component import Component, Function, Modules
from shipmate.errors import ShipmateError
from shipmate.invocation.events import Event
from shipmate.invocation.executor import Ids, call_model, process, run_hook, verify
from shipmate.invocation.failure import error_text, format_error
from shipmate.invocation.services import Services
from shipmate.invocation.sink import Sink

_LOG: Final = logging.getLogger("shipmate.invocation")


class InProcessRunner:
    """Calls the functions of one component, each with its own copies of the arguments."""

    def __init__(self, component: Component, services: Services) -> None:
        """Prepare calls; no code of the component runs yet."""
        self._modules = Modules(component)
        self._services = services

    def process(
        self, function: Function, msg: Mapping[str, Any], cfg: Mapping[str, Any], snapshot: Any, *, sink: Sink
    ) -> int:
        """Run an action or a trigger on one message, as the container does, and return the number of errors.

        A function that cannot be called, because its module or its ``init`` hook raises, is an ``error`` event, too.
        """
        try:
            code = self._modules.process(function)
            init = self._modules.hook(function, "init")
            if init is not None:
                run_hook(init, copy.deepcopy(cfg), sink=sink, services=self._services)
        except BaseException as error:  # the author's code may raise anything, sys.exit included
            log_failure(error)
            try:
                sink.deliver(Event("error", self._services.redactor.redact_json(format_error(error))))
            except Exception as cause:  # the message has failed already, and there is no other place to report it
                log_failure(cause)
            return 1
        copies = (copy.deepcopy(msg), copy.deepcopy(cfg), copy.deepcopy(snapshot))
        return process(code, *copies, sink=sink, services=self._services, ids=Ids()).errors

    def call(self, function: Function, name: str, cfg: Mapping[str, Any], *, sink: Sink) -> Any:
        """Return the answer of ``get_meta_model`` or of a select model.

        Raises:
            FunctionNotFound: The module has no function of this name, or one that takes other arguments.
            BaseException: The exception of the function, or of the import of its module.
        """
        model = self._modules.model(function, name)
        return call_model(model, copy.deepcopy(cfg), sink=sink, services=self._services)

    def verify(
        self,
        cfg: Mapping[str, Any],
        *,
        sink: Sink,
        on_error: Callable[[BaseException], object] = lambda error: None,
    ) -> dict[str, Any]:
        """Return the component's verdict on the credentials: ``{"verified": True}``.

        Args:
            cfg: The configuration with the credentials.
            sink: Takes ``updateKeys``.
            on_error: Called with the exception of ``verify_credentials``, if it raises one.

        Raises:
            AuthorError: ``verify_credentials.py`` cannot be imported, or has no ``verify_credentials``.
        """
        return verify(
            self._modules.verifier(), copy.deepcopy(cfg), sink=sink, services=self._services, on_error=on_error
        )


def log_failure(error: BaseException) -> None:
    """Log an error in one line, and its traceback at the level DEBUG."""
    text = " ".join(error_text(error).split())
    _LOG.error("%s", text if isinstance(error, ShipmateError) else f"{type(error).__name__}: {text}")
    _LOG.debug("the traceback of this error", exc_info=error)
