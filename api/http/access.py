"""Who calls, and whether that role may do it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, cast

from fastapi import Depends, Request

from domain.refusals import Forbidden, Unauthorized
from domain.roles import Role
from store.access.api_keys import find_key, is_token
from store.database import Database
from store.tables import ApiKey

READERS = (Role.SERVICE, Role.SUPPORT, Role.FINANCE, Role.ADMIN)


class Caller(NamedTuple):
    """An authenticated credential."""

    app_id: str
    role: Role

    @property
    def sees_persons(self) -> bool:
        """Whether names and addresses are shown, or masked."""
        return self.role is not Role.FINANCE


class Keyring:
    """Credentials, remembered for a few seconds: a revoked one is refused that much later."""

    def __init__(self, database: Database, *, seconds: float = 10) -> None:
        self._database = database
        self._seconds = seconds
        self._known: dict[str, tuple[float, ApiKey]] = {}

    async def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """Raises Unauthorized: the same for an unknown id and for a wrong token."""
        app_id, token = headers.get("x-app-id"), headers.get("x-app-token")
        if not app_id or not token:
            raise Unauthorized("X-App-Id and X-App-Token are required.")
        key = await self._find(app_id)
        if key is None or not is_token(key, token):
            raise Unauthorized("X-App-Id and X-App-Token do not match a credential.")
        return Caller(key.app_id, Role(key.role))

    async def _find(self, app_id: str) -> ApiKey | None:
        until, known = self._known.get(app_id, (0.0, None))
        if known and time.monotonic() < until:
            return known
        async with self._database.reading() as session:
            key = await find_key(session, app_id)
        if key:
            self._known[app_id] = (time.monotonic() + self._seconds, key)
        else:
            self._known.pop(app_id, None)
        return key


async def _caller(request: Request) -> Caller:
    return cast(Caller, request.state.caller)


Calling = Annotated[Caller, Depends(_caller)]
"""A route's parameter: who calls it."""


def allow(*roles: Role) -> Any:
    """A dependency that lets only these roles pass; `admin` always does."""

    async def check(caller: Calling) -> None:
        if caller.role not in (*roles, Role.ADMIN):
            raise Forbidden(f"The role {caller.role} may not do this.")

    return Depends(check)
