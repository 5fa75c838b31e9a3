"""Logs with secrets taken out, and metrics: switched on once per process."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from prometheus_client import Counter, Histogram

_SECRET_NAMES = re.compile(r"pass(word)?|secret|token|authorization|cookie|cvc|cvv|number|pan$|private", re.I)
_DIGITS = re.compile(r"(?<!\d)(?:\d[ -]?){13,19}(?!\d)")

REQUESTS = Counter("haat_http_requests_total", "HTTP requests", ["route", "method", "status"])
SECONDS = Histogram(
    "haat_http_request_seconds",
    "Time to answer",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
EVENTS = Counter("haat_events_total", "Events acted on", ["reader", "event", "outcome"])
PARKED = Counter("haat_checkout_parked_total", "Checkouts that cannot go on: any count above 0 is an alarm", ["state"])
STUCK = Counter("haat_orders_stuck_total", "Tries of work on orders that goes on failing: any is an alarm", ["task"])
DRIFTS = Counter("haat_stock_drifts_total", "Levels that are not the fold of their events: any is an alarm")
REDACTED = Counter("haat_log_redactions_total", "Card-like numbers found in log lines: any count above 0 is an alarm")


def redact(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: values under secret names never reach a log, however deep they lie."""
    return {name: "[redacted]" if _SECRET_NAMES.search(name) else _clean(value) for name, value in line.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return redact(None, "", {str(name): each for name, each in value.items()})
    if isinstance(value, int) and _DIGITS.sub(_mask, str(value)) != str(value):
        return "[card]"
    return [_clean(each) for each in value] if isinstance(value, list | tuple) else value


def mask_cards(_: Any, __: str, line: Any) -> str:
    """The last processor: whatever the line was made of, nothing in it looks like a card number."""
    return _DIGITS.sub(_mask, line)


def _mask(match: re.Match[str]) -> str:
    from stdnum import luhn  # noqa: PLC0415

    digits = re.sub(r"\D", "", match.group())
    if not luhn.is_valid(digits):
        return match.group()
    REDACTED.inc()
    return "[card]"


def start_logging(level: str) -> None:
    """Configure structlog and the standard library's logging alike: one JSON line an event on stderr."""
    renderer: Any = structlog.processors.JSONRenderer()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, renderer, mask_cards],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    last = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer, mask_cards]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=last, foreign_pre_chain=shared))
    logging.basicConfig(
        level=max(logging.WARNING, logging.getLevelNamesMapping()[level]), handlers=[handler], force=True
    )
