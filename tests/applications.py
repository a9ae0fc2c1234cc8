"""Applications of the API in this process, as many as a test likes."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.routing import BaseRoute

from api.app import create_app
from api.settings import ApiSettings
from store.settings import StoreSettings

_ROUTES: list[BaseRoute] = []


def application(settings: ApiSettings, store: StoreSettings) -> FastAPI:
    """A new one, with resources of its own and with the routes of the first: FastAPI builds each
    at the first request that passes it, and all of them take two seconds."""
    app = create_app(settings, store)
    if not _ROUTES:
        _ROUTES.extend(app.router.routes)
    app.router.routes[:] = _ROUTES
    return app
