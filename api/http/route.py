"""What every request under /v1 passes: credentials, known parameters, a readable body, its
Idempotency-Key."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from api.http.body import read_json
from api.http.idempotency import HEADER, answer_once
from api.http.known_parameters import must_be_known, names_of
from api.http.resources import resources_of
from api.http.turns import code_in
from domain.refusals import InvalidPayload


class GuardedRoute(APIRoute):
    """A route for authenticated callers. Routers take it as their `route_class`."""

    async def read_body(self, request: Request) -> Any:
        """Have the body of a POST in a form that can be stored; the request keeps it."""
        return await read_json(request)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        names = names_of(self.dependant)

        async def guarded(request: Request) -> Response:
            resources = resources_of(request)
            request.state.caller = await resources.keyring.authenticate(request)
            if "\x00" in request.url.path or "%00" in request.url.query:
                raise InvalidPayload("The path or query holds a NUL character.")
            if request.method == "GET":
                must_be_known(request, names)
            written = request.method in ("POST", "PUT")
            body = await self.read_body(request) if written else None
            key = request.headers.get(HEADER) if request.method == "POST" else None
            async with resources.turns.take(code_in(request.path_params, body)):
                if key is not None:
                    return await answer_once(request, key, handle)
                return await handle(request)

        return guarded
