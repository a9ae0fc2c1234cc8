"""Every answer and every body of the OpenAPI document has an example, and each is true to what it
is an example of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from jsonschema import Draft202012Validator, FormatChecker

from api.openapi.examples import add_examples, example_of
from domain.evidence import Evidence, first_wrong
from tests.api.api_app import described

JSON = "application/json"
APP: FastAPI = described()
DOCUMENT: dict[str, Any] = APP.openapi()


def _operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            yield f"{method.upper()} {path}", operation


def _contents() -> Iterator[Any]:
    """Each content of a 2xx answer or a body."""
    for name, operation in _operations():
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            yield pytest.param(media, content, id=f"{name} body {media}")
        for status, answer in operation["responses"].items():
            for media, content in answer.get("content", {}).items():
                if status.startswith("2"):
                    yield pytest.param(media, content, id=f"{name} {status} {media}")


def _examples(content: dict[str, Any]) -> list[Any]:
    """As many as there are: beside the schema, in it, or in the model that it names."""
    if "example" in content:
        return [content["example"]]
    named = [each["value"] for each in content.get("examples", {}).values()]
    return named or list(content["schema"].get("examples", []))


@pytest.mark.parametrize(("media", "content"), list(_contents()))
def test_each_is_there_and_fits_its_schema(media: str, content: dict[str, Any]) -> None:
    found = _examples(content)
    if not found:
        pytest.fail(_missing(content))
    if media != JSON:
        return
    for example in found:
        assert _problems(content["schema"], example) == []


def _missing(content: dict[str, Any]) -> str:
    """Which field has none."""
    with pytest.raises(LookupError) as raised:
        example_of(content["schema"], DOCUMENT["components"]["schemas"])
    return f"{raised.value}: give it one beside the field"


def _problems(schema: dict[str, Any], example: Any) -> list[str]:
    whole = schema | {"components": DOCUMENT["components"]}
    validator = Draft202012Validator(whole, format_checker=FormatChecker())
    return [f"{each.json_path}: {each.message}" for each in validator.iter_errors(example)]


def test_each_model_s_own_fits_it_too() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for example in schema.get("examples", []):
            assert _problems(schema, example) == [], name
        for field, of in schema.get("properties", {}).items():
            for example in of.get("examples", []):
                assert _problems(of, example) == [], f"{name}.{field}"


def _bodies() -> Iterator[Any]:
    # Routers are included as a whole, and made ready at their first use.
    routers = [router for each in APP.routes if (router := getattr(each, "original_router", None))]
    for route in (route for router in routers for route in router.routes):
        if not isinstance(route, APIRoute) or route.body_field is None:
            continue
        for method in route.methods:
            operation = DOCUMENT["paths"].get(route.path_format, {}).get(method.lower(), {})
            content = operation.get("requestBody", {}).get("content", {}).get(JSON)
            if content is not None:
                yield pytest.param(route, content, id=f"{method} {route.path_format}")


@pytest.mark.parametrize(("route", "content"), list(_bodies()))
def test_each_body_is_accepted_by_its_model(route: APIRoute, content: dict[str, Any]) -> None:
    """A schema does not say everything: what a validator refuses is no example."""
    assert route.body_field is not None
    for example in _examples(content):
        _, errors = route.body_field.validate(example, loc=("body",))
        assert not errors


def test_each_parameter_is_described() -> None:
    for name, operation in _operations():
        for parameter in operation.get("parameters", []):
            described = parameter.get("description") or parameter["schema"].get("description")
            assert described, f"{name} {parameter['name']}"


def test_a_field_without_an_example_is_named() -> None:
    model = {"type": "object", "properties": {"shade": {"type": "string"}}}
    paint = {"$ref": "#/components/schemas/Paint"}
    with pytest.raises(LookupError, match=r"Paint\.shade has no example"):
        example_of(paint, {"Paint": model})
    # The document is readable all the same.
    answer: dict[str, Any] = {"content": {JSON: {"schema": paint}}}
    operation = {"operationId": "paint", "responses": {"200": answer}}
    add_examples({"paths": {"/": {"get": operation}}, "components": {"schemas": {"Paint": model}}})
    assert answer["content"][JSON] == {"schema": paint}


def test_the_evidence_shown_is_whole() -> None:
    operation = DOCUMENT["paths"]["/v1/grants/{grant_id}/evidence"]["get"]
    (shown,) = _examples(operation["responses"]["200"]["content"][JSON])
    assert first_wrong(Evidence.model_validate(shown)) is None
