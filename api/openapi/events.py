"""Event types in the OpenAPI document, and as `GET /v1/event-types` answers them."""

from __future__ import annotations

from functools import cache
from typing import Any

from api.openapi.examples import example_of
from domain.events.catalogue import EVENT_TYPES, EventType
from domain.events.envelope import data_schemas, example_head, schema_of


def add_webhooks(document: dict[str, Any]) -> None:
    """Describe each type of event under `webhooks`, as a request that a receiver gets."""
    document["components"]["schemas"] |= data_schemas()
    document["webhooks"] = {
        each.name: {
            "post": {
                "operationId": each.name,
                "summary": each.meaning,
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": schema_of(each), "example": example(each)}
                    },
                },
                "responses": {"2XX": {"description": "Accepted; anything else is sent again."}},
            }
        }
        for each in EVENT_TYPES.values()
    }


def example(each: EventType) -> dict[str, Any]:
    """An event of this type, built from the examples of its fields."""
    schemas = _schemas()
    data = example_of(schemas[each.data.__name__], schemas, each.name)
    return example_head(each) | {"data": data}


def full_schema(each: EventType) -> dict[str, Any]:
    """The event's JSON schema on its own, with the definitions that it refers to."""
    definitions = data_schemas("#/$defs/{model}")
    return schema_of(each, "#/$defs/{model}") | {"$defs": definitions}


@cache
def _schemas() -> dict[str, Any]:
    return data_schemas()
