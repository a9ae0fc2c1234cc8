"""Accepts paths with a trailing slash, and with `%2F` for a slash within a name."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

_SLASH = "\ufdd0"
"""Replaces an escaped slash while the path is matched: a character that occurs in no text."""


class Paths:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["path"] = _path_of(scope)
        await self._app(scope, receive, send)


def _path_of(scope: Scope) -> str:
    path: str = scope["path"]
    raw = (scope.get("raw_path") or b"").decode("latin-1")
    if "%2f" in raw.lower():
        path = unquote(raw.replace("%2f", _SLASH).replace("%2F", _SLASH))
    # A POST is also served with a trailing slash: a redirect would lose its body or headers.
    return path.rstrip("/") or "/"


def restore_slashes(parameters: dict[str, Any]) -> None:
    """Restore the slashes in the parameters of a path."""
    for name, value in parameters.items():
        if isinstance(value, str) and _SLASH in value:
            parameters[name] = value.replace(_SLASH, "/")
