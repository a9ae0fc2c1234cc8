"""Routes under /v1, and what every request to them passes: credentials, role, known parameters, a
readable body, its turn, its Idempotency-Key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.dependencies.models import Dependant
from fastapi.responses import Response
from fastapi.routing import APIRoute
from fastapi.types import DecoratedCallable
from pydantic import Field, SkipValidation

from api.http.access import Allowed, allow
from api.http.body import JsonRequest
from api.http.idempotency import HEADER, answer_once
from api.http.known_parameters import must_be_known, names_of
from api.http.masking import must_not_filter, personal_filters, show_persons
from api.http.paths import restore_slashes
from api.http.problems import body_responses, post_responses, responses
from api.http.resources import Resources, resources_of
from api.http.row_reader import MAX_ROWS
from api.http.turns import code_in
from api.http.warnings import add_warnings, first_warnings
from domain.refusals import InvalidPayload
from domain.roles import Role, Scope


class GuardedRoute(APIRoute):
    """A route for authenticated callers. Routers take it as their `route_class`."""

    @asynccontextmanager
    async def admitted(self, resources: Resources, request: JsonRequest) -> AsyncIterator[None]:
        """For the block, the right to process the request. Its body is read before that: a client
        may send it slowly, and must not hold a turn meanwhile."""
        if request.method in ("POST", "PUT"):
            await request.read()
        async with resources.turns.take(code_in(request.path_params, request.value)):
            yield

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        names = names_of(self.dependant)
        allowed = allowed_by(self.dependant)
        personal = personal_filters(self.dependant)
        expected = self.body_field.field_info.annotation if self.body_field else None

        async def answered(request: Request) -> Response:
            return add_warnings(await handle(request), request.state.warnings)

        async def guarded(plain: Request) -> Response:
            request = JsonRequest(plain.scope, plain.receive)
            resources = resources_of(request)
            caller = await resources.keyring.authenticate(request)
            request.state.caller = caller
            for roles in allowed:
                roles.must_include(caller)
            show_persons(caller.sees_persons)
            if not caller.sees_persons:
                must_not_filter(request, caller.role, personal)
            restore_slashes(request.path_params)
            if "\x00" in request.url.path or "%00" in request.url.query:
                raise InvalidPayload("The path or query holds a NUL character.")
            if request.method == "GET":
                must_be_known(request, names)
            key = request.headers.get(HEADER) if request.method == "POST" else None
            async with self.admitted(resources, request):
                request.state.warnings = await request.off_loop(
                    first_warnings, request.value, expected
                )
                if key is not None:
                    return await answer_once(request, key, answered)
                return await answered(request)

        return guarded


class GuardedRouter(APIRouter):
    """The routes of a subject. `roles`: who may call them besides `admin`, unless a route names
    others. `refusals`: keys of CONTRACT §6, besides those that every route of the method has."""

    def __init__(
        self,
        prefix: str,
        tag: str,
        *,
        roles: Iterable[Role] = (),
        scope: Scope | None = None,
        route_class: type[GuardedRoute] = GuardedRoute,
    ) -> None:
        super().__init__(prefix=prefix, tags=[tag], route_class=route_class)
        self._allowed = allow(*roles, scope=scope)

    def get(
        self, path: str, *refusals: str, roles: Iterable[Role] | None = None, **more: Any
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        return super().get(path, **self._described(responses(*refusals), roles, more))

    def post(
        self, path: str, *refusals: str, roles: Iterable[Role] | None = None, **more: Any
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        return super().post(path, **self._described(post_responses(*refusals), roles, more))

    def put(
        self, path: str, *refusals: str, roles: Iterable[Role] | None = None, **more: Any
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        return super().put(path, **self._described(body_responses(*refusals), roles, more))

    def delete(
        self, path: str, *refusals: str, roles: Iterable[Role] | None = None, **more: Any
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        return super().delete(path, **self._described(responses(*refusals), roles, more))

    def _described(
        self, refused: dict[int | str, Any], roles: Iterable[Role] | None, more: dict[str, Any]
    ) -> dict[str, Any]:
        allowed = self._allowed if roles is None else allow(*roles)
        documented = more.pop("responses", {}) | refused
        return {"dependencies": [allowed], "responses": documented, **more}


class RowsRoute(GuardedRoute):
    """A guarded route whose POST takes many rows as JSON: read onto disk, and processed outside the
    turns of other requests."""

    @asynccontextmanager
    async def admitted(self, resources: Resources, request: JsonRequest) -> AsyncIterator[None]:
        async with request.spooled() as spool, resources.uploads:
            await request.read_rows(spool)
            yield


Rows = SkipValidation[Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_ROWS)]]
"""A body of many rows, validated by `listed`: pydantic would block the event loop."""


def listed(body: Any) -> list[dict[str, Any]]:
    """The rows of a body. Raises InvalidPayload if it is not a list of objects, or empty."""
    if not isinstance(body, list) or not body:
        raise InvalidPayload("Give a list with at least one row.", field="")
    for number, row in enumerate(body):
        if not isinstance(row, dict):
            raise InvalidPayload("Each row must be an object.", field=f"/{number}")
    return body


def allowed_by(dependant: Dependant) -> list[Allowed]:
    """Who may use a route, including its router's rules."""
    calls = (each.call for each in dependant.dependencies)
    return [call for call in calls if isinstance(call, Allowed)]
