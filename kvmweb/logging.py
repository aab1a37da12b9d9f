"""Logs as events through structlog, with secrets masked before anything is written."""

from __future__ import annotations

import logging
import logging.config
import re
import warnings
from collections.abc import MutableMapping
from typing import Any

import structlog

_TICKET = re.compile(r"(ticket\.)[A-Za-z0-9_-]+")
_SECRET_KEYS = frozenset({"password", "token", "ticket", "authorization", "cookie", "secret"})

Event = MutableMapping[str, Any]  # Any: structlog's own type of an event


def mask_secrets(_logger: object, _method: str, event: Event) -> Event:
    """Replace values of secret keys and tickets inside texts by asterisks."""
    for key, value in event.items():
        if key.lower() in _SECRET_KEYS:
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = _TICKET.sub(r"\1***", value)
    return event


def configure_logging(*, level: str, style: str) -> None:
    """Send structlog and the standard library's records to stderr in one form (console or json)."""
    shared: list[Any] = [  # Any: structlog processors have no common public type
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        mask_secrets,
    ]
    renderer: Any = (  # Any: as above
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(
            colors=False,
            exception_formatter=structlog.dev.plain_traceback,  # rich shows locals: passwords
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *([structlog.processors.format_exc_info] if style == "json" else []),
            renderer,
        ],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    # WhiteNoise reads its small files as it always has; Django says at each that it could be async.
    warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous")
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Anybody can send a wrong Host header: it is refused, and is no news.
    logging.getLogger("django.security.DisallowedHost").setLevel(logging.CRITICAL)
    for noisy in ("uvicorn.access", "huey", "asyncio", "django.request"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
