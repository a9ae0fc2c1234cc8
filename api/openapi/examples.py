"""Builds the example of each request and answer from the examples of its fields."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from typing import Any

_JSON, _FORM = "application/json", "multipart/form-data"
_BY_TYPE = {"integer": 1, "boolean": True}
_AT = "2026-11-20T09:30:00Z"
_Schema = dict[str, Any]


def add_examples(document: dict[str, Any]) -> None:
    """Add an example to each successful answer and each body without one."""
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        for example in schema.get("examples", []):
            _restore_nulls(example, schema, schemas)
    for operations in document["paths"].values():
        for operation in operations.values():
            for contents in _contents(operation):
                _exemplify(contents, schemas)


def _contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """By media type: the body, and each answer with a 2xx status."""
    yield operation.get("requestBody", {}).get("content", {})
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            yield answer.get("content", {})


def _exemplify(contents: dict[str, Any], schemas: dict[str, _Schema]) -> None:
    for media, content in contents.items():
        # A field without an example is for the tests to find, not for readers.
        with suppress(LookupError):
            if "examples" in content:
                continue
            if "example" in content:
                _restore_nulls(content["example"], content["schema"], schemas)
            elif media in (_JSON, _FORM):
                content["example"] = example_of(content["schema"], schemas)
            else:
                # A report as a file: the same rows.
                content["example"] = _table(example_of(contents[_JSON]["schema"], schemas)["data"])


def _table(rows: list[dict[str, Any]]) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _restore_nulls(example: Any, schema: _Schema, schemas: dict[str, _Schema]) -> None:
    """FastAPI leaves every null out of the document, also in examples, where null has a meaning."""
    if isinstance(example, dict):
        for name in _named(schema, schemas).get("required", []):
            example.setdefault(name, None)


def _named(schema: _Schema, schemas: dict[str, _Schema]) -> _Schema:
    return schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def example_of(schema: _Schema, schemas: dict[str, _Schema], name: str = "") -> Any:
    """The schema's own example, or one built from its parts. Raises LookupError, with the name, for
    a text without one."""
    if "const" in schema:
        return schema["const"]
    if "examples" in schema:
        return schema["examples"][0]
    if schema.get("default") is not None:
        return schema["default"]
    if "$ref" in schema:
        title = schema["$ref"].rpartition("/")[2]
        return example_of(schemas[title], schemas, title)
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return _of_choices(choices, schemas, name)
    match schema.get("type"):
        case "object":
            return {
                field: example_of(each, schemas, f"{name}.{field}")
                for field, each in schema.get("properties", {}).items()
            }
        case "array":
            items = schema.get("items")
            return [example_of(items, schemas, name)] if items else []
        case "null":
            return None
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") == "date-time":
        return _AT
    if schema.get("type") in _BY_TYPE:
        return _BY_TYPE[schema["type"]]
    raise LookupError(f"{name} has no example")


def _of_choices(choices: list[_Schema], schemas: dict[str, _Schema], name: str) -> Any:
    """null if allowed, unless another choice has an example of its own."""
    if any(choice.get("type") == "null" for choice in choices):
        shown = [each for each in choices if each.keys() & {"$ref", "items", "examples"}]
        return example_of(shown[0], schemas, name) if shown else None
    return example_of(choices[0], schemas, name)
