"""Builders for catalogues: products, and keeping them as a fetch does."""

from __future__ import annotations

from datetime import timedelta

from domain.catalogue import Product
from domain.money import Money
from domain.rewards import Delivery
from store.database import Database
from store.providers import catalogue
from tests.builders import PROVIDER

WEEK = timedelta(days=7)


def cvs(least: int = 1_00) -> Product:
    """The simulator's open-value card, mailed, from `least` cents on."""
    return Product(
        id="CVS",
        name="CVS Pharmacy",
        currency="USD",
        smallest=Money(amount=least, currency="USD"),
        deliveries=frozenset({Delivery.EMAIL}),
    )


async def put_catalogue(database: Database, *products: Product, provider: str = PROVIDER) -> None:
    """What the provider sells from now on."""
    async with database.transaction() as tx:
        await catalogue.put(tx, provider, list(products), WEEK)
