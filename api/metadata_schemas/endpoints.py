"""Schemas of metadata: the form that callers' own data must have."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Body, Path
from pydantic import BaseModel, Field

from api.http.access import READERS
from api.http.lists import Windowed
from api.http.resources import Held
from api.http.route import GuardedRouter
from domain.schemas import RESOURCES, Property, Schema
from store import metadata_schemas as schemas
from store.tables import MetadataSchema

router = GuardedRouter("/v1/metadata-schemas", "Metadata schemas")

EXAMPLE = {
    "properties": {
        "plan": {"type": "string", "optional": False},
        "seats": {"type": "number"},
    },
    "allow_defined_only": False,
}
Resource = Annotated[
    str,
    Path(
        max_length=120,
        description=f"{', '.join(RESOURCES)}, or event:NAME",
        examples=["customer"],
    ),
]


class SchemaAnswer(BaseModel):
    """A resource's schema."""

    id: str = Field(examples=["ms_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    object: Literal["metadata_schema"] = "metadata_schema"
    related_object: str = Field(examples=["customer"])
    properties: dict[str, Property] = Field(
        examples=[{"plan": {"type": "string", "optional": False, "array": False}}]
    )
    allow_defined_only: bool = Field(examples=[False])
    created_at: datetime
    updated_at: datetime | None

    @classmethod
    def of(cls, row: MetadataSchema) -> SchemaAnswer:
        schema = Schema.model_validate(row.definition)
        return cls(**row.model_dump(exclude={"definition"}), **dict(schema))


class SchemaList(BaseModel):
    """Schemas, newest first, under Voucherify's name for them."""

    object: Literal["list"] = "list"
    data_ref: Literal["schemas"] = "schemas"
    schemas: list[SchemaAnswer]
    total: int
    has_more: bool = Field(examples=[False])


@router.get("", roles=READERS)
async def list_schemas(held: Held, window: Windowed) -> SchemaList:
    """Every schema."""
    page = await held.database.read(schemas.page, window)
    return SchemaList(
        schemas=[SchemaAnswer.of(row[0]) for row in page.rows],
        total=page.total,
        has_more=page.has_more,
    )


@router.get("/{resource}", "resource_not_found", roles=READERS)
async def get_schema(resource: Resource, held: Held) -> SchemaAnswer:
    """One resource's schema."""
    return SchemaAnswer.of(await held.database.read(schemas.find, resource))


@router.put("/{resource}", "resource_not_found")
async def put_schema(
    resource: Resource, body: Annotated[Schema, Body(examples=[EXAMPLE])], held: Held
) -> SchemaAnswer:
    """Define what a resource's metadata must look like. What is stored already is not judged;
    what arrives from now on is, within seconds also by other processes."""
    async with held.database.transaction() as tx:
        return SchemaAnswer.of(await schemas.put(tx, resource, body))


@router.delete("/{resource}", "resource_not_found", status_code=204)
async def delete_schema(resource: Resource, held: Held) -> None:
    """Let a resource's metadata be anything again."""
    async with held.database.transaction() as tx:
        await schemas.remove(tx, resource)
