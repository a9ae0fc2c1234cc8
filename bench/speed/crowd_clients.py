"""The clients of `make bench-crowd`, in a separate process, so that their CPU is not counted as the
API's. Reads one line of JSON on stdin, prints one line once all clients are connected, and ends
with stdin."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass

UPLOADS, READERS, HALF_OPEN = 32, 40, 200
STANDS = 30.0
"""Seconds that one client stays, unless it is disconnected."""
_BIG = b"[" + b"{}," * 3_300_000 + b"{}]"


@dataclass(frozen=True)
class Crowd:
    """Stalled clients of one API."""

    port: int
    admin: str
    finance: str
    """The header lines with finance's credentials."""

    @asynccontextmanager
    async def around(self) -> AsyncIterator[None]:
        """Keep them connected during the block."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.speed.crowd_clients",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(asdict(self)).encode() + b"\n")
        await process.stdout.readline()
        try:
            yield
        finally:
            process.stdin.close()
            await process.wait()

    async def stand(self) -> None:
        """Run until cancelled."""
        upload = self._head("POST /v1/customers/importCSV", self.admin, "multipart/form-data")
        stalled = upload.replace("form-data", "form-data; boundary=b") + (
            "Content-Length: 5000000\r\n\r\n--b\r\nContent-Disposition: form-data; "
            'name="file"; filename="f.csv"\r\n\r\nSource_id\r\n'
        )
        csv = self._head("GET /v1/gift-card-orders", self.finance) + "Accept: text/csv\r\n\r\n"
        ways = [stalled] * UPLOADS + [csv] * READERS + ["GET / HTTP/1.1\r\nHost: a"] * HALF_OPEN
        async with asyncio.TaskGroup() as there:
            for way in ways:
                there.create_task(self._stand_still(way.encode(), reads=way is not csv))
            there.create_task(self._send_again_and_again())

    async def _stand_still(self, says: bytes, reads: bool) -> None:
        while True:
            with suppress(OSError, TimeoutError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=4096)
                try:
                    writer.write(says)
                    async with asyncio.timeout(STANDS):
                        await (reader.read() if reads else asyncio.Event().wait())
                finally:
                    writer.transport.abort()
            await asyncio.sleep(0.5)

    async def _send_again_and_again(self) -> None:
        head = self._head("POST /v1/customers/bulk/async", self.finance, "application/json")
        head += f"Content-Length: {len(_BIG)}\r\n\r\n"
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    writer.write(head.encode())
                    for start in range(0, len(_BIG), 65_536):
                        writer.write(_BIG[start : start + 65_536])
                        await writer.drain()
                    await reader.readline()
                finally:
                    writer.transport.abort()
            await asyncio.sleep(1)

    def _head(self, line: str, who: str, media_type: str = "") -> str:
        kind = f"Content-Type: {media_type}\r\n" if media_type else ""
        return f"{line} HTTP/1.1\r\nHost: 127.0.0.1\r\n{who}{kind}"


async def _main() -> None:
    crowd = Crowd(**json.loads(sys.stdin.readline()))
    standing = asyncio.create_task(crowd.stand())
    await asyncio.sleep(1)
    print("there", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    standing.cancel()
    await asyncio.gather(standing, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(_main())
