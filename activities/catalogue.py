"""Fetches a provider's catalogue, on the provider's own queue."""

from __future__ import annotations

from temporalio import activity

from activities.lane import ProviderLane
from activities.pulse import pulse
from providers.outcomes import ProviderError
from store.providers import catalogue


class CatalogueActivities:
    """The catalogue of one provider."""

    def __init__(self, lane: ProviderLane) -> None:
        self._lane = lane

    @activity.defn
    async def refresh_catalogue(self) -> None:
        """Fetch what the provider sells, if the stored catalogue has expired. Idempotent: it
        replaces the whole catalogue."""
        lane, provider = self._lane, self._lane.provider
        async with pulse():
            if await catalogue.is_fresh(lane.database, provider.name):
                return
            try:
                products = [product async for product in provider.products()]
            except ProviderError as error:
                raise lane.again(error.detail, error.retry_after) from error
            async with lane.database.transaction() as tx:
                life = provider.capabilities.catalogue_life
                await catalogue.put(tx, provider.name, products, life)
