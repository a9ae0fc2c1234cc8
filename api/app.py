"""The FastAPI application: its resources, middleware and routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from api.async_actions import endpoints as async_actions
from api.campaigns import endpoints as campaigns
from api.campaigns import tiers, versions
from api.customers import activity, bulk, changes, redeemables, wallets
from api.customers import endpoints as customers
from api.distributions import endpoints as distributions
from api.event_types import endpoints as event_types
from api.events import endpoints as events
from api.exports import endpoints as exports
from api.feed import endpoints as feed
from api.grants import actions as grant_actions
from api.grants import endpoints as grants
from api.grants import evidence
from api.health import endpoints as health
from api.holders import endpoints as holders
from api.hooks import endpoints as hooks
from api.hooks.account import account_hooks
from api.http import addresses
from api.http.access import Keyring
from api.http.boundary import Boundary
from api.http.downloads import OpenDownloads
from api.http.errors import add_error_handlers
from api.http.garbage import collect_between
from api.http.paths import Paths
from api.http.resources import Resources
from api.http.turns import RequestTurns
from api.incidents import endpoints as incidents
from api.keys import endpoints as keys
from api.lanes import endpoints as lanes
from api.ledger import endpoints as ledger
from api.links import endpoints as links
from api.messages import endpoints as messages
from api.metadata_schemas import endpoints as metadata_schemas
from api.openapi.documentation import document, unique_id
from api.orders import endpoints as orders
from api.publications import endpoints as publications
from api.reconciliations import endpoints as reconciliations
from api.reconciliations import statements
from api.redemptions import endpoints as redemptions
from api.redemptions import of_vouchers
from api.referrals import actions as referral_actions
from api.referrals import endpoints as referrals
from api.reports import endpoints as reports
from api.reports import taxes
from api.reversals import endpoints as reversals
from api.rewards import endpoints as rewards
from api.segments import endpoints as segments
from api.settings import ApiSettings
from api.templates import endpoints as templates
from api.unsubscribe import endpoints as unsubscribe
from api.validation_rules import endpoints as validation_rules
from api.validations import endpoints as validations
from api.vouchers import endpoints as vouchers
from api.vouchers import imports, pools, sharing
from api.webhooks import endpoints as webhooks
from providers.registry import open_configured
from store.access.vault import Vault
from store.database import Database
from store.outbox.dispatcher import Dispatcher
from store.settings import StoreSettings
from store.temporal.client import connect

_UPLOADS = 2
"""Files and long lists of rows that are processed at once."""
_STREAMS = 4
"""Further connections, for long answers."""
_SPARE = 4 + _UPLOADS
"""Connections kept free for what takes no turn: uploads, hooks, health, the dispatcher."""

_ROUTERS = (
    events,  # the busiest first, because they are tried in this order
    hooks,
    bulk,
    customers,
    redeemables,
    activity,
    wallets,
    changes,
    async_actions,
    exports,
    metadata_schemas,
    campaigns,
    tiers,
    versions,
    rewards,
    vouchers,
    imports,
    pools,
    sharing,
    publications,
    referrals,
    referral_actions,
    reversals,
    holders,
    redemptions,
    of_vouchers,
    validations,
    grants,
    evidence,
    grant_actions,
    orders,
    ledger,
    feed,
    event_types,
    lanes,
    keys,
    webhooks,
    templates,
    distributions,
    messages,
    unsubscribe,
    links,
    reconciliations,
    incidents,
    reports,
    taxes,
    statements,
    validation_rules,
    segments,
    health,
)


def create_app(settings: ApiSettings, store: StoreSettings) -> FastAPI:
    """Create the application. Nothing is opened before its lifespan begins."""
    app = FastAPI(
        title="Guerdon",
        version=version("guerdon"),
        lifespan=_lifespan(settings, store),
        openapi_url=None,  # api/openapi/documentation.py serves it
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        swagger_ui_oauth2_redirect_url=None,
        generate_unique_id_function=unique_id,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    addresses.serve_at(str(settings.public_url))
    add_error_handlers(app)
    app.include_router(bulk.files)
    app.include_router(evidence.keys)
    app.include_router(reports.clock)
    app.include_router(imports.files)
    for module in _ROUTERS:
        app.include_router(module.router)
    document(app, str(settings.public_url).rstrip("/"))
    app.add_middleware(Boundary, https=settings.public_url.scheme == "https")
    app.add_middleware(Paths)
    return app


def _lifespan(
    settings: ApiSettings, store: StoreSettings
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    vault = Vault(store.encryption_keys.get_secret_value())
    # Only to verify their webhooks: the API calls no provider.
    providers = open_configured(within=1)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as opened:
            database = Database(store.database_url.get_secret_value(), pool=store.database_pool)
            opened.push_async_callback(database.dispose)
            streams = Database(store.database_url.get_secret_value(), pool=_STREAMS)
            opened.push_async_callback(streams.dispose)
            for entry in providers.values():
                opened.push_async_callback(entry.provider.close)
            # Lazy: the API accepts requests while Temporal is down.
            temporal = await connect(lazy=True)
            dispatcher = Dispatcher(database, temporal)
            opened.push_async_callback(dispatcher.close)
            turns = RequestTurns(max(1, store.database_pool - _SPARE))
            uploads = asyncio.Semaphore(_UPLOADS)
            opened.callback(asyncio.create_task(collect_between(uploads, _UPLOADS)).cancel)
            app.state.resources = Resources(
                settings,
                database,
                Keyring(database),
                temporal,
                dispatcher,
                turns,
                uploads,
                vault,
                account_hooks(providers),
                streams,
                OpenDownloads(),
            )
            yield

    return lifespan
