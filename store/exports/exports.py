"""Creates, lists and reads exports."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from sqlalchemy import delete, func, select
from sqlmodel import col

from domain.ids import Prefix, new_id
from domain.refusals import NotFound, existing
from store.database import Database, ReadSession, Transaction
from store.exports.csv import csv_of
from store.exports.query import Asked, filtered_by, personal_fields, statement_of
from store.lists.pages import AnySelect, Page, Window, read_page
from store.tables import Export


def create(tx: Transaction, exported_object: str, asked: Asked) -> Export:
    """Accept an export of the current data. Raises InvalidPayload for unknown fields or filters."""
    statement_of(exported_object, asked, tx.now)
    export = Export(
        id=new_id(Prefix.EXPORT),
        exported_object=exported_object,
        parameters=asked.model_dump(mode="json", exclude_none=True),
        created_at=tx.now,
    )
    tx.session.add(export)
    tx.record(
        "export.created",
        f"Export of {exported_object}s asked for",
        data={"export_id": export.id, "exported_object": exported_object},
    )
    return export


async def remove(tx: Transaction, export_id: str) -> None:
    """Delete an export. Raises NotFound."""
    removed = await tx.session.execute(
        delete(Export).where(col(Export.id) == export_id).returning(col(Export.id))
    )
    if removed.scalar() is None:
        raise NotFound("export", export_id)
    tx.record("export.deleted", "Export deleted", data={"export_id": export_id})


async def forget_about(tx: Transaction, words: set[str]) -> list[str]:
    """Delete every export whose filter contains one of these words, because its parameters store
    them. Returns their ids."""
    forgotten = []
    for export in await tx.session.scalars(select(Export)):
        asked = Asked.model_validate(export.parameters)
        if filtered_by(export.exported_object, asked, words):
            await remove(tx, export.id)
            forgotten.append(export.id)
    return forgotten


def personal(export: Export) -> list[str]:
    """The fields of the file with personal data."""
    return personal_fields(export.exported_object, Asked.model_validate(export.parameters))


async def find(session: ReadSession, export_id: str) -> Export:
    """Raises NotFound."""
    return existing(await session.get(Export, export_id), "export", export_id)


async def page(session: ReadSession, window: Window) -> Page:
    """Newest first; rows are (Export,)."""
    return await read_page(session, select(Export), col(Export.id), window)


async def count(session: ReadSession, export: Export) -> int:
    """The number of rows that the file will have."""
    statement = _statement(export).order_by(None)
    counted = await session.scalar(select(func.count()).select_from(statement.subquery()))
    return counted or 0


def read(database: Database, export: Export) -> AsyncGenerator[bytes, None]:
    """The file, in blocks."""
    return csv_of(database, _statement(export))


def _statement(export: Export) -> AnySelect:
    asked = Asked.model_validate(export.parameters)
    return statement_of(export.exported_object, asked, export.created_at)
