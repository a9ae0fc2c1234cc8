"""What messages say of the stored rows."""

from __future__ import annotations

from datetime import date

from domain.grants import GrantStatus
from domain.messaging import variables as words
from domain.messaging.milestones import Ahead
from domain.messaging.quiet_hours import zone_of
from domain.messaging.undoing import Standing
from domain.money import POINTS
from domain.referrals import ReferralStatus
from domain.rewards import CustomReward, GiftCard, LoyaltyPoints, Reward, Sized
from store.database import Transaction
from store.tables import Customer, Grant, Order, Referral, Voucher


def person(customer: Customer | None) -> words.Person | None:
    """None for nobody, and for who was erased."""
    if customer is None or customer.erased_at is not None:
        return None
    return words.Person(
        id=customer.id,
        name=customer.name,
        email=customer.email,
        phone=customer.phone,
        metadata=customer.attributes,
    )


def role(customer_id: str | None, referral: Referral | None, grant: Grant | None) -> str | None:
    """`referrer` or `referee`."""
    if grant is not None:
        return grant.role
    if referral is None:
        return None
    return "referrer" if referral.referrer_id == customer_id else "referee"


def reward_facts(reward: Reward) -> words.RewardFacts:
    """The kind of reward, without its amount."""
    if isinstance(reward, GiftCard):
        return words.RewardFacts(kind=reward.kind, name=reward.product_id)
    if isinstance(reward, CustomReward):
        return words.RewardFacts(kind=reward.kind, name=reward.name)
    return words.RewardFacts(kind=reward.kind)


def due(grant: Grant | None, customer: Customer | None) -> date | None:
    """The day on which a held reward is ordered, on the person's own calendar."""
    if grant is None or grant.status != GrantStatus.HELD or grant.due_at is None:
        return None
    zone = zone_of(customer.attributes if customer else {}, "UTC")
    return grant.due_at.astimezone(zone).date()


def progress(ahead: Ahead | None, friends: int) -> words.Progress | None:
    """A referrer's way to the next tier."""
    if ahead is None:
        return None
    reward = ahead.tier.reward
    promised = reward_facts(reward)
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


def reason(grant: Grant, referral: Referral | None) -> str:
    """Why a reward was withdrawn."""
    if grant.reversed_by is not None:
        return "refunded"
    rejected = referral is not None and referral.status == ReferralStatus.REJECTED
    return "not_eligible" if rejected else "other"


def standing(
    tx: Transaction,
    grant: Grant | None,
    referral: Referral | None,
    order: Order | None,
    voucher: Voucher | None,
    ahead: Ahead | None,
) -> Standing:
    """What is judged right before sending."""
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
