"""Creates or updates the person of a request in one statement.

The row stays locked until the transaction ends, so two requests about one person run one after the
other; join-once and the limits per customer depend on it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Text,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.exc import IntegrityError

from domain.customers import Person
from domain.ids import Prefix, new_id
from domain.refusals import AlreadyExists, existing
from store import metadata_schemas
from store.database import Transaction
from store.marks import changes
from store.tables import Customer, metadata

CUSTOMERS = metadata.tables[str(Customer.__tablename__)]
_PLAIN = ("name", "email", "phone", "description", "birthdate")
_NEW = {
    **{name: bindparam(f"new_{name}", type_=CUSTOMERS.c[name].type) for name in _PLAIN},
    "address": bindparam("new_address", type_=JSONB(none_as_null=True)),
    "attributes": bindparam("new_attributes", type_=JSONB()),
}
_NOW = bindparam("now", type_=CUSTOMERS.c.created_at.type)


def _merged() -> dict[str, Any]:
    """SET: given values replace, others stay; address and metadata are merged by member."""
    stored, none = CUSTOMERS.c, literal({}, JSONB())
    values: dict[str, Any] = {name: func.coalesce(_NEW[name], stored[name]) for name in _PLAIN}
    address = func.coalesce(stored.address, none).op("||")(_NEW["address"])
    values["address"] = func.coalesce(address, stored.address)
    values["attributes"] = stored.attributes.op("||")(_NEW["attributes"])
    changed = or_(*(stored[name].is_distinct_from(value) for name, value in values.items()))
    return values | {"updated_at": case((changed, _NOW), else_=stored.updated_at)}


_KNOWN_AS = ("email", "phone", "address")
_Before = CUSTOMERS.alias("before")


def _before(known: ColumnElement[bool]) -> list[Any]:
    """Columns with the e-mail, phone and address from before the statement."""
    columns = (_Before.c[name] for name in _KNOWN_AS)
    return [
        select(column).where(known).scalar_subquery().label(f"before_{column.name}")
        for column in columns
    ]


_BY_SOURCE_ID = (
    insert(CUSTOMERS)
    .values(id=bindparam("id"), source_id=bindparam("source_id"), created_at=_NOW, **_NEW)
    .on_conflict_do_update(index_elements=["source_id"], set_=_merged())
    .returning(*CUSTOMERS.c, *_before(_Before.c.source_id == bindparam("source_id")))
)
_BY_ID = (
    update(CUSTOMERS)
    .where(CUSTOMERS.c.id == bindparam("key"), CUSTOMERS.c.erased_at.is_(None))
    .returning(*CUSTOMERS.c, *_before(_Before.c.id == bindparam("key")))
)
_UPDATE = _BY_ID.values(**_merged())
_UPDATE_AND_NAME = _BY_ID.values(
    source_id=func.coalesce(CUSTOMERS.c.source_id, bindparam("source_id")), **_merged()
)

CustomerRow = Row[Any]
"""A row of the customers table, columns by name."""


async def upsert(
    tx: Transaction, person: Person, pointer: str = "/customer", *, corrects: bool = False
) -> CustomerRow:
    """Create the person, or merge what is given into the stored one.

    `pointer`: the person's place in the request. `corrects`: staff correct wrong entries.

    Raises InvalidPayload for metadata that do not fit their schema, NotFound for an `id` that is
    not ours, AlreadyExists if the `source_id` for a nameless customer belongs to another."""
    row = await (_update(tx, person) if person.id else _insert(tx, person))
    new = row.created_at == tx.now
    if new or person.metadata:
        await metadata_schemas.check(tx, "customer", row.attributes, f"{pointer}/metadata")
    if new:
        tx.record("customer.created", "Customer created", customer_id=row.id)
    elif row.updated_at == tx.now:
        tx.record("customer.updated", "Customer updated", customer_id=row.id)
        await _note_change(tx, row, corrects)
    return row


async def empty(
    tx: Transaction, id: str, names: Collection[str], lines: Collection[str], *, corrects: bool
) -> CustomerRow:
    """Clear these columns, and these lines of the address, of an existing customer."""
    values: dict[str, Any] = dict.fromkeys(names)
    if lines and "address" not in names:
        values["address"] = CUSTOMERS.c.address.op("-")(cast(list(lines), ARRAY(Text)))
    row = (await tx.session.execute(_BY_ID.values(**values, updated_at=tx.now), {"key": id})).one()
    tx.record("customer.updated", "Customer updated", customer_id=id)
    await _note_change(tx, row, corrects)
    return row


async def _note_change(tx: Transaction, row: CustomerRow, corrects: bool) -> None:
    """Record a change of e-mail, phone or address: the old ones still identify the person."""
    before = changes.read(row.before_email, row.before_phone, row.before_address)
    after = changes.read(row.email, row.phone, row.address)
    change = changes.Change(row.id, row.created_at, before, after)
    if before != after:
        await (changes.correct(tx, change) if corrects else changes.note(tx, [change]))


async def _insert(tx: Transaction, person: Person) -> CustomerRow:
    parameters = {"id": new_id(Prefix.CUSTOMER), "source_id": person.source_id}
    result = await tx.session.execute(_BY_SOURCE_ID, parameters | _given(tx, person))
    return result.one()


async def _update(tx: Transaction, person: Person) -> CustomerRow:
    parameters = _given(tx, person) | {"key": person.id}
    try:
        if person.source_id is None:
            result = await tx.session.execute(_UPDATE, parameters)
        else:
            parameters["source_id"] = person.source_id
            result = await tx.session.execute(_UPDATE_AND_NAME, parameters)
    except IntegrityError:
        raise AlreadyExists("Another customer has this source_id.", field="/source_id") from None
    return existing(result.one_or_none(), "customer", person.id or "")


def _given(tx: Transaction, person: Person) -> dict[str, Any]:
    address = person.address.model_dump(exclude_none=True) if person.address else None
    return {
        "now": tx.now,
        "new_address": address or None,
        "new_attributes": person.metadata,
        **{f"new_{name}": getattr(person, name) for name in _PLAIN},
    }
