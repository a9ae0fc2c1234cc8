"""A copy of the stack's database as it is now, served by an API of its own."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

import asyncpg
import httpx
from sqlalchemy.engine import make_url

from cli.stack.child import Child
from cli.stack.ports import LOOPBACK, Ports
from cli.stack.stack import Stack

_STARTS_WITHIN = 60.0


class Twin:
    """A context manager. Nobody else may be connected to the database when it is entered."""

    def __init__(self, stack: Stack, name: str) -> None:
        self._stack, self._name = stack, name
        own = make_url(stack.urls.database).set(database=name)
        self.database = own.render_as_string(hide_password=False)
        self._port = Ports.free().resolve().api
        self.url = f"http://{LOOPBACK}:{self._port}"

    async def __aenter__(self) -> Self:
        url = make_url(self._stack.urls.database)
        admin = url.set(database="postgres").render_as_string(hide_password=False)
        connection = await asyncpg.connect(admin)
        await connection.execute(f"DROP DATABASE IF EXISTS {self._name}")
        await connection.execute(
            f"CREATE DATABASE {self._name} TEMPLATE {url.database} STRATEGY FILE_COPY", timeout=600
        )
        await connection.close()
        self._api = self._stack.another_api(self._port, self.database)
        self._api.start()
        self._wait(self._api)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._api.send(self._api.stop_signal)
        self._api.wait()

    def _wait(self, api: Child) -> None:
        deadline = time.monotonic() + _STARTS_WITHIN
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.2)
        raise TimeoutError(f"the second API did not start:\n{api.last_lines()}")
