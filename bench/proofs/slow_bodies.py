"""Bodies that come drop by drop, and bodies as large as is allowed and larger, in each role, beside
everything else that the fuzzer sends."""

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
"""Seconds within which an answer must come: the API cuts a body off after 15 and some."""
_DROP_EVERY = 0.3
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
    "people in UTF-16": lambda: ("[" + ",".join([_ROW.decode()] * 60_000) + "]").encode("utf-16"),
    "a list that does not end": lambda: b"[" + (_ROW + b",") * 150_000,
    "one megabyte": lambda: b'{"a":"' + b"x" * 990_000 + b'"}',
    "too large": lambda: b" " * 12 * _MB,
}
HUGE_FILES: dict[str, Callable[[], bytes]] = {
    "short rows": lambda: b"Source_id\n" + b"a\n" * 4_900_000,
    "commas": lambda: b"Source_id" + b"," * 9_900_000,
    "quotes": lambda: b'Source_id\n"' + b"x\n" * 4_900_000,
    "UTF-16": lambda: ("Source_id;Name\n" + "ü;é\n" * 1_200_000).encode("utf-16"),
    "nothing": lambda: b"\x00" * 9_900_000,
    "too large": lambda: b"Source_id\n" + b"a\n" * 6 * _MB,
}


@dataclass
class Bodies:
    """What was sent, and what was answered wrongly."""

    sent: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.sent.items()))
        return f"{kinds}; {len(self.wrong)} answered wrongly"


@contextmanager
def sent_beside(
    url: str, document: dict[str, Any], callers: list[dict[str, str]], seed: int
) -> Iterator[Bodies]:
    """Send them for the block's time. `callers`: the credentials of each role."""
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
                await _ask(client, _filled(odd, kind, dice), headers, kind, bodies)
                await asyncio.sleep(0.5)

        await asyncio.gather(
            *(keep_on("slow", number) for number in range(SLOW_AT_ONCE)),
            *(keep_on("huge", number) for number in range(HUGE_AT_ONCE)),
        )


def _filled(odd: Odd, kind: str, dice: random.Random) -> Odd:
    is_file = odd.media_type != "application/json"
    if kind == "slow":
        content = odd.content or b"{}"
        return odd._replace(what="slow", content=content)
    what, make = dice.choice(list((HUGE_FILES if is_file else HUGE_JSON).items()))
    content = make()
    if odd.media_type and odd.media_type.startswith("multipart/"):
        content = _HEAD + content + b"\r\n--odd--\r\n"
    return odd._replace(what=f"huge: {what}", content=content)


async def _ask(
    client: httpx.AsyncClient, odd: Odd, headers: dict[str, str], kind: str, bodies: Bodies
) -> None:
    content: Any = odd.content
    if kind == "slow" and odd.content is not None:
        content = _drops(odd.content)
        headers = headers | {"Content-Length": str(len(odd.content))}
    bodies.sent[kind] += 1
    try:
        answer = await client.request(
            odd.method, odd.url, content=content, headers=odd.headers | headers
        )
    except httpx.RemoteProtocolError:
        # Cut off: the API had answered, and the rest of the body never came.
        bodies.sent["cut off"] += 1
        return
    except httpx.TransportError as error:
        bodies.wrong.append(f"{odd.method} {odd.path}: {odd.what}: {type(error).__name__}")
        return
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    if found := wrong_with(odd, answer.status_code, media_type):
        bodies.wrong.append(f"{odd.method} {odd.path}: {odd.what}: {found}")


async def _drops(content: bytes) -> Any:
    """A byte at a time for as long as the API waits, and the rest at once."""
    for at in range(min(len(content) - 1, 80)):
        yield content[at : at + 1]
        await asyncio.sleep(_DROP_EVERY)
    yield content[min(len(content) - 1, 80) :]
