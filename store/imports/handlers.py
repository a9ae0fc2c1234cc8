"""What each type of asynchronous action does with its rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from domain.code_imports import code_described, code_reader
from domain.customers import Person
from domain.imports import WrongRow, described, reader
from store import metadata_schemas
from store.database import Database, Transaction
from store.imports import customers
from store.imports.codes import write_codes
from store.imports.jobs import Dealt, Failure, advance, next_part
from store.outage import is_refused_value
from store.tables import AsyncAction

CUSTOMERS_CSV = "CUSTOMERS.IMPORT_CSV"
CUSTOMERS_BULK = "CUSTOMERS.UPDATE"
CUSTOMERS_METADATA = "CUSTOMERS.METADATA_UPDATE"

CODES_LIST = "CAMPAIGN.VOUCHERS_IMPORT"
CODES_CSV = "CAMPAIGN.VOUCHERS_IMPORT_CSV"

Read = Callable[[Any], Any]
"""Parses a stored row. Raises WrongRow."""
Write = Callable[[Transaction, Iterable[tuple[int, Any]]], Awaitable[customers.Written]]


async def work_off_part(database: Database, action_id: str) -> bool:
    """Process one part of an action, in one transaction. False when nothing is left."""
    async with database.transaction() as tx:
        found = await next_part(tx, action_id)
        if found is None:
            return False
        action, part = found
        read, write = handling(action)
        advance(tx, action, await deal(tx, read, write, action.done, part.rows))
        await tx.session.delete(part)
        return True


async def deal(tx: Transaction, read: Read, write: Write, before: int, rows: list[Any]) -> Dealt:
    """Read and write rows, after `before` earlier ones. Wrong rows do not block the others."""
    read = await _fitting(tx, read)
    good: list[tuple[int, Any]] = []
    failures: list[Failure] = []
    for number, row in enumerate(rows, start=before + 1):
        try:
            good.append((number, read(row)))
        except WrongRow as wrong:
            failures.append(Failure(number, str(wrong)))
        except (ValueError, OverflowError, RecursionError):
            failures.append(Failure(number, _UNFIT))
    written = await _write_apart(tx, write, good)
    failures += [Failure(*wrong) for wrong in written.wrong]
    return Dealt(len(rows), written.created, written.updated, sorted(failures))


async def _write_apart(
    tx: Transaction, write: Write, rows: list[tuple[int, Any]]
) -> customers.Written:
    """Write all rows at once. If PostgreSQL refuses their values, write both halves separately,
    down to the wrong row: a file is not retried for ever because of one row."""
    try:
        async with tx.session.begin_nested():
            return await write(tx, rows)
    except Exception as error:
        if not is_refused_value(error):
            raise
    if len(rows) == 1:
        return customers.Written(0, 0, [(rows[0][0], _UNFIT)])
    middle = len(rows) // 2
    first = await _write_apart(tx, write, rows[:middle])
    second = await _write_apart(tx, write, rows[middle:])
    return customers.Written(
        first.created + second.created, first.updated + second.updated, first.wrong + second.wrong
    )


_UNFIT = "row: holds a value that cannot be stored"


async def _fitting(tx: Transaction, read: Read) -> Read:
    """A reader that also refuses rows whose metadata do not fit their schema. Merged people are
    judged by the merged result (store.imports.fold_people)."""
    known = {name: await metadata_schemas.of(tx, name) for name in ("customer", "voucher")}

    def fitting(row: Any) -> Any:
        thing, of_file = read(row), isinstance(row, list)
        schema = known["customer" if isinstance(thing, Person) else "voucher"]
        if schema is None or (isinstance(thing, Person) and not of_file):
            return thing
        metadata = schema.read(thing.metadata) if of_file else thing.metadata
        for name, reason in schema.misfits(metadata):
            raise WrongRow(f"metadata.{name}: {reason}")
        return thing.model_copy(update={"metadata": metadata})

    return fitting


def handling(action: AsyncAction) -> tuple[Read, Write]:
    """How the action's rows are read and written. Raises WrongHeader for a CSV file's."""
    match action.type:
        case "CUSTOMERS.IMPORT_CSV":
            return reader(action.parameters["header"]), customers.overwrite
        case "CUSTOMERS.UPDATE":
            return described, customers.merge
        case "CUSTOMERS.METADATA_UPDATE":
            metadata = action.parameters["metadata"]
            return lambda source_id: described(_with(source_id, metadata)), customers.merge
        case "CAMPAIGN.VOUCHERS_IMPORT":
            return code_described, _into(action.parameters["campaign_id"])
        case "CAMPAIGN.VOUCHERS_IMPORT_CSV":
            header = action.parameters["header"]
            return code_reader(header), _into(action.parameters["campaign_id"])
    raise ValueError(f"nobody knows how to do {action.type}")


def _with(source_id: Any, metadata: dict[str, Any]) -> dict[str, Any]:
    return {"source_id": source_id, "metadata": metadata}


def _into(campaign_id: str) -> Write:
    return lambda tx, codes: write_codes(tx, campaign_id, codes)
