"""Traces: spans of requests, calls and reactions, sent by OTLP over HTTP.

Whether a process traces is known before it is built: what is not traced is left as it is and costs nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar, Token
from functools import wraps
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from haat.kit.message import DomainError

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])
Kind = Literal["SERVER", "CLIENT", "CONSUMER", "INTERNAL"]

EXPORT_SECONDS = 5
PATH = "/v1/traces"
# The W3C traceparent of what is going on; it travels with every call, traced or not.
traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)


class Span:
    """One traced piece of work, until its `end`; what begins meanwhile is its child."""

    def __init__(self, recorded: Any, outer: Token[str | None]) -> None:
        self._recorded = recorded
        self._outer = outer

    def end(self, name: str = "", failure: str = "", attributes: Mapping[str, str | int] | None = None) -> None:
        """It is over. `failure` says in a word what went wrong: texts of errors may hold what nobody may see."""
        from opentelemetry.trace import StatusCode  # noqa: PLC0415

        traceparent.reset(self._outer)
        if name:
            self._recorded.update_name(name)
        if failure:
            self._recorded.set_status(StatusCode.ERROR, failure)
        self._recorded.set_attributes(attributes or {})
        self._recorded.end()


class Tracer:
    """Sends the spans of this process to a collector at `endpoint`, a moment later and in batches."""

    def __init__(self, service: str, endpoint: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        exporter = OTLPSpanExporter(endpoint=traces_url(endpoint), timeout=EXPORT_SECONDS)
        self._provider = TracerProvider(resource=Resource.create({"service.name": service}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._spans = self._provider.get_tracer("haat")
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, name: str, kind: Kind) -> Span:
        """A span below the one that `traceparent` names, or the first of its trace; it is the new `traceparent`."""
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415

        above = self._propagator.extract({"traceparent": traceparent.get() or ""})
        recorded = self._spans.start_span(name, above, SpanKind[kind])
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, set_span_in_context(recorded))
        return Span(recorded, traceparent.set(carrier.get("traceparent")))

    def around(self, name: str, kind: Kind, call: F) -> F:
        """The same call, with a span each time."""

        @wraps(call)
        async def traced_call(*args: Any) -> Any:
            span, failure = self.begin(name, kind), ""
            try:
                return await call(*args)
            except BaseException as error:
                failure = failure_of(error)
                raise
            finally:
                span.end(failure=failure)

        return traced_call  # type: ignore[return-value]

    def flush(self) -> None:
        """Send what is waiting, and wait for it."""
        self._provider.force_flush()

    def stop(self) -> None:
        """Send what is waiting, and no more."""
        self._provider.shutdown()


_tracer: Tracer | None = None


def start_tracing(service: str, endpoint: str | None) -> Tracer | None:
    """Trace what is built from now on, under this name; nothing without an endpoint. Call it before anything else."""
    global _tracer  # noqa: PLW0603 - one for each process
    _tracer = Tracer(service, endpoint) if endpoint else None
    return _tracer


def current_tracer() -> Tracer | None:
    """What traces in this process; None as a rule."""
    return _tracer


def traced(name: str, kind: Kind, call: F) -> F:
    """The call with a span each time, where this process traces; else the call itself."""
    return call if _tracer is None else _tracer.around(name, kind, call)


def traces_url(endpoint: str) -> str:
    """Where a collector takes spans: the path that OTLP names, when the endpoint names none."""
    return endpoint if urlsplit(endpoint).path.strip("/") else endpoint.rstrip("/") + PATH


def failure_of(error: BaseException) -> str:
    """A word for what went wrong; none for a refusal that is a proper answer."""
    if not isinstance(error, DomainError):
        return type(error).__name__
    return error.code if error.status >= 500 else ""
