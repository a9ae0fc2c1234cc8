"""Stages the provider's lines of one run with COPY, in a table of their own.

The position is stored in the run's row, in the transaction that stages the lines: a killed run
continues after its last commit, and no line is staged twice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from domain.orders import OrderSnapshot
from domain.reconciliation import Line
from store.database import Database
from store.reconciliation.bulk import bulk


def line_of(order: OrderSnapshot) -> Line:
    """The line of an order that the provider listed."""
    face, charged = order.face, order.charged
    return Line(
        order.key,
        order.provider_order_id,
        order.state,
        face.amount if face else None,
        face.currency if face else None,
        charged.amount if charged else None,
        charged.currency if charged else None,
        order.created_at,
    )


COLUMNS = ("slice", *Line._fields)
_ID = re.compile(r"[a-z]+_[0-9a-z]{26}")


def table_of(reconciliation_id: str) -> str:
    """The name of a run's own table."""
    if not _ID.fullmatch(reconciliation_id):
        raise ValueError(f"no id: {reconciliation_id!r}")
    return f"lines_of_{reconciliation_id}"


async def create(connection: Any, reconciliation_id: str) -> None:
    """Create the run's table.

    Lines have no identity here, because a book may contain one twice. Without autovacuum: the table
    is never updated."""
    await connection.execute(
        f"CREATE TABLE IF NOT EXISTS {table_of(reconciliation_id)} ("
        " slice integer NOT NULL, key text, provider_order_id text NOT NULL, state text NOT NULL,"
        " face bigint, currency text, charged bigint, charged_currency text,"
        " created_at timestamptz) WITH (autovacuum_enabled = off)"
    )


async def copy(connection: Any, reconciliation_id: str, slice_: int, lines: Sequence[Line]) -> None:
    """Stage lines of a slice."""
    await connection.copy_records_to_table(
        table_of(reconciliation_id),
        records=((slice_, *line) for line in lines),
        columns=COLUMNS,
    )


async def restart_slice(database: Database, reconciliation_id: str, slice_: int) -> int:
    """Delete the lines of a slice that was not finished; return how many lines of other slices are
    staged."""
    table = table_of(reconciliation_id)
    async with bulk(database) as connection, connection.transaction():
        await create(connection, reconciliation_id)
        await connection.execute(f"DELETE FROM {table} WHERE slice >= $1", slice_)
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))


async def forget_repeats(database: Database, reconciliation_id: str) -> None:
    """Keep one line per order if a shifting page has shown it twice. Only for listed lines: a
    statement that bills an order twice means it."""
    table = table_of(reconciliation_id)
    async with bulk(database) as connection:
        await connection.execute(
            f"DELETE FROM {table} a USING (SELECT provider_order_id, min(ctid) AS first"
            f" FROM {table} GROUP BY 1 HAVING count(*) > 1) b"
            " WHERE a.provider_order_id = b.provider_order_id AND a.ctid <> b.first"
        )


async def drop(database: Database, reconciliation_id: str) -> None:
    """Drop the run's table: the differences are in its items."""
    async with bulk(database) as connection:
        await connection.execute(f"DROP TABLE IF EXISTS {table_of(reconciliation_id)}")
