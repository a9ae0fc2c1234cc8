"""Finds codes as people type them: in other case, with spaces and dashes, or within a pasted
link."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlmodel import col

from domain.codes import code_typed
from store.database import Database
from store.references import voucher_of_code
from store.tables import Voucher

_MOST = 50_000
_known: WeakKeyDictionary[Database, set[str]] = WeakKeyDictionary()
"""Cache of codes that were found exactly as typed. A code is never renamed, so busy codes are
looked up once per process."""


async def as_stored(database: Database, typed: str) -> str:
    """The code that is meant: the exact one if it exists, else the one that matches ignoring case,
    spaces and dashes, else the typed text."""
    code = code_typed(typed)
    known = _known.setdefault(database, set())
    if code in known:
        return code
    async with database.reading() as session:
        statement = select(col(Voucher.code)).where(col(Voucher.id) == voucher_of_code(code))
        found = await session.scalar(statement)
    if found == code:
        if len(known) >= _MOST:
            known.clear()
        known.add(code)
    return found or code
