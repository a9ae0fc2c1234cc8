"""The worker process: opens what it needs, runs until stopped, closes in reverse order."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import AsyncExitStack

import structlog
import uvloop
from temporalio.client import Client

from activities.messages.senders import open_senders
from activities.messages.settings import MessageSettings
from providers.registry import Opened, open_configured, sections
from store.access.vault import Vault
from store.database import Database
from store.logs import log_as_json
from store.orders.hints_line import HintsLine
from store.settings import StoreSettings, check_all, explain
from store.temporal.client import connect
from worker.build import build_workers
from worker.catalogues import keep_catalogues
from worker.settings import WorkerSettings
from worker.sweeps import keep_sweeping, sweeps

log = structlog.get_logger(__name__)


def run() -> None:
    """Run a worker until SIGTERM or SIGINT. Exits 2 for a wrong setting, and names it."""
    log_as_json()
    try:
        check_all(WorkerSettings, StoreSettings, MessageSettings, *sections())
        settings, store = WorkerSettings(), StoreSettings()
        vault = Vault(store.encryption_keys.get_secret_value())
        providers = open_configured(within=settings.timing.attempt.total_seconds())
    except ValueError as error:
        sys.stderr.write(f"guerdon worker: {explain(error)}\n")
        sys.exit(2)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work(settings, store, vault, providers))


async def _work(
    settings: WorkerSettings, store: StoreSettings, vault: Vault, providers: dict[str, Opened]
) -> None:
    async with AsyncExitStack() as opened:
        database = Database(store.database_url.get_secret_value(), pool=store.database_pool)
        opened.push_async_callback(database.dispose)
        for entry in providers.values():
            opened.push_async_callback(entry.provider.close)
        client = await _patiently_connect()
        hints = HintsLine(database)
        opened.push_async_callback(_stop, asyncio.create_task(hints.listen()))
        senders = open_senders(
            MessageSettings(), settings.outbound, allow_private=settings.allow_private_targets
        )
        opened.push_async_callback(senders.close)
        for worker in build_workers(client, database, vault, providers, settings, hints, senders):
            await opened.enter_async_context(worker)
        swept = sweeps(client, database, settings)
        opened.push_async_callback(_stop, asyncio.create_task(keep_sweeping(database, swept)))
        await keep_catalogues(client, providers)
        log.info("worker.started", providers=sorted(providers))
        await _until_stopped()
        log.info("worker.stopping")
    # The SDK's threads outlive the client briefly; exiting during that aborts the interpreter.
    await asyncio.sleep(0.3)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _patiently_connect() -> Client:
    """Connect, and retry: Temporal may start after the worker."""
    delay = 0.2
    while True:
        try:
            return await connect()
        except RuntimeError as error:
            log.warning("worker.temporal_unreachable", error=str(error))
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)


async def _until_stopped() -> None:
    # Handlers on the event loop: a plain signal handler might not wake it.
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await told.wait()
