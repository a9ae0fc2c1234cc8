"""The provider simulator: every provider under its own prefix, and `/_control`."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from simulator.book import Book
from simulator.calls import routes
from simulator.control import Control
from simulator.database import Database
from simulator.delivery import Delivery
from simulator.faults import Faults
from simulator.funds import Funds
from simulator.giftbit import Giftbit
from simulator.giftcard_partners import GiftCardPartners
from simulator.hold import Hold
from simulator.provider import Provider
from simulator.runa import Runa
from simulator.settings import Settings
from simulator.stats import Stats
from simulator.tango import Tango
from simulator.tremendous import Tremendous
from simulator.webhooks import Webhooks
from simulator.world import World

PROVIDERS: tuple[type[Provider], ...] = (GiftCardPartners, Tremendous, Tango, Giftbit, Runa)


class Simulator(Starlette):
    """A Starlette application that can close a caller's connection without an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # ASGI has no way to drop a connection; uvicorn's `send` is a method of the cycle that
        # owns the transport.
        cycle = getattr(send, "__self__", None)
        scope["guerdon.transport"] = getattr(cycle, "transport", None)
        await super().__call__(scope, receive, send)


def create_app(state: Path, webhooks: Mapping[str, dict[str, str]] | None = None) -> Starlette:
    """Create the simulator over the directory `state`, which stores everything. `webhooks`: as in
    `Settings`.

    The background tasks (delivery, webhooks) run within the application's lifespan."""
    database = Database(state)
    settings = Settings(database, webhooks)
    stats, faults = Stats(database), Faults(database, settings)
    providers: dict[str, Provider] = {}
    world = World(
        db=database,
        book=Book(database),
        settings=settings,
        stats=stats,
        funds=Funds(database, settings),
        faults=faults,
        hold=Hold(),
        hooks=Webhooks(database, stats, faults, lambda name, *event: providers[name].sign(*event)),
        changed=asyncio.Event(),
    )
    providers.update({kind.name: kind(world) for kind in PROVIDERS})
    calls = [route for provider in providers.values() for route in routes(provider)]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        delivery = Delivery(world, list(providers.values()))
        runs = (delivery.run(), world.hooks.run(), stats.run())
        tasks = [asyncio.create_task(run) for run in runs]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await world.hooks.close()
        stats.flush()
        database.close()

    return Simulator(routes=[*calls, *Control(providers).routes()], lifespan=lifespan)
