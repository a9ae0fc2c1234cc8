"""Builders for tests: people, terms, a campaign with a held code, referrals on their way.

They go through the store's own functions, so what they build is what the product would. Import
with `from builders import ...` from any test."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import inspect, select
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from domain.campaigns import (
    CampaignTerms,
    CampaignType,
    ConversionKind,
    Criterion,
    Limits,
    Tier,
)
from domain.customers import Address, Person
from domain.messages import Decision, ReferralStart
from domain.money import Money
from domain.rewards import GiftCard, GiftCredits, LoyaltyPoints, Reward
from store.campaigns import create as campaigns
from store.campaigns import switch
from store.customers.upsert import upsert
from store.database import Database, now
from store.publications.publish import PublicationRequest, publish
from store.qualification import qualify as qualification
from store.referrals import attribute as attribution
from store.referrals import convert as waiting
from store.referrals.conversion import ConversionRequest
from store.reversals.early import book_purchase
from store.tables import Event, EventWords, Grant, Publication, Referral, Voucher

EVENT = "first_purchase"
PROVIDER = "giftcard-partners"

_numbers = count(1)
Row = TypeVar("Row", bound=SQLModel)
Made = TypeVar("Made")


class Programme(NamedTuple):
    """A live campaign, and a referrer who holds its code."""

    campaign_id: str
    referrer_id: str
    code: str


def number() -> int:
    """A number that no other call of this process got."""
    return next(_numbers)


def gift_card(amount: int = 15_00, **changes: Any) -> GiftCard:
    """The simulator's open-value e-mail card: 1.00 to 500.00 USD."""
    given = {"provider": PROVIDER, "product_id": "CVS", "amount": amount, "currency": "USD"}
    return GiftCard.model_validate(given | changes)


def credits(amount: int = 10_00, currency: str = "USD") -> GiftCredits:
    return GiftCredits(amount=amount, currency=currency)


def points(amount: int = 500) -> LoyaltyPoints:
    return LoyaltyPoints(points=amount)


def every_friend(reward: Reward | None = None, id: str = "tier_every") -> Tier:
    """A tier that rewards each unique referee."""
    return Tier(
        id=id,
        name="every friend",
        criterion=Criterion.EACH_UNIQUE_REFEREE,
        reward=reward or gift_card(),
    )


def many_friends(
    threshold: int = 5,
    reward: Reward | None = None,
    *,
    repeat: bool = False,
    id: str = "tier_many",
) -> Tier:
    """A tier that rewards a milestone."""
    return Tier(
        id=id,
        name=f"{threshold} friends",
        criterion=Criterion.MIN_UNIQUE_REFEREES,
        threshold=threshold,
        repeat=repeat,
        reward=reward or points(),
    )


def terms(*tiers: Tier, **changes: Any) -> CampaignTerms:
    """Terms that convert on EVENT. Without changes: both sides get a gift card for each friend."""
    given: dict[str, Any] = {
        "conversion": ConversionKind.CUSTOM_EVENT,
        "event_name": EVENT,
        "referee_reward": gift_card(),
        "tiers": tiers or (every_friend(),),
    }
    return CampaignTerms(**given | changes)


def redemption_terms(*tiers: Tier, **changes: Any) -> CampaignTerms:
    """The same, converting on code redemption."""
    kind = {"conversion": ConversionKind.REDEMPTION, "event_name": None}
    return terms(*tiers, **kind | changes)


def budget(amount: int, currency: str = "USD", **limits: Any) -> Limits:
    return Limits(budget=Money(amount=amount, currency=currency), **limits)


async def add_customer(database: Database, **changes: Any) -> str:
    """A customer with everything that any delivery needs; answers the id."""
    n = number()
    given: dict[str, Any] = {
        "source_id": f"person-{n}",
        "name": f"Person {n}",
        "email": f"person{n}@example.com",
        "phone": f"+1555{n:07}",
        "address": Address(
            line_1=f"{n} Main Street",
            city="Springfield",
            state="IL",
            postal_code="62701",
            country="US",
        ),
    }
    async with database.transaction() as tx:
        return str((await upsert(tx, Person(**given | changes))).id)


async def few_at_once(made: Iterable[Coroutine[Any, Any, Made]], few: int = 8) -> list[Made]:
    """Await them all, a few at once: for many of something where it does not matter that they
    come together. A crowd would wait for the pool's connections longer than these allow."""
    turns = asyncio.Semaphore(few)

    async def one(each: Coroutine[Any, Any, Made]) -> Made:
        async with turns:
            return await each

    return await asyncio.gather(*(one(each) for each in made))


async def add_friends(database: Database, count: int) -> list[str]:
    """So many customers; answers their ids."""
    return await few_at_once(add_customer(database) for _ in range(count))


