"""Keeps a person's former e-mail, phone and address, so that somebody who changes them is still
recognised.

The caller has locked the customer's row. No other customer's row is locked here."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.customers import Address
from domain.identity import Particular, particulars_of
from store.access.lasting_secret import key_for
from store.database import Transaction
from store.tables import Customer, ErasedMark, PersonMark, RefereeMark, metadata

KEPT_FOR = timedelta(days=365)
"""How long marks outlive an erasure, by default."""

_MARKS = metadata.tables[str(PersonMark.__tablename__)]
_NOTE = insert(_MARKS)
# A mark that is used again is current again; one that is given up keeps its age.
_NOTE = _NOTE.on_conflict_do_update(
    index_elements=["customer_id", "mark"],
    set_={"since": func.greatest(_MARKS.c.since, _NOTE.excluded.since)},
)


class Change(NamedTuple):
    """A customer's identifying values before and after."""

    customer_id: str
    created_at: datetime
    before: list[Particular]
    after: list[Particular]


def read(email: str | None, phone: str | None, address: dict[str, Any] | None) -> list[Particular]:
    """The identifying values in a customer's columns."""
    return particulars_of(email, phone, Address.model_validate(address) if address else None)


async def note(tx: Transaction, changes: Iterable[Change]) -> None:
    """Store the former values, and since when the current ones apply."""
    rows = []
    for change in changes:
        given_up = set(change.before) - set(change.after)
        taken_on = set(change.after) - set(change.before)
        rows += [_row(change.customer_id, one, change.created_at) for one in given_up]
        rows += [_row(change.customer_id, one, tx.now) for one in taken_on]
    if rows:
        await tx.session.execute(_NOTE, rows)


async def correct(tx: Transaction, change: Change) -> None:
    """The same when staff correct a wrong entry: the wrong value is forgotten, and free for its
    real owner."""
    wrong = [one.mark for one in set(change.before) - set(change.after)]
    for table in (PersonMark, RefereeMark):
        await tx.session.execute(
            delete(table).where(
                col(table.customer_id) == change.customer_id, col(table.mark).in_(wrong)
            )
        )
    await note(
        tx, [change._replace(before=[one for one in change.before if one.mark not in wrong])]
    )


async def clear(tx: Transaction, customer_id: str, kind: str) -> None:
    """A person has seen what the customer shares with somebody, and accepts it."""
    customer = await tx.session.get_one(Customer, customer_id)
    present = read(customer.email, customer.phone, customer.address)
    await note(tx, [Change(customer_id, customer.created_at, present, [])])
    marks = await tx.session.scalars(
        select(PersonMark).where(
            col(PersonMark.customer_id) == customer_id, col(PersonMark.kind) == kind
        )
    )
    for mark in marks:
        mark.cleared_at = tx.now


async def forget(tx: Transaction, customer: Customer, kept_for: timedelta) -> None:
    """Replace everything by keyed hashes, which are deleted after `kept_for`: until then, the
    person is recognised."""
    former = await tx.session.execute(
        delete(PersonMark)
        .where(col(PersonMark.customer_id) == customer.id)
        .returning(col(PersonMark.mark), col(PersonMark.kind))
    )
    marks = {mark: kind for mark, kind in former}
    present = read(customer.email, customer.phone, customer.address)
    marks |= {one.mark: one.kind for one in present}
    await tx.session.execute(delete(RefereeMark).where(col(RefereeMark.customer_id) == customer.id))
    if not marks or kept_for <= timedelta(0):
        return
    hashed = await keyed(tx, marks)
    rows = [
        {
            "customer_id": customer.id,
            "mark": hashed[mark],
            "kind": kind,
            "forget_at": tx.now + kept_for,
        }
        for mark, kind in marks.items()
    ]
    await tx.session.execute(insert(ErasedMark), rows)


async def purge(tx: Transaction) -> None:
    """Delete the hashes of erased customers that are old enough."""
    await tx.session.execute(delete(ErasedMark).where(col(ErasedMark.forget_at) <= tx.now))


async def keyed(tx: Transaction, marks: Iterable[str]) -> dict[str, str]:
    """The form in which each mark is kept once its customer is erased."""
    key = await key_for(tx, "marks of erased people")
    return {mark: hmac.digest(key, mark.encode(), "sha256").hex() for mark in marks}


def _row(customer_id: str, one: Particular, since: datetime) -> dict[str, Any]:
    return {
        "customer_id": customer_id,
        "mark": one.mark,
        "kind": one.kind,
        "value": one.value,
        "since": since,
    }
