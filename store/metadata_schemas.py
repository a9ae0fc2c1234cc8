"""Stores schemas of metadata, and checks incoming metadata with them.

Stored data is not checked again: a schema applies to later writes, in every process within seconds.
"""

from __future__ import annotations

import time
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, delete, select
from sqlmodel import col

from domain.ids import Prefix, new_id
from domain.refusals import InvalidPayload, NotFound, existing
from domain.schemas import Schema, is_resource
from store.database import ReadSession, Transaction
from store.lists.pages import Page, Window, read_page
from store.tables import MetadataSchema

_SECONDS = 5.0
_known: WeakKeyDictionary[Engine, tuple[float, dict[str, Schema]]] = WeakKeyDictionary()


async def check(
    tx: Transaction, resource: str, metadata: dict[str, Any], pointer: str = "/metadata"
) -> None:
    """Raises InvalidPayload for the first member that does not fit the resource's schema."""
    schema = (await _schemas(tx)).get(resource)
    for name, reason in schema.misfits(metadata) if schema else ():
        raise InvalidPayload(
            f"metadata.{name} {reason} (schema of {resource}).", field=f"{pointer}/{name}"
        )


async def of(tx: Transaction, resource: str) -> Schema | None:
    """The resource's schema, at most some seconds old."""
    return (await _schemas(tx)).get(resource)


async def put(tx: Transaction, resource: str, schema: Schema) -> MetadataSchema:
    """Define or replace a resource's schema. Raises NotFound for a resource that cannot have
    one."""
    if not is_resource(resource):
        raise NotFound("resource", resource)
    statement = select(MetadataSchema).where(col(MetadataSchema.related_object) == resource)
    row = await tx.session.scalar(statement.with_for_update())
    if row is None:
        row = MetadataSchema(
            id=new_id(Prefix.SCHEMA), related_object=resource, definition={}, created_at=tx.now
        )
        tx.session.add(row)
    else:
        row.updated_at = tx.now
    row.definition = schema.model_dump(mode="json")
    tx.record("schema.defined", f"Schema of {resource} defined", data={"schema_id": row.id})
    _known.clear()
    return row


async def remove(tx: Transaction, resource: str) -> None:
    """Raises NotFound."""
    statement = delete(MetadataSchema).where(col(MetadataSchema.related_object) == resource)
    gone = existing(
        await tx.session.scalar(statement.returning(col(MetadataSchema.id))),
        "metadata schema",
        resource,
    )
    tx.record("schema.removed", f"Schema of {resource} removed", data={"schema_id": gone})
    _known.clear()


async def find(session: ReadSession, resource: str) -> MetadataSchema:
    """Raises NotFound."""
    statement = select(MetadataSchema).where(col(MetadataSchema.related_object) == resource)
    return existing(await session.scalar(statement), "metadata schema", resource)


async def page(session: ReadSession, window: Window) -> Page:
    """Newest first; rows are (MetadataSchema,)."""
    return await read_page(session, select(MetadataSchema), col(MetadataSchema.id), window)


async def _schemas(tx: Transaction) -> dict[str, Schema]:
    """All schemas: they are few, and every writing request needs them."""
    engine = tx.session.get_bind().engine
    until, known = _known.get(engine, (0.0, {}))
    if time.monotonic() < until:
        return known
    rows = await tx.session.scalars(select(MetadataSchema))
    known = {row.related_object: Schema.model_validate(row.definition) for row in rows}
    _known[engine] = (time.monotonic() + _SECONDS, known)
    return known
