"""A customer's codes, coupons and wallets, in Voucherify's shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from api.http.access import READERS
from api.http.ids import CampaignId, ReferrerId, VoucherId
from api.http.lists import Listed
from api.http.parameters import CustomerPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.vouchers.schemas import VoucherAnswer
from domain.ledger import POINTS
from store.codes.queries import VoucherRead
from store.customers import holdings
from store.customers import queries as customers

router = GuardedRouter("/v1/customers", "Customers")


class GiftBalance(BaseModel):
    """Gift credits, minor units of `currency`."""

    amount: int
    balance: int
    subtracted_amount: int
    currency: str


class PointsBalance(BaseModel):
    """Loyalty points."""

    points: int
    balance: int
    subtracted_points: int


class WalletVoucher(BaseModel):
    """A wallet, as a gift or loyalty card."""

    id: str
    object: Literal["voucher"] = "voucher"
    type: Literal["GIFT_VOUCHER", "LOYALTY_CARD"]
    gift: GiftBalance | None
    loyalty_card: PointsBalance | None
    active: bool = True
    created_at: datetime


class Item(BaseModel):
    """The thing itself."""

    type: Literal["voucher"] = "voucher"
    voucher: VoucherAnswer | WalletVoucher
    status: Literal["ACTIVE", "DISABLED", "NO_BALANCE"]


class Redeemable(BaseModel):
    """One thing that a customer holds: a code to share, a coupon, or a wallet."""

    id: str = Field(examples=["rh_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    created_at: datetime
    redeemable_id: VoucherId
    redeemable_object: Literal["voucher"] = "voucher"
    customer_id: ReferrerId
    holder_role: str = Field(examples=["OWNER"])
    campaign_id: CampaignId | None
    campaign_type: Literal[
        "REFERRAL_PROGRAM", "DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_PROGRAM"
    ]
    voucher_type: Literal["DISCOUNT_VOUCHER", "GIFT_VOUCHER", "LOYALTY_CARD"]
    redeemable: Item

    @classmethod
    def of_code(cls, held: holdings.HeldCode) -> Redeemable:
        holder, voucher = held.holder, VoucherAnswer.of(held.read)
        return cls(
            id=holder.id,
            created_at=holder.created_at,
            redeemable_id=voucher.id,
            customer_id=holder.customer_id,
            holder_role=holder.role,
            campaign_id=voucher.campaign_id,
            campaign_type="REFERRAL_PROGRAM",
            voucher_type="DISCOUNT_VOUCHER",
            redeemable=Item(voucher=voucher, status="ACTIVE" if voucher.active else "DISABLED"),
        )

    @classmethod
    def of_coupon(cls, read: VoucherRead, customer_id: str) -> Redeemable:
        """A discount coupon that the customer earned."""
        voucher = VoucherAnswer.of(read)
        quantity = voucher.redemption.quantity
        used = quantity is not None and voucher.redemption.redeemed_quantity >= quantity
        status: Literal["ACTIVE", "DISABLED", "NO_BALANCE"] = "NO_BALANCE" if used else "ACTIVE"
        return cls(
            id=voucher.id,
            created_at=read.voucher.created_at,
            redeemable_id=voucher.id,
            customer_id=customer_id,
            holder_role="OWNER",
            campaign_id=voucher.campaign_id,
            campaign_type="DISCOUNT_COUPONS",
            voucher_type="DISCOUNT_VOUCHER",
            redeemable=Item(voucher=voucher, status=status if voucher.active else "DISABLED"),
        )

    @classmethod
    def of_wallet(cls, wallet: holdings.Wallet, customer_id: str) -> Redeemable:
        points = wallet.unit == POINTS
        id = f"wallet_{wallet.unit.lower()}_{customer_id}"
        return cls(
            id=id,
            created_at=wallet.opened_at,
            redeemable_id=id,
            customer_id=customer_id,
            holder_role="OWNER",
            campaign_id=None,
            campaign_type="LOYALTY_PROGRAM" if points else "GIFT_VOUCHERS",
            voucher_type="LOYALTY_CARD" if points else "GIFT_VOUCHER",
            redeemable=Item(
                voucher=_card(id, wallet), status="ACTIVE" if wallet.balance else "NO_BALANCE"
            ),
        )


class RedeemableList(Listed[Redeemable]):
    """Everything that a customer holds: codes newest first, then coupons, then wallets."""

    more_starting_after: str | None


@router.get("/{customer_id}/redeemables", "resource_not_found", "invalid_payload", roles=READERS)
async def list_redeemables(
    customer_id: CustomerPath,
    held: Held,
    limit: Annotated[int, Query(ge=1, le=100, description="How many at most.")] = 100,
    starting_after_id: Annotated[
        str | None,
        Query(
            max_length=128,
            description="The `id` of the last one that was seen; the list goes on behind it.",
        ),
    ] = None,
) -> RedeemableList:
    """What the customer holds: codes to share, coupons, and wallets with their balances."""
    async with held.database.reading() as session:
        customer = await customers.find(session, customer_id)
        codes = await holdings.codes_of(session, customer.id)
        coupons = await holdings.coupons_of(session, customer.id)
        wallets = await holdings.wallets_of(session, customer.id)
    data = [Redeemable.of_code(code) for code in codes]
    data += [Redeemable.of_coupon(coupon, customer.id) for coupon in coupons]
    data += [Redeemable.of_wallet(wallet, customer.id) for wallet in wallets]
    rest = _after(data, starting_after_id)
    part, more = rest[:limit], len(rest) > limit
    return RedeemableList(
        data=part,
        total=len(data),
        has_more=more,
        more_starting_after=part[-1].id if more else None,
    )


def _after(data: list[Redeemable], id: str | None) -> list[Redeemable]:
    if id is None:
        return data
    ids = [one.id for one in data]
    return data[ids.index(id) + 1 :] if id in ids else []


def _card(id: str, wallet: holdings.Wallet) -> WalletVoucher:
    used = wallet.amount - wallet.balance
    if wallet.unit == POINTS:
        points = PointsBalance(points=wallet.amount, balance=wallet.balance, subtracted_points=used)
        return WalletVoucher(
            id=id, type="LOYALTY_CARD", gift=None, loyalty_card=points, created_at=wallet.opened_at
        )
    gift = GiftBalance(
        amount=wallet.amount,
        balance=wallet.balance,
        subtracted_amount=used,
        currency=wallet.unit,
    )
    return WalletVoucher(
        id=id, type="GIFT_VOUCHER", gift=gift, loyalty_card=None, created_at=wallet.opened_at
    )
