"""A grant's value, as the ledger and the wallets name it."""

from __future__ import annotations

from domain import ledger
from domain.money import Money
from domain.reversal import GIFT_CARD
from domain.rewards import GiftCard, LoyaltyPoints, reward_of
from store.tables import Grant


def unit_of(grant: Grant) -> str | None:
    """A currency, POINTS, or None for what has no value that could be owed (a coupon)."""
    return ledger.POINTS if grant.kind == "loyalty_points" else grant.currency


def posting_of(grant: Grant) -> str:
    """The subject of a grant's postings. A milestone that was undone and reached again is the same
    grant, and is booked anew."""
    return f"{grant.id}/{grant.reopened}" if grant.reopened else grant.id


def part_of(grant: Grant) -> str:
    """The subject of a posting about a part of a grant: each reversal settles it once."""
    return f"{posting_of(grant)}/{grant.reversed_by}"


def money(grant: Grant, amount: int) -> Money | None:
    """So much of the grant as money; None for points and coupons."""
    return Money(amount=amount, currency=grant.currency) if grant.currency else None


def is_fixed(grant: Grant) -> bool:
    """Is it a card that is sold in this value only?"""
    if grant.kind != GIFT_CARD:
        return False
    return GiftCard.model_validate(grant.reward).fixed_value


def resize(grant: Grant, amount: int) -> None:
    """Make the grant, and the reward that is frozen with it, worth `amount`."""
    size = "points" if isinstance(reward_of(grant.reward), LoyaltyPoints) else "amount"
    grant.reward, grant.amount = grant.reward | {size: amount}, amount
