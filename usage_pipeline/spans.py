"""OpenTelemetry spans around stages and API calls; they cost nothing until somebody listens.

`OTEL_EXPORTER_OTLP_ENDPOINT`, the standard's own setting, turns them on; the extra `otel` has the exporter.
"""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from opentelemetry import trace
from opentelemetry.trace import Span

from usage_pipeline.errors import Rejected

NAME = "usage_pipeline"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"

Function = TypeVar("Function", bound=Callable[..., Any])


@contextmanager
def span(name: str, **attributes: str | int | bool) -> Iterator[Span]:
    """A span for as long as the block runs; an exception is recorded on it."""
    named = {f"usage.{key}": value for key, value in attributes.items()}
    with trace.get_tracer(NAME).start_as_current_span(name, attributes=named) as one:
        yield one


def traced(name: str) -> Callable[[Function], Function]:
    """The function with a span around each call."""

    def around(function: Function) -> Function:
        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            with span(name):
                return function(*arguments, **named)

        return call  # type: ignore[return-value]

    return around


def configure() -> None:
    """Send spans where the environment says; `Rejected` where the exporter is not installed."""
    if not os.environ.get(ENDPOINT):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as absent:
        raise Rejected(
            f"{ENDPOINT} is set, and the exporter is not installed",
            fix="pip install 'usage-pipeline[otel]', or unset it",
        ) from absent
    provider = TracerProvider(resource=Resource.create({"service.name": NAME}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
