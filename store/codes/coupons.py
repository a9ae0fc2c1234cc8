"""Discount coupons: a personal code, created once for a grant, and used like a code."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import select, update
from sqlmodel import col

from domain.codes import CodeConfig
from domain.discounts import Discount
from domain.grants import AT_REST, GrantStatus
from domain.messages import Next, Step
from domain.rewards import DiscountCoupon, reward_of
from domain.verdict import refused
from store.codes.generate import Making, mint
from store.database import Transaction
from store.eligibility.lookup import must_be_in_use, must_not_be_over
from store.eligibility.uses import used_up
from store.grants.postings import fulfil
from store.grants.state import lock_grant, lock_referral, refresh_referral, set_status
from store.grants.stops import park_if_stopped
from store.tables import Coupon, Grant, Voucher

_LENGTH = 12
"""Random characters of a code: 32 to the power of 12 cannot be guessed."""
_DISCOUNT: TypeAdapter[Discount] = TypeAdapter(Discount)


class Taken(NamedTuple):
    """A coupon whose use was just counted."""

    voucher_id: str
    campaign_id: str
    discount: Discount
    grant_id: str
    referral_id: str


async def give(tx: Transaction, grant_id: str) -> Step:
    """Create the grant's coupon, once. A milestone that is reached again gets its old coupon
    back."""
    grant = await lock_grant(tx, grant_id)
    if grant.status in AT_REST:
        return Step(next=Next.REST)
    if stopped := await park_if_stopped(tx, grant):
        return stopped
    referral = await lock_referral(tx, grant.referral_id)
    voucher_id = await _again(tx, grant) or await _mint(tx, grant)
    fulfil(tx, grant)
    set_status(tx, grant, GrantStatus.DELIVERED)
    tx.record(
        "grant.delivered",
        "Discount coupon given",
        detail=reward_of(grant.reward).words,
        data={"voucher_id": voucher_id},
        **grant.event_ids,
    )
    await refresh_referral(tx, referral)
    return Step(next=Next.REST)


async def _again(tx: Transaction, grant: Grant) -> str | None:
    """The grant's earlier coupon, enabled again."""
    statement = select(col(Coupon.voucher_id)).where(col(Coupon.grant_id) == grant.id)
    voucher_id = (await tx.session.scalars(statement)).one_or_none()
    if voucher_id is not None:
        await _set_active(tx, voucher_id, active=True)
    return voucher_id


async def _mint(tx: Transaction, grant: Grant) -> str:
    reward = DiscountCoupon.model_validate(grant.reward)
    making = Making(
        quantity=reward.uses,
        expiration_date=tx.now + reward.valid_for if reward.valid_for else None,
    )
    config = CodeConfig(length=_LENGTH, prefix=reward.prefix)
    (voucher_id,) = await mint(tx, grant.campaign_id, config, 1, making)
    # Not in the pool, so no publication gives it to anybody.
    await tx.session.execute(
        update(Voucher).where(col(Voucher.id) == voucher_id).values(published=True)
    )
    tx.session.add(
        Coupon(
            voucher_id=voucher_id,
            grant_id=grant.id,
            customer_id=grant.recipient_id,
            discount=reward.discount.model_dump(mode="json"),
            created_at=tx.now,
        )
    )
    return voucher_id


async def disable(tx: Transaction, grant: Grant) -> bool:
    """Disable the coupon of an undone grant if it has not been used; return whether it was
    disabled."""
    statement = (
        select(Voucher)
        .join(Coupon, col(Coupon.voucher_id) == Voucher.id)
        .where(col(Coupon.grant_id) == grant.id)
        .with_for_update(of=Voucher)
    )
    voucher = (await tx.session.scalars(statement)).one_or_none()
    if voucher is None or voucher.redeemed_quantity:
        return False
    await _set_active(tx, voucher.id, active=False)
    return True


async def take(tx: Transaction, code: str, customer_id: str) -> Taken | None:
    """Count one use of a coupon; None if the code is not a coupon. Its row stays locked until the
    commit. Raises CannotCount for a coupon that this customer cannot use, or not now."""
    statement = (
        select(Voucher, Coupon, col(Grant.referral_id))
        .join(Coupon, col(Coupon.voucher_id) == Voucher.id)
        .join(Grant, col(Grant.id) == Coupon.grant_id)
        .where(col(Voucher.code) == code)
        .with_for_update(of=Voucher)
    )
    row = (await tx.session.execute(statement)).one_or_none()
    if row is None:
        return None
    voucher, coupon, referral_id = row
    _must_be_usable(tx, voucher, coupon, customer_id)
    voucher.redeemed_quantity += 1
    return Taken(voucher.id, voucher.campaign_id, discount_of(coupon), coupon.grant_id, referral_id)


def discount_of(coupon: Coupon) -> Discount:
    """The coupon's discount."""
    return _DISCOUNT.validate_python(coupon.discount)


def _must_be_usable(tx: Transaction, voucher: Voucher, coupon: Coupon, customer_id: str) -> None:
    if coupon.customer_id != customer_id:
        detail = "The coupon belongs to another customer."
        raise refused("customer_rules_violated", "coupon_owner", detail)
    must_be_in_use(tx, voucher.active)
    must_not_be_over(tx, voucher.expiration_date)
    uses = voucher.quantity or 0
    if voucher.redeemed_quantity >= uses:
        raise used_up(uses, voucher.redeemed_quantity + 1)


async def _set_active(tx: Transaction, voucher_id: str, *, active: bool) -> None:
    await tx.session.execute(
        update(Voucher)
        .where(col(Voucher.id) == voucher_id)
        .values(active=active, updated_at=tx.now)
        .execution_options(synchronize_session="fetch")
    )
