"""Short commands that use Temporal."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


def run_and_leave(act: Coroutine[object, object, T]) -> T:
    """Run a coroutine that uses a Temporal client, as the last action of a command."""
    return asyncio.run(_and_rest(act))


async def _and_rest(act: Coroutine[object, object, T]) -> T:
    try:
        return await act
    finally:
        # The SDK's threads outlive the client briefly; exiting during that aborts the interpreter.
        await asyncio.sleep(0.3)
