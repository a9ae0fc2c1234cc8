"""Writes `docs/events.md` from the catalogue of event types: `python -m api.openapi.event_page`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from api.openapi.events import example
from domain.events.catalogue import EVENT_TYPES
from domain.events.envelope import data_schemas

PAGE = Path("docs/events.md")
_HEAD = """# Events

Written by `make events` from the models in `domain/events`; `GET /v1/event-types` answers the
same, with JSON schemas. Every fact is an event. `GET /v1/event-log` lists them in an order that
never changes, and webhooks deliver them.

An event is `{"id", "object": "event", "type", "created_at", "data"}`. Amounts are integer minor
units with the currency beside them; points have none. Stored events hold ids only: `source_id`s,
names of campaigns and codes are read when an event leaves, and an erased person's `source_id` is
null. `status` and `previous_status` are those that the event left and found. An event may have
more members than are listed.
"""


def page() -> str:
    """The page's text."""
    parts = [_HEAD, "## Types", "| type | what happened | data |\n|---|---|---|"]
    parts[-1] += "".join(
        f"\n| `{each.name}` | {each.meaning} | {_linked(each.data.__name__)} |"
        for each in EVENT_TYPES.values()
    )
    delivered = json.dumps(example(EVENT_TYPES["grant.delivered"]), indent=1)
    parts += ["## An example", f"```json\n{delivered}\n```", "## Data"]
    parts += [_model(name, schema) for name, schema in sorted(data_schemas().items())]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _model(name: str, schema: dict[str, Any]) -> str:
    lines = [f"### {name}", "", " ".join(schema["description"].split())]
    members = schema.get("properties", {})
    if members:
        lines += ["", "| member | form | |", "|---|---|---|"]
    for member, form in members.items():
        lines.append(f"| `{member}` | {_form(form)} | {form.get('description', '')} |")
    return "\n".join(lines)


def _form(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _linked(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_form(each) for each in schema["anyOf"])
    return str(schema["type"])


def _linked(model: str) -> str:
    return f"[{model}](#{model.lower()})"


if __name__ == "__main__":
    PAGE.write_text(page())