async def add_campaign(database: Database, of: CampaignTerms | None = None, **changes: Any) -> str:
    """A live campaign with one code in its pool; answers its id."""
    given: dict[str, Any] = {
        "name": f"Refer a friend {number()}",
        "description": None,
        "type": CampaignType.AUTO_UPDATE,
        "join_once": True,
        "start_date": None,
        "expiration_date": None,
        "vouchers_count": 1,
        "metadata": {},
        "terms": of or terms(),
    }
    async with database.transaction() as tx:
        return await campaigns.create(tx, campaigns.NewCampaign(**given | changes))


async def add_code(database: Database, campaign_id: str, customer_id: str) -> str:
    """Publish a code of the campaign to the customer, who becomes its owner; answers the code."""
    request = PublicationRequest(customer_id=customer_id, campaign=campaign_id)
    async with database.transaction() as tx:
        publication_id = await publish(tx, request)
        publication = await tx.session.get_one(Publication, publication_id)
        return (await tx.session.get_one(Voucher, publication.voucher_id)).code


async def add_programme(
    database: Database, of: CampaignTerms | None = None, **changes: Any
) -> Programme:
    """A campaign, a referrer, and the code that the referrer shares."""
    campaign_id = await add_campaign(database, of, **changes)
    referrer_id = await add_customer(database)
    return Programme(campaign_id, referrer_id, await add_code(database, campaign_id, referrer_id))


async def sign_up(database: Database, code: str, referee_id: str | None = None) -> Referral:
    """A friend (a new one, unless named) signs up with the code; the referral waits."""
    friend = referee_id or await add_customer(database)
    async with database.transaction() as tx:
        attributed = await attribution.sign_up(tx, code=code, referee_id=friend, metadata={})
        return attributed.referral


def conversion(customer_id: str, code: str | None = None, **changes: Any) -> ConversionRequest:
    """EVENT of that customer, received now."""
    given = {"event": EVENT, "customer_id": customer_id, "code": code, "received_at": now()}
    return ConversionRequest.model_validate(given | changes)


async def convert(
    database: Database, code: str | None, referee_id: str | None = None, **changes: Any
) -> waiting.Converted:
    """The event of a friend (a new one, unless named), accepted in a transaction of its own."""
    friend = referee_id or await add_customer(database)
    async with database.transaction() as tx:
        return await book_purchase(tx, conversion(friend, code, **changes))


def start_of(referral: Referral) -> ReferralStart:
    """The input of the referral's workflow."""
    return ReferralStart(
        referral_id=referral.id,
        campaign_id=referral.campaign_id,
        referrer_id=referral.referrer_id,
        referee_id=referral.referee_id,
        expires_at=referral.expires_at,
    )


async def qualify(
    database: Database, code: str, referee_id: str | None = None, **changes: Any
) -> Decision:
    """Convert a friend and judge it, as the workflow would."""
    converted = await convert(database, code, referee_id, **changes)
    return await qualification.qualify(database, start_of(converted.referrals[0]))


async def judge_at_once(database: Database, referrals: Iterable[Referral]) -> None:
    """Judge converted referrals at the same time. One that waits too long for a lock on a busy
    machine is judged again, as its workflow would."""

    async def judge(start: ReferralStart) -> None:
        while True:
            with suppress(DBAPIError):
                await qualification.qualify(database, start)
                return

    await asyncio.gather(*(judge(start_of(referral)) for referral in referrals))


async def add_grant(database: Database, reward: Reward | None = None, **changes: Any) -> Grant:
    """The one grant of a converted friend: `reward` to the referrer of a single-sided campaign."""
    of = terms(every_friend(reward), referee_reward=None, **changes)
    decision = await qualify(database, (await add_programme(database, of)).code)
    return await one(database, Grant, id=decision.grants[0].grant_id)


async def rows(database: Database, table: type[Row], **equal: Any) -> list[Row]:
    """Every row of a table whose columns equal what is given, in the order of its key."""
    columns = inspect(table).primary_key
    async with database.reading() as session:
        found = await session.scalars(select(table).filter_by(**equal).order_by(*columns))
        return list(found)


async def one(database: Database, table: type[Row], **equal: Any) -> Row:
    """The only such row."""
    (row,) = await rows(database, table, **equal)
    return row


async def words_of(database: Database, event: Event) -> str | None:
    """What a person wrote, which stands beside the event."""
    return (await one(database, EventWords, id=event.words_id)).words if event.words_id else None


def in_past(**delta: float) -> datetime:
    """So long ago."""
    return now() - timedelta(**delta)


def in_future(**delta: float) -> datetime:
    """So long from now."""
    return now() + timedelta(**delta)


async def set_active(database: Database, campaign_id: str, *, active: bool) -> None:
    """Enable or disable the campaign, as staff do."""
    async with database.transaction() as tx:
        await switch.set_active(tx, campaign_id, active=active, actor="app_test")


async def alter(database: Database, row: SQLModel, **columns: Any) -> None:
    """Set columns of a row behind the product's back: for what takes days to come about."""
    async with database.transaction() as tx:
        stored = await tx.session.merge(row)
        for column, value in columns.items():
            setattr(stored, column, value)
