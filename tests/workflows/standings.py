"""Grants in every state that staff can find one in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from domain.campaigns import CampaignTerms, Review
from domain.customers import Address
from domain.rewards import GiftCard
from store.tables import Grant
from tests.builders import add_customer, alter, every_friend, gift_card, in_past, terms
from tests.workflows.case import Case, eventually
from tests.workflows.stage import Stage

Found = tuple[Case, Grant]
Bring = Callable[[Stage], Awaitable[Found]]


def card(**changes: object) -> GiftCard:
    """Tremendous tells of deliveries, and sends a card again."""
    return gift_card(provider="tremendous", product_id="OKMHM2X2OHYV", **changes)


def single(reward: GiftCard | None = None, **changes: object) -> CampaignTerms:
    """One gift card, the referee's."""
    return terms(tiers=(), **{"referee_reward": reward or gift_card()} | changes)


async def first(case: Case, **equal: str) -> Grant:
    """Its grant, once it is so."""
    return (await eventually(lambda: case.grants(**equal)))[0]


async def held(stage: Stage) -> Found:
    case = await stage.converted(single(hold=timedelta(days=14)))
    return case, await first(case, status="held")


async def in_review(stage: Stage) -> Found:
    case = await stage.converted(terms(review=Review.ALL))
    return case, await first(case, status="in_review")


async def ordering(stage: Stage) -> Found:
    await stage.simulator.put("hold", point="received")
    case = await stage.converted(single())
    await eventually(stage.simulator.held)
    return case, await first(case, status="ordering")


async def ordered(stage: Stage) -> Found:
    """Issued, and on its way."""
    await stage.simulator.put("delivery", seconds=0, outcome="never")
    case = await stage.converted(single(card()))
    return case, await first(case, status="ordered")


async def delivered(stage: Stage) -> Found:
    """While the referrer's card keeps the referral open: it is worth more than is sold."""
    dear = every_friend(gift_card(600_00))
    case = await stage.converted(terms(dear, referee_reward=card()))
    await case.parked("order_rejected")
    return case, await first(case, role="referee", status="delivered")


async def ended(stage: Stage) -> Found:
    """Delivered, and its workflow is closed."""
    case = await stage.converted(single(card()))
    await case.result()
    return case, await first(case, status="delivered")


async def cancelled(stage: Stage) -> Found:
    case, grant = await held(stage)
    await case.cancel(grant.id)
    await case.result()
    return case, await first(case, status="cancelled")


async def unfunded(stage: Stage) -> Found:
    await stage.simulator.funds(0)
    case = await stage.converted(single())
    return case, await case.parked("insufficient_funds")


async def rejected(stage: Stage) -> Found:
    case = await stage.converted(single(gift_card(600_00)))
    return case, await case.parked("order_rejected")


async def incomplete(stage: Stage) -> Found:
    friend = await add_customer(stage.database, address=Address())
    posted = gift_card(50_00, product_id="VISA-PLASTIC", delivery="post")
    case = await stage.converted(single(posted), friend)
    return case, await case.parked("recipient_incomplete")


async def unknown(stage: Stage, fault: str = "error_before") -> Found:
    """Nobody knows whether the card exists. It does not, unless `fault` is `error_after`; then its
    webhook, which would have it looked at again, gets lost."""
    stage.hooks.keep()
    await stage.simulator.put("faults", seed=1, rates={fault: 1})
    case = await stage.converted(single())
    await eventually(case.failed_once)
    await case.give_up()
    grant = await case.parked("outcome_unknown")
    await stage.simulator.put("faults", seed=1, rates={})
    return case, grant


async def in_conflict(stage: Stage) -> Found:
    """Our key stands for a card of another amount. Its webhook would have it looked at again."""
    stage.hooks.keep()
    await stage.simulator.put("faults", seed=1, rates={"error_after": 1})
    case = await stage.converted(single())
    await eventually(case.failed_once)
    (order,) = await case.orders()
    await stage.simulator.tamper(
        provider="giftcard-partners", change=[{"key": order.key, "amount": 99_00}]
    )
    await stage.simulator.put("faults", seed=1, rates={})
    return case, await case.parked("key_conflict")


async def bounced(stage: Stage) -> Found:
    await stage.simulator.put("delivery", seconds=0, outcome="bounced")
    case = await stage.converted(single(card()))
    grant = await case.parked("delivery_failed")
    await stage.simulator.put("delivery", seconds=0, outcome="delivered")
    return case, grant


async def overdue(stage: Stage) -> Found:
    case, _ = await ordered(stage)
    (order,) = await case.orders()
    await alter(stage.database, order, first_sent_at=in_past(days=8))
    return case, await case.parked("delivery_overdue")
