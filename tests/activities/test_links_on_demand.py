"""A claim link that the provider shows once: had on demand where the first showing was missed, so
that handing it out needs no call."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError

from activities.lane import ProviderLane
from domain.messages import Next
from providers.tremendous import Tremendous, TremendousSettings
from store.database import Database
from store.orders import claim_links
from store.tables import ClaimLink
from tests.activities.lane_under_test import TIMING, LaneUnderTest, Provider
from tests.builders import add_grant, gift_card, one, rows
from tests.ordering import PACE, VAULT

LINK = gift_card(provider="tremendous", product_id="OKMHM2X2OHYV", delivery="link")


@pytest_asyncio.fixture
async def tremendous(
    database: Database, simulator_url: str, provider: Provider
) -> AsyncIterator[LaneUnderTest]:
    """Its lane. Orders wait for an approval there until they are delivered, and the answer that
    alone would have shown the link is lost."""
    await provider.put("delivery", seconds=0, outcome="PENDING APPROVAL")
    await provider.fail(drop_after=1)
    settings = TremendousSettings.model_validate(
        {"url": f"{simulator_url}/tremendous", "api_key": "secret"}
    )
    adapter = Tremendous(settings, within=TIMING.attempt.total_seconds())
    parts = ProviderLane(
        database=database,
        provider=adapter,
        vault=VAULT,
        timing=TIMING,
        pace=PACE,
        hooks="http://127.0.0.1:9",
    )
    yield LaneUnderTest(database, parts)
    await provider.fail()
    await adapter.close()


async def ordered(tremendous: LaneUnderTest, provider: Provider, grant_id: str) -> None:
    with pytest.raises(ApplicationError):
        await tremendous.place(grant_id)
    await provider.fail()
    assert (await tremendous.place(grant_id, attempt=2)).next is Next.FOLLOW


async def test_a_card_that_is_issued_after_its_answer_gets_its_link_by_the_next_look(
    database: Database, tremendous: LaneUnderTest, provider: Provider
) -> None:
    grant = await add_grant(database, LINK)
    await ordered(tremendous, provider, grant.id)
    assert await rows(database, ClaimLink) == []
    await provider.deliver()
    await tremendous.check_until(grant.id, "delivered")
    async with database.transaction() as tx:
        given = await claim_links.hand_out(tx, grant.id, actor="app_1", vault=VAULT)
    assert given.secret.link.startswith("https://tremendous.example/")


async def test_a_link_is_requested_once(
    database: Database, tremendous: LaneUnderTest, provider: Provider
) -> None:
    grant = await add_grant(database, LINK)
    await ordered(tremendous, provider, grant.id)
    await provider.deliver()
    await tremendous.check_until(grant.id, "delivered")
    kept = (await one(database, ClaimLink)).ciphertext
    await tremendous.check(grant.id)
    assert (await one(database, ClaimLink)).ciphertext == kept
