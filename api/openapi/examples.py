"""An example of every answer, put together of its parts: a model's own example where it has one,
else its fields', which say theirs in `api.openapi.usual_values_by_model`, beside the field or,
where many share a name, in `api.openapi.usual_values`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from typing import Any

from api.openapi.usual_values import USUAL
from api.openapi.usual_values_by_model import FILES, HERE

_JSON = "application/json"
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
_Schema = dict[str, Any]


def add_examples(document: dict[str, Any]) -> None:
    """Give an example to each answer that went well, and each body, that has none."""
    for schema in document["components"]["schemas"].values():
        _restore_nulls(schema)
    for operations in document["paths"].values():
        for operation in operations.values():
            compose = Composer(document["components"]["schemas"], operation["operationId"])
            for contents in _contents(operation):
                _exemplify(contents, compose, operation["operationId"])


def _contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """By media type: the body, and each answer with a 2xx status."""
    yield operation.get("requestBody", {}).get("content", {})
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            yield answer.get("content", {})


def _exemplify(contents: dict[str, Any], compose: Composer, operation: str) -> None:
    for media, content in contents.items():
        if "example" in content or "examples" in content:
            continue
        if media == _JSON:
            # A field that nobody gave an example is for the tests to find, not for readers.
            with suppress(LookupError):
                content["example"] = compose.of(content["schema"])
        elif (key := f"{operation} {media}") in FILES:
            content["example"] = FILES[key]
        else:
            # A report as a file: the same rows.
            content["example"] = _table(compose.of(contents[_JSON]["schema"])["data"])


def _table(rows: list[dict[str, Any]]) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _restore_nulls(schema: _Schema) -> None:
    """FastAPI leaves every null out of the document, in examples too, where it says something."""
    for example in schema.get("examples", []):
        if isinstance(example, dict):
            for name in schema.get("required", []):
                example.setdefault(name, None)


class Composer:
    """Puts an example together, for the answer of one operation."""

    def __init__(self, schemas: dict[str, _Schema], operation: str) -> None:
        self._schemas = schemas
        self._operation = operation

    def of(self, schema: _Schema, model: str = "", name: str = "") -> Any:
        """What `schema` stands for, as the field `name` of `model`. Raises LookupError for a field
        that nobody gave an example."""
        if "const" in schema:
            return schema["const"]
        here = f"{model}.{name}"
        for key in (f"{self._operation} {here}", here):
            if key in HERE:
                return HERE[key]
        if "examples" in schema:
            return schema["examples"][0]
        if name in USUAL and self._fits(USUAL[name], schema):
            return USUAL[name]
        if schema.get("default") is not None:
            return schema["default"]
        if "$ref" in schema:
            title = schema["$ref"].rpartition("/")[2]
            return self.of(self._schemas[title], title)
        return self._built(schema, model, name)

    def _built(self, schema: _Schema, model: str, name: str) -> Any:
        if choices := self._choices(schema):
            # A member that is often absent says so; one that matters is in a table.
            absent = any(choice.get("type") == "null" for choice in choices)
            whole = [choice for choice in choices if "$ref" in choice or "items" in choice]
            return None if absent and not whole else self.of(choices[0], model, name)
        match schema.get("type"):
            case "object" if "properties" in schema:
                title = model if not name else f"{model}.{name}"
                return {
                    field: self.of(each, title, field)
                    for field, each in schema["properties"].items()
                }
            case "object":
                return {}
            case "array":
                return [self.of(schema["items"], model, name)] if schema.get("items") else []
            case "null":
                return None
        if "enum" in schema:
            return schema["enum"][0]
        raise LookupError(f"{model}.{name} has no example")

    def _fits(self, value: Any, schema: _Schema) -> bool:
        """Whether a value that a name usually has can stand here: the type is right, and the
        word is one of those that there are."""
        if "$ref" in schema:
            return self._fits(value, self._schemas[schema["$ref"].rpartition("/")[2]])
        if choices := self._choices(schema):
            return any(self._fits(value, choice) for choice in choices)
        if "enum" in schema:
            return value in schema["enum"]
        if "const" in schema:
            return bool(value == schema["const"])
        if isinstance(value, bool) and schema.get("type") != "boolean":
            return "type" not in schema
        return isinstance(value, _TYPES.get(schema.get("type", ""), object))

    @staticmethod
    def _choices(schema: _Schema) -> list[_Schema]:
        choices: list[_Schema] = schema.get("anyOf") or schema.get("oneOf") or []
        return choices
