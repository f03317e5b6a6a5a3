"""Spans, where they are wanted and OpenTelemetry is installed; nothing otherwise."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


@contextmanager
def span(wanted: bool, name: str, pool: str) -> Generator[None, None, None]:
    """The time of a `with` block under a name; what it raises is recorded."""
    if not wanted:
        yield
        return
    try:
        trace: Any = import_module("opentelemetry.trace")
    except ImportError:
        yield
        return
    with trace.get_tracer("opensandbox").start_as_current_span(name, attributes={"pool.name": pool}):
        yield
