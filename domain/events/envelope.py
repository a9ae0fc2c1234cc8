"""The form of every event that leaves: a head, and the data of its type."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from domain.events.catalogue import EVENT_TYPES, EventType

REF = "#/components/schemas/{model}"
_ID = "evt_00000000000002f10000000000000d4e"
_AT = "2026-11-22T09:30:00Z"


def head(id: str, type: str, at: Any) -> dict[str, Any]:
    """The members that stand before `data`. `timestamp` is Standard Webhooks' name for the time."""
    return {"id": id, "object": "event", "type": type, "created_at": at, "timestamp": at}


def schema_of(each: EventType, ref_template: str = REF) -> dict[str, Any]:
    """The JSON schema of an event of this type; `data` by reference."""
    text = {"type": "string"}
    return {
        "title": each.name,
        "description": each.meaning,
        "type": "object",
        "required": ["id", "object", "type", "created_at", "data"],
        "properties": {
            "id": text | {"examples": [_ID]},
            "object": {"const": "event"},
            "type": {"const": each.name},
            "created_at": text | {"format": "date-time"},
            "timestamp": text | {"format": "date-time"},
            "data": {"$ref": ref_template.format(model=each.data.__name__)},
        },
    }


def data_schemas(ref_template: str = REF) -> dict[str, Any]:
    """The schemas of all types' data, by the model's name."""
    models = sorted({each.data for each in EVENT_TYPES.values()}, key=lambda model: model.__name__)
    _, found = models_json_schema(
        [(model, "serialization") for model in models], ref_template=ref_template
    )
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def example_head(each: EventType) -> dict[str, Any]:
    """The head of the type's example."""
    return head(_ID, each.name, _AT)
