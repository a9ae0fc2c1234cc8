"""Imports a file of customers or codes of any length for the command line, in constant memory.

The action's row stores how many bytes are processed. The same file, recognised by its digest,
continues there: after a kill, repeat the same command."""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import IO, Any

from sqlalchemy import select
from sqlmodel import col

from domain.ids import Prefix, new_id
from domain.spreadsheets import delimiter_of, delimiter_said, encoding_of
from store.campaigns import queries as campaigns
from store.database import Database, Transaction
from store.imports.handlers import CODES_CSV, CUSTOMERS_CSV, deal, handling
from store.imports.jobs import PART, advance, finish, lock
from store.tables import AsyncAction

_BLOCK = 1 << 20

Tell = Callable[[int, AsyncAction], None]
"""Called with (bytes done, action) after each part."""


async def import_customers(database: Database, path: Path, tell: Tell) -> AsyncAction:
    """Import the whole file. Raises WrongHeader, WrongFile and csv.Error."""
    return await _import(database, path, tell, CUSTOMERS_CSV)


async def import_codes(database: Database, campaign: str, path: Path, tell: Tell) -> AsyncAction:
    """The same for codes of a campaign, named by its id or name. Raises NotFound too."""
    campaign_id = (await database.read(campaigns.find, campaign)).campaign.id
    return await _import(database, path, tell, CODES_CSV, campaign_id=campaign_id)


async def _import(
    database: Database, path: Path, tell: Tell, kind: str, **into: str
) -> AsyncAction:
    with _in_utf8(path) as file:
        lines = _Lines(file)
        asked = AsyncAction(
            id=new_id(Prefix.ASYNC_ACTION),
            type=kind,
            digest=_digest(path, *into.values()),
            parameters={"header": lines.header(), **into},
        )
        # Checked here, so that no action is created for an unreadable file.
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


@contextmanager
def _in_utf8(path: Path) -> Iterator[IO[bytes]]:
    """The file, or a copy of it in UTF-8: always the same bytes, so that they can be counted."""
    with path.open("rb") as file, tempfile.TemporaryFile() as copy:
        encoding = encoding_of(iter(lambda: file.read(_BLOCK), b""))
        file.seek(0)
        if encoding.startswith("utf-8"):
            yield file
            return
        text = io.TextIOWrapper(file, encoding, newline="")
        with io.TextIOWrapper(copy, "utf-8", newline="") as copied:
            shutil.copyfileobj(text, copied, _BLOCK)
            copied.flush()
            copy.seek(0)
            yield copy


class _Lines:
    """The file's lines, counted in bytes, so that reading can continue at one of them."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._position = 0
        self._delimiter = ","

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline()
        if not line:
            raise StopIteration
        start, self._position = self._position, self._position + len(line)
        return line.decode("utf-8-sig" if start == 0 else "utf-8")

    def header(self) -> list[str]:
        """The first row, which defines the columns."""
        first = next(self, "")
        said = delimiter_said(first)
        line = next(self, "") if said else first
        self._delimiter = said or delimiter_of(line)
        return next(self._rows([line]), [])

    def _rows(self, before: list[str]) -> Iterator[list[str]]:
        # Strict, because a quote that is never closed would swallow the rest of the file.
        return csv.reader(chain(before, self), delimiter=self._delimiter, strict=True)

    def seek(self, position: int) -> None:
        self._file.seek(position)
        self._position = position

    def rows(self, count: int) -> tuple[list[list[str]], int]:
        """Up to `count` rows, and the byte after the last of them. Skips empty lines."""
        rows: list[list[str]] = []
        for row in self._rows([]):
            if row:
                rows.append(row)
            if len(rows) == count:
                break
        return rows, self._position


async def _accepted(database: Database, asked: AsyncAction) -> AsyncAction:
    """The unfinished action that this file started before; else a new one."""
    async with database.transaction() as tx:
        statement = select(AsyncAction).where(col(AsyncAction.digest) == asked.digest)
        before = await tx.session.scalar(statement)
        if before is not None and before.finished_at is None:
            return before
        if before is not None:
            # It was imported before: the file may be imported again, as a new action.
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
    """Of the file and its target: the same codes may next be imported into another campaign."""
    hashed = sha256("".join(into).encode())
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            hashed.update(block)
    return hashed.hexdigest()
