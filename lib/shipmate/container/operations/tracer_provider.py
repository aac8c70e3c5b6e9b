"""Finds the tracer provider of the operator, or starts it as the environment says.

An SDK of OpenTelemetry is configured by variables that begin with ``OTEL_``. It is started before the program by
``opentelemetry-instrument`` or an operator of Kubernetes, or here, for a container whose command cannot be changed.
"""

import sys
from typing import TYPE_CHECKING, Final

from shipmate.errors import BadSetting
from shipmate.settings import StepSettings

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

    from shipmate.container.operations.tracing import Redact, Tracing

_EXPECTED: Final = "SHIPMATE_TRACES: expected"


def tracing_of(settings: StepSettings, redact: "Redact") -> "Tracing | None":
    """Return the maker of spans of a step; None, without an import, if there is no provider and none is asked for.

    Args:
        settings: The settings of the step.
        redact: Removes secrets from a text.

    Raises:
        BadSetting: Traces are asked for, and a package is missing or the SDK does not start.
    """
    provider = tracer_provider(settings.operations.needs_traces)
    if provider is None:
        return None
    from shipmate.container.operations.tracing import Tracing

    return Tracing(provider, settings.flow, "amqp" if settings.broker is not None else "proxy", redact)


def tracer_provider(is_needed: bool | None) -> "TracerProvider | None":
    """Return the provider of tracers.

    Args:
        is_needed: True to start one, False for none; None for one that runs already.

    Raises:
        BadSetting: One is needed, and a package is missing or the SDK does not start.
    """
    if is_needed is False or (is_needed is None and "opentelemetry.trace" not in sys.modules):
        return None
    try:
        from opentelemetry import trace
    except ImportError:
        raise BadSetting(f"{_EXPECTED} the extra otel, found none: pip install 'shipmate[otel]'") from None
    if is_needed and _is_none(trace.get_tracer_provider()):
        _start_sdk()
        if _is_none(trace.get_tracer_provider()):
            raise BadSetting(f"{_EXPECTED} an OpenTelemetry distribution that starts an SDK, found one that does not")
    provider = trace.get_tracer_provider()
    return None if _is_none(provider) else provider


def _is_none(provider: "TracerProvider") -> bool:
    """Tell whether this is the API's own provider: a placeholder without an SDK."""
    from opentelemetry.trace import ProxyTracerProvider

    return isinstance(provider, ProxyTracerProvider)


def _start_sdk() -> None:
    """Start the SDK as ``opentelemetry-instrument`` does."""
    try:
        from opentelemetry.instrumentation.auto_instrumentation import initialize
    except ImportError:
        advice = "pip install opentelemetry-distro opentelemetry-exporter-otlp"
        raise BadSetting(f"{_EXPECTED} an OpenTelemetry SDK, found none: {advice}") from None
    try:
        initialize(swallow_exceptions=False)
    except Exception as error:  # the edge to the operator's packages
        raise BadSetting(f"{_EXPECTED} an OpenTelemetry SDK that starts, found: {error}") from error
