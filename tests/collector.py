"""A collector of traces on a real socket: reads what is posted to it by OTLP over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent


class Traced(NamedTuple):
    """A span as it arrived: ids as hexadecimal text, `parent` empty for the first of its trace."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    failure: str
    attributes: dict[str, Any]


class Collector:
    """`spans` are what has arrived at `url`."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.paths: set[str] = set()
        self.spans: list[Traced] = []

    def take(self, path: str, body: bytes) -> None:
        self.paths.add(path)
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(each.value.string_value for each in group.resource.attributes if each.key == "service.name")
            self.spans += [_traced(service, span) for scope in group.scope_spans for span in scope.spans]

    def until(self, there: Callable[[Traced], bool], seconds: float) -> list[Traced]:
        """The spans of this kind, as soon as there is one; none when the time is over."""
        end = time.monotonic() + seconds
        while not (found := [span for span in self.spans if there(span)]) and time.monotonic() < end:
            time.sleep(0.1)
        return found


def _traced(service: str, span: Sent) -> Traced:
    attributes = {each.key: each.value.string_value or each.value.int_value for each in span.attributes}
    kind = Sent.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_")
    ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
    return Traced(service, span.name, kind, *ids, span.status.message, attributes)


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield collector
    server.shutdown()
    server.server_close()
    thread.join()
