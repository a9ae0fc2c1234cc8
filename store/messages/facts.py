"""Reads what a message speaks of, right before it is sent or shown."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import col

from domain.campaigns import CampaignTerms
from domain.feed import Place
from domain.links import share_url
from domain.messaging import variables as words
from domain.messaging.milestones import Ahead, next_milestone
from domain.messaging.undoing import Standing
from domain.orders import ENDED, ClaimSecret
from domain.rewards import reward_of
from store.access.vault import Vault
from store.database import ReadSession, Transaction
from store.events.feed import public_form
from store.events.outgoing import rows_of
from store.messages import described
from store.tables import (
    Campaign,
    CampaignVersion,
    ClaimLink,
    Coupon,
    Customer,
    Event,
    Grant,
    Message,
    Order,
    Publication,
    Referral,
    ReferrerProgress,
    Voucher,
)


class Topic(NamedTuple):
    """What a message is about."""

    trigger: str
    customer_id: str | None
    event: Event


class Gathered(NamedTuple):
    """The facts, and whether they still hold. `customer`: None for the staff."""

    facts: words.Facts
    standing: Standing
    customer: Customer | None
    public_url: str


async def gather(tx: Transaction, topic: Topic, vault: Vault | None, public_url: str) -> Gathered:
    """`vault` opens claim links; without it they are left out. `public_url`: where links lead."""
    return await _Reader(tx, topic, vault, public_url).read()


class _Reader:
    def __init__(self, tx: Transaction, topic: Topic, vault: Vault | None, public_url: str) -> None:
        self._tx, self._topic, self._vault = tx, topic, vault
        self._public_url = public_url.rstrip("/")

    async def read(self) -> Gathered:
        event = self._topic.event
        rows = await rows_of(ReadSession(self._tx.session), [event])
        customer = rows.people.get(self._topic.customer_id or "")
        referral = rows.referrals.get(event.referral_id or "")
        grant = rows.grants.get(event.grant_id or "")
        campaign = rows.campaigns.get(event.campaign_id or "")
        order = rows.orders.get(event.grant_id or "")
        voucher = await self._voucher(referral)
        ahead, friends = await self._ahead(referral)
        shared = voucher.code if voucher and self._shares(referral) else None
        leads = campaign is not None and campaign.landing_url is not None
        told = public_form(event)
        facts = words.Facts(
            customer=described.person(customer) or words.Person(id=""),
            role=described.role(self._topic.customer_id, referral, grant),
            friend=described.person(rows.people.get(self._friend(referral) or "")),
            campaign_id=event.campaign_id,
            campaign=campaign.name if campaign else None,
            code=shared,
            link=share_url(self._public_url, shared) if shared and leads else None,
            reward=await self._reward(grant, order),
            due=described.due(grant, customer),
            claim=await self._claim(order) if self._tells_claim else None,
            progress=described.progress(ahead, friends),
            reason=described.reason(grant, referral) if grant else None,
            event=event.type,
            title=event.title,
            detail=told["detail"],
        )
        standing = described.standing(self._tx, grant, referral, order, voucher, ahead)
        return Gathered(facts, standing, customer, self._public_url)

    @property
    def _tells_claim(self) -> bool:
        """Only the news that a card is here says how to take it."""
        return self._topic.event.type == "grant.delivered"

    def _shares(self, referral: Referral | None) -> bool:
        """Whether the code is one that this person shares: a friend has none of it."""
        return referral is None or referral.referrer_id == self._topic.customer_id

    def _friend(self, referral: Referral | None) -> str | None:
        """The id of the other side."""
        if referral is None:
            return None
        mine = referral.referrer_id == self._topic.customer_id
        return referral.referee_id if mine else referral.referrer_id

    async def _voucher(self, referral: Referral | None) -> Voucher | None:
        get = self._tx.session.get
        if referral is not None:
            return await get(Voucher, referral.voucher_id)
        publication_id = self._topic.event.data.get("publication_id")
        publication = await get(Publication, publication_id) if publication_id else None
        return await get(Voucher, publication.voucher_id) if publication else None

    async def _ahead(self, referral: Referral | None) -> tuple[Ahead | None, int]:
        if referral is None:
            return None, 0
        return await milestone_ahead(self._tx, referral.campaign_id, referral.referrer_id)

    async def _reward(self, grant: Grant | None, order: Order | None) -> words.RewardFacts | None:
        if grant is None:
            return None
        known = described.reward_facts(reward_of(grant.reward))
        coupon = select(col(Voucher.code)).join(Coupon, col(Coupon.voucher_id) == Voucher.id)
        code = await self._tx.session.scalar(coupon.where(col(Coupon.grant_id) == grant.id))
        amount = order.face_amount if order else grant.amount
        return known.model_copy(update={"amount": amount, "unit": grant.unit, "code": code})

    async def _claim(self, order: Order | None) -> words.Claim | None:
        if self._vault is None or order is None or order.state in ENDED:
            return None
        link = await self._tx.session.get(ClaimLink, order.id)
        if link is None:
            return None
        opened = self._vault.decrypt(link.ciphertext, order.id)
        secret = ClaimSecret.model_validate_json(opened)
        return words.Claim(url=secret.link, answer=secret.challenge_answer)


async def milestone_ahead(
    tx: Transaction, campaign_id: str, referrer_id: str
) -> tuple[Ahead | None, int]:
    """The referrer's next milestone under the campaign's terms now, and the count of friends."""
    progress = await tx.session.get(ReferrerProgress, (campaign_id, referrer_id))
    friends = progress.unique_referees if progress else 0
    current = (
        select(col(CampaignVersion.terms))
        .join(Campaign, col(Campaign.id) == CampaignVersion.campaign_id)
        .where(col(Campaign.id) == campaign_id, col(CampaignVersion.version) == Campaign.version)
    )
    stored = await tx.session.scalar(current)
    if stored is None:
        return None, friends
    return next_milestone(CampaignTerms.model_validate(stored).tiers, friends), friends


async def topic_of_message(tx: Transaction, message: Message) -> Topic:
    """What the message is about, by the event that caused it."""
    place = Place.of(message.event_id)
    statement = select(Event).where(col(Event.xid) == place.xid, col(Event.seq) == place.seq)
    event = (await tx.session.scalars(statement)).one()
    return topic_of(event, message.trigger, message.customer_id)


def topic_of(event: Event, trigger: str, customer_id: str | None) -> Topic:
    """What a message about this event is about."""
    return Topic(trigger, customer_id, event)
