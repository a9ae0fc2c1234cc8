"""Authenticates callers, and checks their roles."""

from __future__ import annotations

import time
from typing import Annotated, Any, NamedTuple, cast

from fastapi import Depends, Request

from api.http.wrong_tokens import WrongTokens
from domain.refusals import Forbidden, InvalidPayload, Unauthorized
from domain.roles import Role, Scope
from store.access.api_keys import find_key, is_token, name_actor, note_use, note_wrong_tokens
from store.database import Database, now
from store.tables import ApiKey

READERS = (Role.SERVICE, Role.SUPPORT, Role.FINANCE, Role.MANAGER)
PROGRAMME = (Role.SERVICE, Role.MANAGER)
"""Roles that define campaigns, rewards, rules and codes."""
ACTOR = "x-guerdon-actor"
"""Names the person behind a shared credential."""
_NAMES = 1000
"""Actors that a process remembers as stored."""


class Caller(NamedTuple):
    """An authenticated credential. `actor`: the credential or the person behind it, as shown in
    timelines (an id; the name is joined when it is read)."""

    app_id: str
    role: Role
    scopes: frozenset[str]
    actor: str

    @property
    def sees_persons(self) -> bool:
        """Whether names and addresses are shown, or masked."""
        return self.role.sees_persons


class Keyring:
    """Credentials, cached for a few seconds: one revoked elsewhere is refused that much later."""

    def __init__(self, database: Database, *, seconds: float = 10) -> None:
        self._database = database
        self._seconds = seconds
        self._known: dict[str, tuple[float, ApiKey]] = {}
        self._actors: dict[tuple[str, str], str] = {}
        self._wrong = WrongTokens()

    async def authenticate(self, request: Request) -> Caller:
        """Raises Unauthorized: the same for an unknown id and for a wrong token."""
        app_id, token = request.headers.get("x-app-id"), request.headers.get("x-app-token")
        if not app_id or not token:
            raise Unauthorized("X-App-Id and X-App-Token are required.")
        address = request.client.host if request.client else ""
        # Known callers are looked up; others wait once their address has sent too many wrong
        # tokens.
        if app_id not in self._known:
            self._wrong.must_not_wait(address)
        key = await self._find(app_id)
        if key is None or not is_token(key, token):
            await self._note_wrong(address, key)
            raise Unauthorized("X-App-Id and X-App-Token do not match a credential.")
        if key.expires_at is not None and key.expires_at <= now():
            raise Unauthorized(f"This key expired on {key.expires_at:%Y-%m-%d %H:%M} UTC.")
        await note_use(self._database, key)
        actor = await self._actor(request, key.app_id)
        return Caller(key.app_id, Role(key.role), frozenset(key.scopes), actor)

    def forget(self, app_id: str) -> None:
        """Drop the credential from the cache."""
        self._known.pop(app_id, None)

    async def _find(self, app_id: str) -> ApiKey | None:
        until, known = self._known.get(app_id, (0.0, None))
        if known and time.monotonic() < until:
            return known
        key = await self._database.read(find_key, app_id)
        if key:
            self._known[app_id] = (time.monotonic() + self._seconds, key)
        else:
            self._known.pop(app_id, None)
        return key

    async def _note_wrong(self, address: str, key: ApiKey | None) -> None:
        if count := self._wrong.note(address):
            await note_wrong_tokens(self._database, count, key.app_id if key else None)
        self._wrong.must_not_wait(address)

    async def _actor(self, request: Request, app_id: str) -> str:
        given = request.headers.get(ACTOR)
        if given is None:
            return app_id
        name = _text_of(given)
        if (app_id, name) not in self._actors:
            if len(self._actors) >= _NAMES:
                self._actors.clear()
            self._actors[app_id, name] = await name_actor(self._database, app_id, name)
        return self._actors[app_id, name]


def _text_of(header: str) -> str:
    """Headers arrive as Latin-1; clients send UTF-8."""
    try:
        name = header.encode("latin-1").decode().strip()
    except UnicodeDecodeError:
        name = header.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise InvalidPayload("X-Guerdon-Actor must have 1 to 100 printable characters.")
    return name


async def _caller(request: Request) -> Caller:
    return cast(Caller, request.state.caller)


Calling = Annotated[Caller, Depends(_caller)]
"""A route's parameter: the caller."""


def by_staff(caller: Caller, request: Request) -> bool:
    """Whether a member of staff sent it instead of a system: support, or an administrator by
    name."""
    named = bool(request.headers.get("x-guerdon-actor"))
    return caller.role is Role.SUPPORT or (caller.role is Role.ADMIN and named)


class Allowed:
    """A dependency that admits only these roles, and keys with this scope; `admin` always
    passes."""

    def __init__(self, roles: frozenset[Role], scope: Scope | None) -> None:
        self._roles = roles | {Role.ADMIN}
        self._scope = scope

    async def __call__(self, caller: Calling) -> None:
        self.must_include(caller)

    def must_include(self, caller: Caller) -> None:
        """Raises Forbidden for a caller with neither these roles nor this scope."""
        if caller.role not in self._roles and self._scope not in caller.scopes:
            raise Forbidden(f"The role {caller.role} may not do this.")


def allow(*roles: Role, scope: Scope | None = None) -> Any:
    """The dependency of a route for these roles, and keys with this scope. GuardedRoute checks it
    before it reads the body."""
    return Depends(Allowed(frozenset(roles), scope))
