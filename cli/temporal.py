"""Short commands that speak to Temporal and then end."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


def run_and_leave(act: Coroutine[object, object, T]) -> T:
    """Run a coroutine that uses a Temporal client, as the last thing that a command does."""
    return asyncio.run(_and_rest(act))


async def _and_rest(act: Coroutine[object, object, T]) -> T:
    try:
        return await act
    finally:
        # The SDK's threads outlive the client for a moment; leaving in it aborts the interpreter.
        await asyncio.sleep(0.3)
