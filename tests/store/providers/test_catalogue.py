"""Catalogues as they are kept, and what is told of live campaigns when one changes."""

from __future__ import annotations

from store.database import Database, now
from store.providers import catalogue
from store.tables import Catalogue, Event
from tests.builders import (
    PROVIDER,
    add_campaign,
    alter,
    every_friend,
    gift_card,
    one,
    rows,
    set_active,
    terms,
)
from tests.catalogues import WEEK, cvs, put_catalogue


async def told(database: Database) -> list[Event]:
    return await rows(database, Event, type="campaign.reward_not_offered")


class TestKept:
    async def test_a_fetched_catalogue_is_read(self, database: Database) -> None:
        await put_catalogue(database, cvs())
        await put_catalogue(database, provider="empty")
        async with database.transaction() as tx:
            found = await catalogue.read(tx, [PROVIDER, "empty", "never-fetched"])
        assert found == {PROVIDER: [cvs()], "empty": []}

    async def test_a_later_one_takes_its_place(self, database: Database) -> None:
        await put_catalogue(database, cvs())
        await put_catalogue(database, cvs(5_00))
        async with database.transaction() as tx:
            assert await catalogue.read(tx, [PROVIDER]) == {PROVIDER: [cvs(5_00)]}

    async def test_it_is_fresh_as_long_as_the_provider_asks(self, database: Database) -> None:
        assert not await catalogue.is_fresh(database, PROVIDER)
        await put_catalogue(database, cvs())
        stored = await one(database, Catalogue)
        assert stored.expires_at - stored.fetched_at == WEEK
        assert await catalogue.is_fresh(database, PROVIDER)
        await alter(database, stored, expires_at=now())
        assert not await catalogue.is_fresh(database, PROVIDER)


class TestLiveCampaigns:
    async def test_rewards_missing_in_the_first_catalogue_are_reported_with_the_way_out(
        self, database: Database
    ) -> None:
        tier = every_friend(gift_card(product_id="CVX"))
        campaign_id = await add_campaign(database, terms(tier))
        await put_catalogue(database, cvs())
        (event,) = await told(database)
        assert (event.campaign_id, event.data["member"]) == (campaign_id, "/product_id")
        assert event.detail is not None
        assert "CVS Pharmacy (CVS)" in event.detail

    async def test_a_product_that_disappears_is_reported_once(self, database: Database) -> None:
        await add_campaign(database, terms(referee_reward=None))
        for products in ([cvs()], [cvs(20_00)], [cvs(20_00)]):
            await put_catalogue(database, *products)
        (event,) = await told(database)
        assert event.data["member"] == "/amount"

    async def test_nothing_is_told_of_what_fits_of_other_providers_or_disabled_campaigns(
        self, database: Database
    ) -> None:
        await add_campaign(database)
        disabled = await add_campaign(database, terms(referee_reward=gift_card(product_id="GONE")))
        await set_active(database, disabled, active=False)
        await put_catalogue(database, cvs())
        await put_catalogue(database, provider="tremendous")
        assert await told(database) == []
