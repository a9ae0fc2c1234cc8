"""A file of customers, read by the command line itself: as long as it may be, in flat memory.

The action's row knows how many bytes are dealt with. The same file, by its digest, goes on
there: whoever was killed in the middle types the same command again.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select
from sqlmodel import col

from domain.ids import Prefix, new_id
from domain.imports import reader
from store import mass
from store.actions import PART, advance, finish, lock
from store.database import Database
from store.imports import CUSTOMERS_CSV, deal
from store.tables import AsyncAction


async def import_customers(
    database: Database, path: Path, tell: Callable[[int, AsyncAction], None]
) -> AsyncAction:
    """Read the file to its end; `tell` hears (bytes done, action) after each part. Raises
    WrongHeader, and UnicodeDecodeError for what is not UTF-8."""
    action = await _action(database, _digest(path))
    with path.open("rb") as file:
        lines = _Lines(file)
        header = next(csv.reader(lines), [])
        read = reader(header)
        if action.position:
            lines.seek(action.position)
        while action.finished_at is None:
            rows, position = lines.rows(PART)
            async with database.transaction() as tx:
                action = await lock(tx, action.id)
                advance(tx, action, await deal(tx, read, mass.overwrite, action.done, rows))
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


async def _action(database: Database, digest: str) -> AsyncAction:
    async with database.transaction() as tx:
        statement = select(AsyncAction).where(col(AsyncAction.digest) == digest)
        action = await tx.session.scalar(statement)
        if action is not None and action.finished_at is None:
            return action
        if action is not None:
            # Imported before: the file may be imported again, as a new action.
            action.digest = None
            await tx.session.flush()
        action = AsyncAction(
            id=new_id(Prefix.ASYNC_ACTION),
            type=CUSTOMERS_CSV,
            digest=digest,
            created_at=tx.now,
        )
        tx.session.add(action)
        tx.record("action.accepted", f"Accepted: {action.type}", data={"action_id": action.id})
        return action


def _digest(path: Path) -> str:
    hashed = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hashed.update(block)
    return hashed.hexdigest()
