"""A full garbage collection waits until no upload is in progress, and then always runs."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from api.http.garbage import collect_between


@contextmanager
def full_collections() -> Iterator[asyncio.Event]:
    """Set by the next collection of everything."""
    seen = asyncio.Event()

    def watch(phase: str, about: dict[str, Any]) -> None:
        if phase == "stop" and about["generation"] == 2:
            seen.set()

    young, middle, old = gc.get_threshold()
    gc.set_threshold(young, middle, 2**31 - 1)
    gc.callbacks.append(watch)
    try:
        yield seen
    finally:
        gc.callbacks.remove(watch)
        gc.set_threshold(young, middle, old)


async def test_the_heap_is_collected_as_soon_as_the_last_upload_is_done() -> None:
    uploads = asyncio.Semaphore(2)
    with full_collections() as collected:
        async with uploads:
            collecting = asyncio.create_task(collect_between(uploads, 2, every=0))
            while not uploads.locked():  # until the collector has the other place, and waits
                await asyncio.sleep(0)
            rows = [{"source_id": str(number)} for number in range(100_000)]
            assert not collected.is_set()
        del rows
        async with asyncio.timeout(60):
            await collected.wait()
        collecting.cancel()
