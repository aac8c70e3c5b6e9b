"""Finds the provider of tracers that the operator has brought, or starts it as the environment says.

An SDK of OpenTelemetry is configured by variables that begin with ``OTEL_``. It is started before the program by
``opentelemetry-instrument`` or an operator of Kubernetes, or here, for a container whose command cannot be changed.
"""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from shipmate.errors import BadSetting
from shipmate.settings import boolean

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

_VARIABLE: Final = "SHIPMATE_TRACES"


def tracer_provider(environ: Mapping[str, str]) -> "TracerProvider | None":
    """Return the provider of tracers; None, without an import, unless there is one or traces are asked for.

    Raises:
        BadSetting: Traces are asked for, and a package is missing or the SDK does not start.
    """
    is_asked = boolean(environ, _VARIABLE, False)
    if not is_asked and (_VARIABLE in environ or "opentelemetry.trace" not in sys.modules):
        return None
    try:
        from opentelemetry import trace
    except ImportError:
        raise BadSetting(f"{_VARIABLE}: expected opentelemetry-api, found none; install shipmate[otel]") from None
    if is_asked and _is_none(trace.get_tracer_provider()):
        _start_sdk()
    provider = trace.get_tracer_provider()
    if not _is_none(provider):
        return provider
    if is_asked:
        raise BadSetting(f"{_VARIABLE}: expected an SDK of OpenTelemetry, found none that its distribution starts")
    return None


def _is_none(provider: "TracerProvider") -> bool:
    """Tell whether this is the API's own provider, which stands for one that may come later."""
    from opentelemetry.trace import ProxyTracerProvider

    return isinstance(provider, ProxyTracerProvider)


def _start_sdk() -> None:
    """Start the SDK as ``opentelemetry-instrument`` does."""
    try:
        from opentelemetry.instrumentation.auto_instrumentation import initialize
    except ImportError:
        raise BadSetting(
            f"{_VARIABLE}: expected an SDK of OpenTelemetry, found none; install opentelemetry-distro and an exporter"
        ) from None
    try:
        initialize(swallow_exceptions=False)
    except Exception as error:
        raise BadSetting(f"{_VARIABLE}: the SDK of OpenTelemetry does not start: {error}") from error
