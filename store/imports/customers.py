"""Imports customers in bulk: copied into a temporary table, then written by two statements.

Callers pass at most a few thousand people per transaction, so that memory stays constant and row
locks are short."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy import text

from domain.customers import Person
from domain.ids import Prefix, new_id
from store.database import Transaction
from store.imports.fold_people import fold
from store.marks import changes

_PLAIN = ("name", "email", "phone", "description", "birthdate")
_COLUMNS = ("number", "new_id", "id", "source_id", *_PLAIN, "address", "attributes")
_SCRATCH = """
CREATE TEMP TABLE arriving (
    number int, new_id text, id text, source_id text, name text, email text, phone text,
    description text, birthdate date, address jsonb, attributes jsonb
) ON COMMIT DROP"""


class Written(NamedTuple):
    """The result: how many rows were created, how many existing ones changed, and which rows were
    wrong (number, why)."""

    created: int
    updated: int
    wrong: list[tuple[int, str]]


async def overwrite(tx: Transaction, people: Iterable[tuple[int, Person]]) -> Written:
    """Write whole profiles, as Voucherify's CSV import does: what a row leaves out is cleared."""
    values = {name: f"arrived.{name}" for name in (*_PLAIN, "address", "attributes")}
    return await _write(tx, people, values)


async def merge(tx: Transaction, people: Iterable[tuple[int, Person]]) -> Written:
    """Merge the rows into what is stored, like one upsert after the other over HTTP."""
    folded = await fold(tx, people)
    values = {name: f"COALESCE(arrived.{name}, stored.{name})" for name in _PLAIN}
    # A nameless customer gets its source_id here; an existing one stays.
    values["source_id"] = "COALESCE(stored.source_id, arrived.source_id)"
    values["address"] = (
        "CASE WHEN arrived.address IS NULL THEN stored.address "
        "ELSE COALESCE(stored.address, '{}') || arrived.address END"
    )
    values["attributes"] = "stored.attributes || arrived.attributes"
    written = await _write(tx, folded.people, values)
    return written._replace(wrong=[*folded.wrong, *written.wrong])


async def _write(
    tx: Transaction, people: Iterable[tuple[int, Person]], values: dict[str, str]
) -> Written:
    await copy_in(tx, _SCRATCH, "arriving", _COLUMNS, [_record(*row) for row in people])
    created = await tx.session.execute(text(_INSERT), {"now": tx.now})
    await tx.session.execute(text(_RECOGNISE))
    unknown = await tx.session.scalars(text(_UNKNOWN))
    found = await tx.session.execute(text(_update(values)), {"now": tx.now})
    updated, changed = found.one()
    await changes.note(tx, (_change(row) for row in changed or []))
    wrong = [(number, "id: is not a customer's") for number in unknown]
    return Written(created.scalar_one(), updated, wrong)


def _change(row: dict[str, Any]) -> changes.Change:
    """A person's identifying values, before and after."""
    before, after = (changes.read(*row[which]) for which in ("before", "after"))
    return changes.Change(row["id"], datetime.fromisoformat(row["created_at"]), before, after)


async def copy_in(
    tx: Transaction, scratch: str, table: str, columns: Sequence[str], records: list[Any]
) -> None:
    """Create a temporary table for this transaction and COPY the records into it."""
    await tx.session.execute(text(f"DROP TABLE IF EXISTS pg_temp.{table}"))
    await tx.session.execute(text(scratch))
    connection = await (await tx.session.connection()).get_raw_connection()
    driver: asyncpg.Connection = connection.driver_connection
    await driver.copy_records_to_table(table, records=records, columns=list(columns))


def _record(number: int, person: Person) -> tuple[Any, ...]:
    address = person.address.model_dump(exclude_none=True) if person.address else None
    return (
        number,
        new_id(Prefix.CUSTOMER),
        person.id,
        person.source_id,
        *(getattr(person, name) for name in _PLAIN),
        json.dumps(address) if address else None,
        json.dumps(person.metadata),
    )


# One event per person, in the statement that wrote them: both or neither.
_TOLD = """
told AS (
    INSERT INTO events (at, type, source, title, customer_id, data)
    SELECT CAST(:now AS timestamptz), 'customer.{what}', 'engine', 'Customer {what}', id,
        CAST('{{}}' AS jsonb)
    FROM written
    RETURNING 1
)
SELECT count(*){more} FROM told"""

# People whose e-mail, phone or address changed: before and after.
_CHANGED = """, (
    SELECT jsonb_agg(jsonb_build_object(
        'id', written.id, 'created_at', written.created_at,
        'before', jsonb_build_array(known.email, known.phone, known.address),
        'after', jsonb_build_array(written.email, written.phone, written.address)))
    FROM written JOIN known USING (id)
    WHERE (known.email, known.phone, known.address)
        IS DISTINCT FROM (written.email, written.phone, written.address)
)"""

# This comes first: a person being created by somebody else is waited for, and then exists. Each row
# gets its own timestamp, because Voucherify's clients page through customers by `created_at`.
_INSERT = f"""
WITH written AS (
    INSERT INTO customers (id, source_id, {", ".join(_PLAIN)}, address, attributes, created_at)
    SELECT DISTINCT ON (source_id)
        new_id, source_id, {", ".join(_PLAIN)}, address, attributes,
        CAST(:now AS timestamptz) + number % 5000 * interval '1 microsecond'
    FROM arriving WHERE id IS NULL ORDER BY source_id, number DESC
    ON CONFLICT (source_id) DO NOTHING
    RETURNING id
),
{_TOLD.format(what="created", more="")}"""

_RECOGNISE = """
UPDATE arriving SET id = customers.id FROM customers
WHERE arriving.id IS NULL AND customers.source_id = arriving.source_id"""

_UNKNOWN = """
SELECT number FROM arriving
WHERE NOT EXISTS (
    SELECT FROM customers WHERE customers.id = arriving.id AND customers.erased_at IS NULL
) ORDER BY number"""


def _update(values: dict[str, str]) -> str:
    """Update existing persons whose profile changes. The last row about a person wins, as in
    sequence; rows to merge are folded first. People are locked in one order, because two files may
    contain the same ones."""
    assignments = ", ".join(f"{name} = {value}" for name, value in values.items())
    before, after = ", ".join(f"stored.{name}" for name in values), ", ".join(values.values())
    return f"""
    WITH arrived AS (SELECT DISTINCT ON (id) * FROM arriving ORDER BY id, number DESC),
    known AS (
        SELECT stored.id, stored.email, stored.phone, stored.address
        FROM customers stored JOIN arrived USING (id)
        WHERE erased_at IS NULL AND ({before}) IS DISTINCT FROM ({after})
        ORDER BY stored.id FOR UPDATE OF stored
    ),
    written AS (
        UPDATE customers stored SET {assignments}, updated_at = CAST(:now AS timestamptz)
        FROM known JOIN arrived USING (id)
        WHERE stored.id = known.id
        RETURNING stored.id, stored.created_at, stored.email, stored.phone, stored.address
    ),
    {_TOLD.format(what="updated", more=_CHANGED)}"""
