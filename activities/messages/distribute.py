"""Reads events and writes the messages that distributions ask for: a sweep of the workers."""

from __future__ import annotations

from temporalio.client import Client

from store.database import Database
from store.messages.planning import read_on
from store.messages.start import start_messages


async def distribute(database: Database, client: Client) -> None:
    """Read all events that there are. Idempotent: an event is read once, by the position."""
    has_more = True
    while has_more:
        planning = await read_on(database)
        await start_messages(client, planning.written)
        has_more = planning.has_more
