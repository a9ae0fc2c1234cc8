"""Outgoing webhooks: stored with the change that they report, sent until a 2xx or until given up.

A webhook that was sent but not marked as sent when the simulator died is sent again, as real
providers do."""

import asyncio
import time
from collections.abc import Callable

import httpx

from simulator.database import Database
from simulator.faults import Faults
from simulator.stats import Stats

RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
CONCURRENCY = 16
EARLY_SECONDS = 2.0
"""How long an order's answer waits for its early webhook."""

Sign = Callable[[str, str, bytes], dict[str, str]]
"""(provider, event id, body) to the headers that prove the sender."""


class Webhooks:
    """The queue in the database and the task that empties it."""

    def __init__(self, database: Database, stats: Stats, faults: Faults, sign: Sign) -> None:
        self._db = database
        self._stats = stats
        self._faults = faults
        self._sign = sign
        self._wake = asyncio.Event()
        self._sending: dict[int, asyncio.Task[None]] = {}
        self._ssl = httpx.create_ssl_context()
        self._idle: list[httpx.AsyncClient] = []

    def enqueue(self, provider: str, url: str, event_id: str, body: str) -> list[int]:
        """Queue one event (in the caller's transaction) and return its rows: none if lost."""
        fault = self._faults.for_hook(provider)
        if fault.lost:
            self._stats.count(provider, "webhooks_lost")
            return []
        due_at = time.time() + fault.late_seconds
        copies = 2 if fault.duplicate else 1
        self._wake.set()
        return [self._insert(provider, url, event_id, body, due_at) for _ in range(copies)]

    def _insert(self, provider: str, url: str, event_id: str, body: str, due_at: float) -> int:
        cursor = self._db.execute(
            "INSERT INTO hooks (provider, url, event_id, body, due_at) VALUES (?, ?, ?, ?, ?)",
            (provider, url, event_id, body, due_at),
        )
        return int(cursor.lastrowid or 0)

    async def run(self) -> None:
        """Send what is due, for ever."""
        while True:
            self._wake.clear()
            self._start_due()
            try:
                async with asyncio.timeout(self._seconds_to_next()):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def send_now(self, rows: list[int]) -> None:
        """Send these rows before anything else happens, for at most `EARLY_SECONDS`."""
        tasks = [self._sending.get(row) or self._start(row) for row in rows]
        if tasks:
            await asyncio.wait(tasks, timeout=EARLY_SECONDS)

    async def close(self) -> None:
        tasks = list(self._sending.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in self._idle:
            await client.aclose()

    def _start_due(self) -> None:
        free = CONCURRENCY - len(self._sending)
        rows = self._db.execute(
            "SELECT seq FROM hooks WHERE due_at <= ? ORDER BY due_at LIMIT ?",
            (time.time(), CONCURRENCY + 1),
        ).fetchall()
        for row in [row["seq"] for row in rows if row["seq"] not in self._sending][:free]:
            self._start(row)

    def _seconds_to_next(self) -> float | None:
        """None while every slot is taken: the end of a request wakes the queue."""
        if len(self._sending) >= CONCURRENCY:
            return None
        marks = ",".join("?" * len(self._sending))
        row = self._db.execute(
            f"SELECT min(due_at) FROM hooks WHERE seq NOT IN ({marks})",  # noqa: S608 - marks only
            tuple(self._sending),
        ).fetchone()
        return None if row[0] is None else max(0.0, row[0] - time.time())

    def _start(self, row: int) -> asyncio.Task[None]:
        task = asyncio.create_task(self._send(row))
        self._sending[row] = task
        task.add_done_callback(lambda _: self._finished(row))
        return task

    def _finished(self, row: int) -> None:
        self._sending.pop(row, None)
        self._wake.set()

    async def _send(self, row: int) -> None:
        hook = self._db.execute("SELECT * FROM hooks WHERE seq = ?", (row,)).fetchone()
        if hook is None:
            return
        body = hook["body"].encode()
        headers = self._sign(hook["provider"], hook["event_id"], body)
        headers["content-type"] = "application/json"
        delivered = await self._post(hook["url"], body, headers)
        self._record(row, hook["provider"], hook["attempts"], delivered)

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> bool:
        """One client with one connection per request: httpx would search a whole pool each time."""
        client = self._idle.pop() if self._idle else self._new_client()
        try:
            return (await client.post(url, content=body, headers=headers)).is_success
        except (httpx.HTTPError, httpx.InvalidURL):
            return False
        finally:
            self._idle.append(client)

    def _new_client(self) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=1)
        return httpx.AsyncClient(timeout=5.0, trust_env=False, verify=self._ssl, limits=limits)

    def _record(self, row: int, provider: str, attempts: int, delivered: bool) -> None:
        last = attempts >= len(RETRY_SECONDS)
        with self._db.transaction():
            if delivered or last:
                self._stats.count(provider, "webhooks_sent" if delivered else "webhooks_failed")
                self._db.execute("DELETE FROM hooks WHERE seq = ?", (row,))
                return
            self._stats.count(provider, "webhooks_retried")
            self._db.execute(
                "UPDATE hooks SET attempts = attempts + 1, due_at = ? WHERE seq = ?",
                (time.time() + RETRY_SECONDS[attempts], row),
            )

    def waiting(self, provider: str) -> int:
        row = self._db.execute("SELECT count(*) FROM hooks WHERE provider = ?", (provider,))
        return int(row.fetchone()[0])
