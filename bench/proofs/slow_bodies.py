"""Bodies that arrive byte by byte, and bodies of the maximum size and larger, in each role, at the
same time as the fuzzer's requests."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from bench.proofs.odd_inputs import Odd, operations_with_bodies, wrong_with

SLOW_AT_ONCE, HUGE_AT_ONCE = 8, 1
PATIENCE = 90.0
"""Seconds within which an answer must come: the API aborts a body after about 15."""
_DROP_EVERY, DROPS = 0.3, 60
_MB = 1_000_000
_HEAD = b'--odd\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
_ROW = json.dumps({"source_id": "u", "name": "Zoë", "metadata": {"a": 1}}).encode()

HUGE_JSON: dict[str, Callable[[], bytes]] = {
    "empty objects": lambda: b"[" + b"{}," * 3_200_000 + b"{}]",
    "empty lists": lambda: b"[" + b"[]," * 3_200_000 + b"[]]",
    "numbers": lambda: b"[" + b"1," * 4_800_000 + b"1]",
    "brackets": lambda: b"[" * 9_900_000,
    "one text": lambda: b'"' + b"x" * 9_900_000 + b'"',
    "escapes": lambda: b'"' + b"\\u0041" * 1_600_000 + b'"',
    "one number": lambda: b"9" * 9_900_000,
    "long names": lambda: b"{" + b",".join(b'"%d":1' % n for n in range(900_000)) + b"}",
    "one wide row": lambda: b"[{" + b",".join(b'"%d":1' % n for n in range(900_000)) + b"}]",
    "long texts": lambda: b"[" + b",".join([b'{"a":"' + b"x" * 250_000 + b'"}'] * 38) + b"]",
    "people in UTF-16": lambda: ("[" + ",".join([_ROW.decode()] * 60_000) + "]").encode("utf-16"),
    "a list that does not end": lambda: b"[" + (_ROW + b",") * 150_000,
    "one megabyte": lambda: b'{"a":"' + b"x" * 990_000 + b'"}',
    "too large": lambda: b" " * 12 * _MB,
}
HUGE_FILES: dict[str, Callable[[], bytes]] = {
    "short rows": lambda: b"Source_id\n" + b"a\n" * 4_900_000,
    "commas": lambda: b"Source_id" + b"," * 9_900_000,
    "quotes": lambda: b'Source_id\n"' + b"x\n" * 4_900_000,
    "one wide row": lambda: b"Source_id" + b"," * 1_900_000,
    "wide rows": lambda: b"Source_id\n" + (b"," * 900_000 + b"\n") * 2,
    "cells with lines": lambda: b"Source_id\n" + b'"\n",' * 1_900_000,
    "Windows-1252": lambda: b"Source_id\n" + ("Jürgen\n" * 1_300_000).encode("cp1252"),
    "UTF-16": lambda: ("Source_id;Name\n" + "ü;é\n" * 1_200_000).encode("utf-16"),
    "nothing": lambda: b"\x00" * 9_900_000,
    "too large": lambda: b"Source_id\n" + b"a\n" * 6 * _MB,
}


@dataclass
class Bodies:
    """What was sent, and the wrong answers."""

    sent: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.sent.items()))
        return f"{kinds}; {len(self.wrong)} answered wrongly"


@contextmanager
def sent_beside(
    url: str, document: dict[str, Any], callers: list[dict[str, str]], seed: int
) -> Iterator[Bodies]:
    """Send them during the block. `callers`: the credentials of each role."""
    bodies, over = Bodies(), threading.Event()
    sending = threading.Thread(
        target=lambda: asyncio.run(_send(url, document, callers, seed, bodies, over))
    )
    sending.start()
    try:
        yield bodies
    finally:
        over.set()
        sending.join()


async def _send(
    url: str,
    document: dict[str, Any],
    callers: list[dict[str, str]],
    seed: int,
    bodies: Bodies,
    over: threading.Event,
) -> None:
    operations = operations_with_bodies(document)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:

        async def keep_on(kind: str, number: int) -> None:
            dice = random.Random(f"{seed} {kind} {number}")
            while not over.is_set():
                odd, headers = dice.choice(operations), dice.choice(callers)
                bodies.sent[kind] += 1
                said: tuple[int, str] | None
                if kind == "slow":
                    said = await _ask_slowly(url, odd, headers)
                else:
                    odd = _filled(odd, dice)
                    said = await _ask(client, odd, headers)
                if said is None:
                    bodies.sent["not answered"] += 1
                elif found := wrong_with(odd, *said):
                    bodies.wrong.append(f"{odd.method} {odd.path}: {odd.what}: {found}")
                await asyncio.sleep(0.5)

        await asyncio.gather(
            *(keep_on("slow", number) for number in range(SLOW_AT_ONCE)),
            *(keep_on("huge", number) for number in range(HUGE_AT_ONCE)),
        )


def _filled(odd: Odd, dice: random.Random) -> Odd:
    is_file = odd.media_type != "application/json"
    what, make = dice.choice(list((HUGE_FILES if is_file else HUGE_JSON).items()))
    content = make()
    if odd.media_type and odd.media_type.startswith("multipart/"):
        content = _HEAD + content + b"\r\n--odd--\r\n"
    return odd._replace(what=f"huge: {what}", content=content)


async def _ask(
    client: httpx.AsyncClient, odd: Odd, headers: dict[str, str]
) -> tuple[int, str] | None:
    """The answer's status and media type; None if the API closed the connection after a refusal."""
    try:
        answer = await client.request(
            odd.method, odd.url, content=odd.content, headers=odd.headers | headers
        )
    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
        return None
    return answer.status_code, answer.headers.get("content-type", "").partition(";")[0]


async def _ask_slowly(url: str, odd: Odd, headers: dict[str, str]) -> tuple[int, str]:
    """The same, one byte at a time. It reads while it sends, because the answer may come first."""
    content = odd.content or b"{}"
    target = httpx.URL(url).join(odd.url)
    head = f"{odd.method.upper()} {target.raw_path.decode()} HTTP/1.1\r\nHost: {target.host}\r\n"
    sent = odd.headers | headers | {"Content-Length": str(len(content)), "Connection": "close"}
    head += "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    reader, writer = await asyncio.open_connection(target.host, target.port)
    writer.write(head.encode() + b"\r\n")
    dripping = asyncio.create_task(_drip(writer, content))
    try:
        async with asyncio.timeout(PATIENCE):
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
        return 599, type(error).__name__
    finally:
        dripping.cancel()
        writer.transport.abort()
    kinds = [line for line in lines if line.startswith("content-type:")]
    kind = kinds[0].partition(":")[2].partition(";")[0].strip() if kinds else ""
    return int(lines[0].split()[1]), kind


async def _drip(writer: asyncio.StreamWriter, content: bytes) -> None:
    """One byte at a time for longer than the API waits, and the rest at once."""
    slow = min(len(content) - 1, DROPS)
    for at in range(slow):
        writer.write(content[at : at + 1])
        await asyncio.sleep(_DROP_EVERY)
    writer.write(content[slow:])
