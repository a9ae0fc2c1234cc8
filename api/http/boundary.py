"""The outermost layer: a request id, one log line, metrics, the body limit, and an answer in every
case. Pure ASGI for speed, because every request passes it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.arrival import Arrival
from api.http.problems import problem
from api.metrics import REQUESTS, SECONDS
from domain.ids import Prefix, new_id
from store.outage import is_outage

log = structlog.get_logger(__name__)

CLIENT_GONE = 499
"""The status in logs and metrics of a request that the client aborted; nginx's code."""


SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    # Answers contain people and claim links: no cache may keep them.
    (b"cache-control", b"no-store"),
]
"""Headers of every answer that does not set them itself."""
_HTTPS_ALONE = (b"strict-transport-security", b"max-age=31536000")


class Boundary:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        """`https`: callers reach the API only by TLS."""
        self._app = app
        self._secure = [*SECURITY, _HTTPS_ALONE] if https else SECURITY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_id(Prefix.REQUEST)
        scope.setdefault("state", {})["request_id"] = request_id
        exchange = _Exchange(request_id, send, self._secure)
        try:
            await self._app(scope, Arrival(scope, receive).receive, exchange.send)
        except ClientDisconnect:
            # The client hung up before its request was complete: nobody to answer.
            exchange.status = exchange.status or CLIENT_GONE
        except Exception as error:
            if exchange.status:
                raise
            await _answer_to_unexpected(request_id, error)(scope, receive, exchange.send)
        finally:
            exchange.report(scope)


class _Exchange:
    """Watches one answer being sent."""

    def __init__(self, request_id: str, send: Send, secure: Sequence[tuple[bytes, bytes]]) -> None:
        self.status = 0
        self._secure = secure
        self._request_id = request_id
        self._send = send
        self._began = time.perf_counter()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [
                *message["headers"],
                (b"x-request-id", self._request_id.encode()),
                # A page with its own policy keeps it.
                *(header for header in self._secure if header[0] not in given),
            ]
        await self._send(message)

    def report(self, scope: Scope) -> None:
        """One log line and the metrics, by the route's template: a path may contain personal
        data."""
        seconds = time.perf_counter() - self._began
        method, route = scope["method"], getattr(scope.get("route"), "path", "unmatched")
        REQUESTS.labels(method, route, self.status).inc()
        SECONDS.labels(method, route).observe(seconds)
        caller = scope["state"].get("caller")
        log.info(
            "http.request",
            request_id=self._request_id,
            method=method,
            route=route,
            status=self.status,
            ms=round(seconds * 1000, 1),
            app_id=caller.app_id if caller else None,
        )


def _answer_to_unexpected(request_id: str, error: Exception) -> ASGIApp:
    """503 while PostgreSQL is down; 500 for a bug, logged without its message, which may quote a
    person's e-mail."""
    if is_outage(error):
        log.warning("http.unavailable", request_id=request_id, error=type(error).__name__)
        return problem(request_id, "temporarily_unavailable")
    frames = traceback.extract_tb(error.__traceback__)
    log.error(
        "http.unexpected",
        request_id=request_id,
        error=type(error).__name__,
        frames=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]],
    )
    return problem(request_id, "internal_error")
