"""Time limits for connections that stop moving: each wait for a client ends.

uvicorn waits without limit for a request's headers, for the rest of a body after its answer, and
for a client that stops reading its answer. A few hundred such connections would use up the
process's file descriptors and memory."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, ClassVar, cast

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = structlog.get_logger(__name__)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with deadlines, in seconds, and a limit on half-open connections:
    those whose request headers are not complete."""

    headers_within: ClassVar[float] = 10.0
    rest_within: ClassVar[float] = 10.0
    """For the rest of a body after its answer was sent."""
    reads_within: ClassVar[float] = 20.0
    """A client that reads nothing of its answer for this long is disconnected."""
    most_half_open: ClassVar[int] = 256
    unread: ClassVar[int] = 131_072
    """Bytes of an answer that the kernel buffers for a slow client, approximately."""
    largest_headers: ClassVar[int] = 65_536
    _half_open: ClassVar[dict[BoundedProtocol, None]] = {}
    """Oldest first."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._receiving: asyncio.TimerHandle | None = None
        self._sending: asyncio.TimerHandle | None = None
        self._body_is_due = False
        self._overhead = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        connected: socket.socket | None = transport.get_extra_info("socket")
        if connected:
            # By default the kernel buffers megabytes that may never be read, but take time to
            # produce.
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.unread)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._half_open.pop(self, None)
        for timer in (self._receiving, self._sending):
            if timer:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._overhead += len(data)
        super().data_received(data)
        if self._overhead > self.largest_headers and not self.transport.is_closing():
            self._cut("headers_too_large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_headers()

    def on_headers_complete(self) -> None:
        self._half_open.pop(self, None)
        self._receive_by(None)
        self._body_is_due = True
        self._overhead = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        # Chunk sizes and trailers may be as long as the body itself, not longer.
        self._overhead -= 2 * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._body_is_due = False
        self._overhead = 0
        self._receive_by(None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            # It closes once its answer has been read.
            self._send_by(self.reads_within)
        elif self._body_is_due:
            self._receive_by(self.rest_within, "body_not_finished")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._send_by(self.reads_within)

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._send_by(None)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._send_by(self.reads_within)

    def _await_headers(self) -> None:
        if self in self._half_open:
            return
        self._half_open[self] = None
        self._receive_by(self.headers_within, "headers_not_finished")
        if len(self._half_open) > self.most_half_open:
            next(iter(self._half_open))._cut("too_many_half_open")

    def _receive_by(self, seconds: float | None, reason: str = "") -> None:
        if self._receiving:
            self._receiving.cancel()
        self._receiving = self.loop.call_later(seconds, self._cut, reason) if seconds else None

    def _send_by(self, seconds: float | None) -> None:
        if self._sending:
            self._sending.cancel()
        self._sending = self.loop.call_later(seconds, self._cut, "not_read") if seconds else None

    def _cut(self, reason: str) -> None:
        """End the connection at once: an orderly close would wait for the client again."""
        self._half_open.pop(self, None)
        log.info("http.connection_cut", reason=reason)
        self.transport.abort()
