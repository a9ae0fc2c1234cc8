"""Reads what a message speaks of, right before it is sent or shown."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple, TypeVar
from urllib.parse import quote

from sqlalchemy import select
from sqlmodel import SQLModel, col

from domain.campaigns import CampaignTerms
from domain.feed import Place
from domain.grants import GrantStatus
from domain.messaging import variables as words
from domain.messaging.milestones import Ahead, next_milestone
from domain.messaging.quiet_hours import zone_of
from domain.messaging.undoing import Standing
from domain.money import POINTS
from domain.orders import ENDED, ClaimSecret
from domain.referrals import ReferralStatus
from domain.rewards import CustomReward, GiftCard, LoyaltyPoints, Reward, Sized, reward_of
from store.access.vault import Vault
from store.database import Transaction
from store.events.feed import public_form
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

Row = TypeVar("Row", bound=SQLModel)


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
        topic = self._topic
        customer = await self._get(Customer, topic.customer_id)
        event = public_form(topic.event)
        referral = await self._get(Referral, event["referral_id"])
        grant = await self._get(Grant, event["grant_id"])
        campaign = await self._get(Campaign, event["campaign_id"])
        order = await self._order(grant)
        voucher = await self._voucher(referral)
        ahead, friends = await self._ahead(referral)
        shares = self._shares(referral)
        facts = words.Facts(
            customer=_person(customer) or words.Person(id=""),
            role=_role(topic.customer_id, referral, grant),
            friend=await self._friend(referral),
            campaign_id=event["campaign_id"],
            campaign=campaign.name if campaign else None,
            code=voucher.code if voucher and shares else None,
            link=f"{self._public_url}/r/{quote(voucher.code)}" if voucher and shares else None,
            reward=await self._reward(grant, order),
            due=_due(grant, customer),
            claim=await self._claim(order) if self._tells_claim else None,
            progress=_progress(ahead, friends),
            reason=_reason(grant, referral) if grant else None,
            event=event["type"],
            title=event["title"],
            detail=event["detail"],
        )
        standing = _standing(self._tx, grant, referral, order, voucher, ahead)
        return Gathered(facts, standing, customer, self._public_url)

    @property
    def _tells_claim(self) -> bool:
        """Only the news that a card is here says how to take it."""
        return self._topic.event.type == "grant.delivered"

    async def _get(self, table: type[Row], id: str | None) -> Row | None:
        return await self._tx.session.get(table, id) if id else None

    def _shares(self, referral: Referral | None) -> bool:
        """Whether the code is one that this person shares: a friend has none of it."""
        return referral is None or referral.referrer_id == self._topic.customer_id

    async def _friend(self, referral: Referral | None) -> words.Person | None:
        if referral is None:
            return None
        mine = referral.referrer_id == self._topic.customer_id
        other = referral.referee_id if mine else referral.referrer_id
        return _person(await self._tx.session.get(Customer, other))

    async def _order(self, grant: Grant | None) -> Order | None:
        if grant is None:
            return None
        newest = select(Order).where(col(Order.grant_id) == grant.id)
        found = await self._tx.session.scalars(newest.order_by(col(Order.generation).desc()))
        return found.first()

    async def _voucher(self, referral: Referral | None) -> Voucher | None:
        if referral is not None:
            return await self._get(Voucher, referral.voucher_id)
        publication = await self._get(Publication, self._topic.event.data.get("publication_id"))
        return await self._get(Voucher, publication.voucher_id) if publication else None

    async def _ahead(self, referral: Referral | None) -> tuple[Ahead | None, int]:
        if referral is None:
            return None, 0
        return await milestone_ahead(self._tx, referral.campaign_id, referral.referrer_id)

    async def _reward(self, grant: Grant | None, order: Order | None) -> words.RewardFacts | None:
        if grant is None:
            return None
        known = _described(reward_of(grant.reward))
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


def _person(customer: Customer | None) -> words.Person | None:
    if customer is None or customer.erased_at is not None:
        return None
    return words.Person(
        id=customer.id,
        name=customer.name,
        email=customer.email,
        phone=customer.phone,
        metadata=customer.attributes,
    )


def _role(customer_id: str | None, referral: Referral | None, grant: Grant | None) -> str | None:
    if grant is not None:
        return grant.role
    if referral is None:
        return None
    return "referrer" if referral.referrer_id == customer_id else "referee"


def _described(reward: Reward) -> words.RewardFacts:
    if isinstance(reward, GiftCard):
        return words.RewardFacts(kind=reward.kind, name=reward.product_id)
    if isinstance(reward, CustomReward):
        return words.RewardFacts(kind=reward.kind, name=reward.name)
    return words.RewardFacts(kind=reward.kind)


def _due(grant: Grant | None, customer: Customer | None) -> date | None:
    """The day on which a held reward is ordered, on the person's own calendar."""
    if grant is None or grant.status != GrantStatus.HELD or grant.due_at is None:
        return None
    zone = zone_of(customer.attributes if customer else {}, "UTC")
    return grant.due_at.astimezone(zone).date()


def _progress(ahead: Ahead | None, friends: int) -> words.Progress | None:
    if ahead is None:
        return None
    reward = ahead.tier.reward
    promised = _described(reward)
    if isinstance(reward, Sized):
        unit = POINTS if isinstance(reward, LoyaltyPoints) else reward.face and reward.face.currency
        promised = promised.model_copy(update={"amount": reward.quantity, "unit": unit})
    return words.Progress(
        friends=friends,
        missing=ahead.missing,
        threshold=ahead.threshold,
        tier=ahead.tier.name,
        reward=promised,
    )


def _reason(grant: Grant, referral: Referral | None) -> str:
    if grant.reversed_by is not None:
        return "refunded"
    rejected = referral is not None and referral.status == ReferralStatus.REJECTED
    return "not_eligible" if rejected else "other"


def _standing(
    tx: Transaction,
    grant: Grant | None,
    referral: Referral | None,
    order: Order | None,
    voucher: Voucher | None,
    ahead: Ahead | None,
) -> Standing:
    return Standing(
        grant=grant.status if grant else None,
        attention=grant.attention if grant else None,
        taken_back=grant is not None and 0 < grant.amount <= grant.receivable_amount,
        redemption=order.redemption_state if order else None,
        referral=referral.status if referral else None,
        referral_undone=referral is not None and referral.undone,
        code_usable=_usable(tx, voucher) if voucher else None,
        friends_missing=ahead.missing if ahead else None,
    )


def _usable(tx: Transaction, voucher: Voucher) -> bool:
    ends = voucher.expiration_date
    return voucher.active and (ends is None or ends > tx.now)
