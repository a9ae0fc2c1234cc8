"""Logging of every Guerdon process."""

from __future__ import annotations

import structlog


def log_as_json() -> None:
    """One JSON object per line on standard output: an event's name and ids, without personal
    data."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=True,
    )
