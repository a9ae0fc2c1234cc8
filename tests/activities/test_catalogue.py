"""A provider's catalogue, fetched through its adapter and kept until it lapses."""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.catalogue import CatalogueActivities
from domain.catalogue import Product, misfit
from store.database import Database, now
from store.tables import Catalogue, Event
from tests.activities.lane_under_test import LaneUnderTest, Provider
from tests.builders import alter, gift_card, one, rows


async def refresh(lane: LaneUnderTest) -> None:
    await ActivityEnvironment().run(CatalogueActivities(lane.parts).refresh_catalogue)


async def test_a_catalogue_is_kept_for_a_week_as_this_provider_asks(
    database: Database, lane: LaneUnderTest
) -> None:
    await refresh(lane)
    stored = await one(database, Catalogue)
    assert stored.expires_at - stored.fetched_at == timedelta(days=7)
    products = [Product.model_validate(product) for product in stored.products]
    assert misfit(gift_card(500_00), products) is None
    assert misfit(gift_card(500_01), products) is not None


async def test_a_stored_catalogue_is_not_fetched_again_before_it_expires(
    database: Database, lane: LaneUnderTest
) -> None:
    await refresh(lane)
    await refresh(lane)
    assert len(await rows(database, Event, type="catalogue.fetched")) == 1
    await alter(database, await one(database, Catalogue), expires_at=now())
    await refresh(lane)
    assert len(await rows(database, Event, type="catalogue.fetched")) == 2


async def test_a_provider_that_does_not_answer_is_asked_again_and_the_old_one_stays(
    database: Database, lane: LaneUnderTest, provider: Provider
) -> None:
    await refresh(lane)
    before = await one(database, Catalogue)
    await alter(database, before, expires_at=now())
    await provider.put("credentials", provider="giftcard-partners", accept=False)
    await provider.put("tokens", revoke=True)
    with pytest.raises(ApplicationError) as asked:
        await refresh(lane)
    assert asked.value.type == "TryAgain"
    assert (await one(database, Catalogue)).products == before.products
