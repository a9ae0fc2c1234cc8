"""What is kept of erased people: how often the person behind a `source_id` was erased, and the
keyed hash that replaces a caller's own id.

The same id gives the same hash, and without the deployment's lasting secret nobody can test guesses
against it."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from store.access.lasting_secret import key_for
from store.database import Transaction
from store.tables import ErasedName


async def count_erasure(tx: Transaction, source_id: str) -> None:
    """From now on this `source_id` belongs to another person."""
    (mark,) = (await _marks(tx, [source_id])).values()
    statement = insert(ErasedName).values(mark=mark, times=1)
    await tx.session.execute(
        statement.on_conflict_do_update(
            index_elements=[col(ErasedName.mark)], set_={"times": ErasedName.times + 1}
        )
    )


async def times_erased(tx: Transaction, source_ids: Iterable[str]) -> dict[str, int]:
    """The count for each of these ids."""
    marks = await _marks(tx, source_ids)
    found = await tx.session.execute(
        select(col(ErasedName.mark), col(ErasedName.times)).where(
            col(ErasedName.mark).in_(marks.values())
        )
    )
    times = {mark: count for mark, count in found}
    return {source_id: times.get(mark, 0) for source_id, mark in marks.items()}


async def _marks(tx: Transaction, source_ids: Iterable[str]) -> dict[str, str]:
    key = await key_for(tx, "erased source_ids")
    return {name: hmac.digest(key, name.encode(), "sha256").hex() for name in source_ids}


_PREFIX = "erased:"


async def erased_form(tx: Transaction, id: str) -> str:
    """The hash; an id that is a hash already is returned unchanged."""
    if id.startswith(_PREFIX):
        return id
    key = await key_for(tx, "ids of erased people")
    return _PREFIX + hmac.digest(key, id.encode(), "sha256").hex()[:32]
