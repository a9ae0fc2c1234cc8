"""Builds applications of the API for tests. Building the routes takes two seconds, so all
applications of one test process share them."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.routing import BaseRoute

from api.app import create_app
from api.settings import ApiSettings
from store.settings import StoreSettings

_ROUTES: list[BaseRoute] = []


def application(settings: ApiSettings, store: StoreSettings) -> FastAPI:
    """An application with its own resources, and with the routes of the first one. FastAPI prepares
    a route when the first request reaches it."""
    app = create_app(settings, store)
    if not _ROUTES:
        _ROUTES.extend(app.router.routes)
    app.router.routes[:] = _ROUTES
    return app
