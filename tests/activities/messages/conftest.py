"""Messages over real parts: PostgreSQL and a mail server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from store.database import Database
from tests.messaging import Mailing, mailing


@pytest_asyncio.fixture
async def post(database: Database) -> AsyncIterator[Mailing]:
    """The activity that sends, with a mailbox."""
    async with mailing(database) as opened:
        yield opened
