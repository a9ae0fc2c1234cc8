"""Uploaded statements: how they are read, and staging their lines."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterator
from itertools import islice
from typing import IO, NamedTuple

from domain.ids import Prefix, new_id
from domain.reconciliation import Line, ReconciliationStart
from domain.refusals import InvalidPayload, existing
from domain.spreadsheets import rows_of
from domain.statements import Mapping, WrongStatement, names_of, read_lines
from store.database import Database, ReadSession, Transaction
from store.reconciliation import runs, staging
from store.reconciliation.bulk import bulk
from store.tables import StatementMapping

_BATCH = 5000
_LONGEST = 1_000_000
"""Characters of a line."""


class Upload(NamedTuple):
    """A statement: the text of a CSV file that covers [since, until)."""

    run: runs.NewRun
    file: IO[str]


async def mapping_of(session: ReadSession, provider: str) -> Mapping:
    """How this provider's statements are read. Raises NotFound until it was set."""
    stored = existing(await session.get(StatementMapping, provider), "statement mapping", provider)
    return Mapping.model_validate(stored.mapping)


async def set_mapping(tx: Transaction, provider: str, mapping: Mapping, *, actor: str) -> None:
    """Replace the mapping; earlier runs stay as they are."""
    await tx.session.merge(
        StatementMapping(
            provider=provider, mapping=mapping.model_dump(mode="json"), updated_at=tx.now
        )
    )
    tx.record(
        "reconciliation.mapping_set",
        "Statement mapping set",
        detail=provider,
        source="staff",
        actor=actor,
    )


async def stage_statement(database: Database, upload: Upload) -> ReconciliationStart:
    """Stage all lines or none, then create the run.

    Raises NotFound without a mapping, and InvalidPayload for a file that does not fit it."""
    mapping = await database.read(mapping_of, upload.run.provider)
    id = new_id(Prefix.RECONCILIATION)
    count = await _stage(database, id, upload.file, mapping)
    async with database.transaction() as tx:
        run = runs.create(tx, upload.run, id=id)
        run.read_from, run.progress = tx.now, {"stage": "comparing", "lines": count}
        return runs.start_of(run)


async def _stage(database: Database, id: str, file: IO[str], mapping: Mapping) -> int:
    count = 0
    async with bulk(database) as connection, connection.transaction():
        await staging.create(connection, id)
        batches = _batches(file, mapping)
        # Read in a thread: a batch would block other requests for too long.
        while lines := await asyncio.to_thread(next, batches, None):
            await staging.copy(connection, id, 0, lines)
            count += len(lines)
    return count


def _batches(file: IO[str], mapping: Mapping) -> Iterator[list[Line]]:
    try:
        names = names_of(mapping.columns)
        rows = rows_of(_bounded(file), delimiter=mapping.delimiter, names=names)
        lines = read_lines(rows, mapping)
        while batch := list(islice(lines, _BATCH)):
            yield batch
    except (WrongStatement, csv.Error) as error:
        raise InvalidPayload(f"The statement: {error}.", field="/file") from None
    except UnicodeDecodeError:
        raise InvalidPayload("The statement cannot be read as text.", field="/file") from None


def _bounded(file: IO[str]) -> Iterator[str]:
    """Its lines, each of limited length to protect the memory."""
    while line := file.readline(_LONGEST):
        if len(line) == _LONGEST:
            raise WrongStatement(f"a line has more than {_LONGEST} characters")
        yield line
