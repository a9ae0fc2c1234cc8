"""Customers by the thousand: copied into a scratch table, then written in two statements.

Callers give at most a few thousand people a transaction, so that memory stays flat and nobody
waits long for a row.
"""

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
    """What became of the rows: how many things are new, how many were known and changed, and
    which rows were wrong (number, why)."""

    created: int
    updated: int
    wrong: list[tuple[int, str]]


async def overwrite(tx: Transaction, people: Iterable[tuple[int, Person]]) -> Written:
    """Write whole profiles, as Voucherify's CSV import does: what a row leaves out is emptied."""
    values = {name: f"arrived.{name}" for name in (*_PLAIN, "address", "attributes")}
    return await _write(tx, people, values)


async def merge(tx: Transaction, people: Iterable[tuple[int, Person]]) -> Written:
    """Merge the rows into what is stored, as one upsert after the other over HTTP does."""
    folded = await fold(tx, people)
    values = {name: f"COALESCE(arrived.{name}, stored.{name})" for name in _PLAIN}
    # A nameless customer gets its name here; one that is given stays.
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
    """What tells a person apart, as it was and as it is."""
    before, after = (changes.read(*row[which]) for which in ("before", "after"))
    return changes.Change(row["id"], datetime.fromisoformat(row["created_at"]), before, after)


async def copy_in(
    tx: Transaction, scratch: str, table: str, columns: Sequence[str], records: list[Any]
) -> None:
    """Make a scratch table of this transaction's own and COPY the records into it."""
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


# One line of the story for each person, in the statement that wrote them: both or neither.
_TOLD = """
told AS (
    INSERT INTO events (at, type, source, title, customer_id, data)
    SELECT CAST(:now AS timestamptz), 'customer.{what}', 'engine', 'Customer {what}', id,
        CAST('{{}}' AS jsonb)
    FROM written
    RETURNING 1
)
SELECT count(*){more} FROM told"""

# Of those who have other particulars now: as they were and as they are.
_CHANGED = """, (
    SELECT jsonb_agg(jsonb_build_object(
        'id', written.id, 'created_at', written.created_at,
        'before', jsonb_build_array(known.email, known.phone, known.address),
        'after', jsonb_build_array(written.email, written.phone, written.address)))
    FROM written JOIN known USING (id)
    WHERE (known.email, known.phone, known.address)
        IS DISTINCT FROM (written.email, written.phone, written.address)
)"""

# First of all: a person whom somebody else is just creating is waited for, and then known. Each
# gets a moment of its own, for Voucherify's clients page through customers by `created_at`.
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
    """Known persons whose profile changes. The last row about a person wins, as it would one
    after the other; to merge, rows are folded first. People are locked in one order, for two
    files may hold the same."""
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
