"""The open resources of a running API, and how a request gets them."""

from __future__ import annotations

import asyncio
from typing import Annotated, NamedTuple, cast

from fastapi import Depends, Request
from temporalio.client import Client

from api.hooks.account import AccountHook
from api.http.access import Keyring
from api.http.downloads import OpenDownloads
from api.http.turns import RequestTurns
from api.settings import ApiSettings
from store.access.vault import Vault
from store.database import Database
from store.outbox.dispatcher import Dispatcher


class Resources(NamedTuple):
    """Opened by the app's lifespan in this order, closed in reverse."""

    settings: ApiSettings
    database: Database
    keyring: Keyring
    temporal: Client
    dispatcher: Dispatcher
    turns: RequestTurns
    uploads: asyncio.Semaphore
    """Held while a file or many rows are processed: a few at once, because each may be large."""
    vault: Vault
    """Decrypts claim links."""
    account_hooks: dict[str, AccountHook]
    """By provider."""
    streams: Database
    """The same database, with connections for long answers only."""
    downloads: OpenDownloads


def resources_of(request: Request) -> Resources:
    """The resources of the app that answers this request."""
    return cast(Resources, request.app.state.resources)


async def _resources(request: Request) -> Resources:
    return resources_of(request)


Held = Annotated[Resources, Depends(_resources)]
"""A route's parameter: the app's resources."""
