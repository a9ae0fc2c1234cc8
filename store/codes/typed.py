"""Codes as people type them: with other capitals, blanks, dashes, or within a pasted link."""

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
"""Codes that were found exactly as they were typed. A code is never renamed, so that the busy ones
are asked for once a process."""


async def as_stored(database: Database, typed: str) -> str:
    """The code that is meant: the very one where it exists, else the one that is read like it,
    else what was typed."""
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
