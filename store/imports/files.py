"""A file of customers or codes, read by the command line itself: as long as it may be, in flat
memory.

The action's row knows how many bytes are dealt with. The same file, by its digest, goes on
there: whoever was killed in the middle types the same command again.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import select
from sqlmodel import col

from domain.ids import Prefix, new_id
from store.campaigns import queries as campaigns
from store.database import Database, Transaction
from store.imports.handlers import CODES_CSV, CUSTOMERS_CSV, deal, handling
from store.imports.jobs import PART, advance, finish, lock
from store.tables import AsyncAction

Tell = Callable[[int, AsyncAction], None]
"""Hears (bytes done, action) after each part."""


async def import_customers(database: Database, path: Path, tell: Tell) -> AsyncAction:
    """Read the file to its end. Raises WrongHeader, and UnicodeDecodeError for what is not
    UTF-8."""
    return await _import(database, path, tell, CUSTOMERS_CSV)


async def import_codes(database: Database, campaign: str, path: Path, tell: Tell) -> AsyncAction:
    """The same for codes of a campaign, named by its id or name. Raises NotFound too."""
    async with database.reading() as session:
        campaign_id = (await campaigns.find(session, campaign)).campaign.id
    return await _import(database, path, tell, CODES_CSV, campaign_id=campaign_id)


async def _import(
    database: Database, path: Path, tell: Tell, kind: str, **into: str
) -> AsyncAction:
    with path.open("rb") as file:
        lines = _Lines(file)
        asked = AsyncAction(
            id=new_id(Prefix.ASYNC_ACTION),
            type=kind,
            digest=_digest(path, *into.values()),
            parameters={"header": next(csv.reader(lines), []), **into},
        )
        # Here, for a file that nothing can be read of is none to write down.
        read, write = handling(asked)
        action = await _accepted(database, asked)
        if action.position:
            lines.seek(action.position)
        while action.finished_at is None:
            rows, position = lines.rows(PART)
            async with database.transaction() as tx:
                action = await lock(tx, action.id)
                advance(tx, action, await deal(tx, read, write, action.done, rows))
                action.position = position
                if len(rows) < PART:
                    action.total = action.done
                    finish(tx, action)
            tell(position, action)
    return action


class _Lines:
    """The file's lines, counted in bytes, so that reading can go on at one of them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._position = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline()
        if not line:
            raise StopIteration
        start, self._position = self._position, self._position + len(line)
        return line.decode("utf-8-sig" if start == 0 else "utf-8")

    def seek(self, position: int) -> None:
        self._file.seek(position)
        self._position = position

    def rows(self, count: int) -> tuple[list[list[str]], int]:
        """Up to `count` rows, and the byte after the last of them. Empty lines are none."""
        rows: list[list[str]] = []
        for row in csv.reader(self):
            if row:
                rows.append(row)
            if len(rows) == count:
                break
        return rows, self._position


async def _accepted(database: Database, asked: AsyncAction) -> AsyncAction:
    """The action that this file began before, if it was not finished; else a new one."""
    async with database.transaction() as tx:
        statement = select(AsyncAction).where(col(AsyncAction.digest) == asked.digest)
        before = await tx.session.scalar(statement)
        if before is not None and before.finished_at is None:
            return before
        if before is not None:
            # Imported before: the file may be imported again, as a new action.
            before.digest = None
            await tx.session.flush()
        return _written_down(tx, asked)


def _written_down(tx: Transaction, action: AsyncAction) -> AsyncAction:
    action.created_at = tx.now
    tx.session.add(action)
    data: dict[str, Any] = {"action_id": action.id}
    tx.record("action.accepted", f"Accepted: {action.type}", data=data)
    return action


def _digest(path: Path, *into: str) -> str:
    """Of the file, and of where it goes: the same codes may belong to another campaign next."""
    hashed = sha256("".join(into).encode())
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hashed.update(block)
    return hashed.hexdigest()
