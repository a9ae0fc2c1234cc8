"""Starts a temporary stack, plays the story on it, checks the books, stops it."""

import asyncio
import shutil
import signal
import tempfile
import time
from pathlib import Path
from types import FrameType

import httpx
from rich.console import Console

from cli.demo.client import DemoFailed, connect
from cli.demo.finance import check_books
from cli.demo.story import Story
from cli.stack import Ports, Stack, StackError

out = Console(highlight=False)


def run() -> int:
    """Run the demo; return the exit status, 0 only if all books agree to the cent."""
    signal.signal(signal.SIGTERM, _interrupt)
    began = time.monotonic()
    home = Path(tempfile.mkdtemp(prefix="guerdon-demo-"))
    try:
        with Stack(home, Ports.free(), say=_say) as stack:
            _say(f"Everything is running, after {time.monotonic() - began:.1f} s")
            _tell(stack)
            _say("Stopping all processes ...")
    except (StackError, DemoFailed) as error:
        out.print(
            f"error: {error}\nThe logs are in {home / 'logs'}",
            style="red",
            markup=False,
            soft_wrap=True,
        )
        return 1
    except KeyboardInterrupt:
        shutil.rmtree(home)
        return 130
    shutil.rmtree(home)
    out.print(f"Done in {time.monotonic() - began:.1f} s.")
    return 0


def _tell(stack: Stack) -> None:
    try:
        asyncio.run(_story(stack))
    except httpx.HTTPError as error:
        raise DemoFailed(f"the stack did not answer: {error!r}") from error
    except ExceptionGroup as errors:
        known, unknown = errors.split((DemoFailed, httpx.HTTPError))
        if unknown or not known:
            raise
        raise DemoFailed("; ".join(str(error) for error in known.exceptions)) from errors


async def _story(stack: Stack) -> None:
    async with connect(stack.info) as client:
        await Story(client, out).run()
        await check_books(client, stack.urls.simulator, out)


def _say(line: str) -> None:
    out.print(line, style="dim", markup=False, soft_wrap=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
