"""The simulator in a process of its own, and a receiver for its webhooks."""

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import uvicorn

START = (
    "import sys; from pathlib import Path; from simulator.server import run;"
    " run('127.0.0.1', int(sys.argv[1]), Path(sys.argv[2]))"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class SimulatorProcess:
    """Starts, kills and starts again on the same port and state."""

    def __init__(self, state: Path) -> None:
        self.state, self.port = state, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-c", START, str(self.port), str(self.state)]
        self.process = subprocess.Popen(command)
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/_control/hold").is_success:
                    return
            time.sleep(0.05)
        raise AssertionError("the simulator did not start")

    def end(self, by: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(by)
        return self.process.wait(10)


class Receiver:
    """An HTTP server that keeps what it is sent and answers `statuses`, then 200."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/hook"
        config = uvicorn.Config(
            self._app,
            port=self.port,
            log_level="warning",
            lifespan="off",
            ws="none",
            interface="asgi3",
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run)

    async def _app(self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        body = (await receive())["body"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.received.append((headers, body))
        status = self.statuses.pop(0) if self.statuses else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.received]

    def start(self) -> None:
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)


async def eventually(check: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Wait until `check` (a function, also async) gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        found = await found if isinstance(found, Awaitable) else found
        if found:
            return found
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.02)


async def token(client: httpx.AsyncClient) -> str:
    headers = {"Email": "buyer@example.com", "AccessToken": "secret"}
    answer = await client.post("/giftcard-partners/v1/Tokens", headers=headers)
    return str(answer.json()["Value"])


def partners_order(po_number: str, **changes: Any) -> dict[str, Any]:
    """The seed's own request; `changes` replace members of the order or of its line."""
    line = {
        "ProductId": "CVS",
        "Value": 15,
        "Quantity": 1,
        "DigitalDeliveryAddress": {"Email": "user@email.com"},
        "Personalization": {"To": "Customer", "FromName": "Marketing Team", "Message": "Thanks!"},
    }
    order: dict[str, Any] = {"Type": "DigitalDelivery", "PONumber": po_number}
    for name, value in changes.items():
        (order if name in ("Type", "WebhookSettings", "Note") else line)[name] = value
    return order | {"LineItems": [line]}
