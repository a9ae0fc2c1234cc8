"""Grants, their orders, and the claim links."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain import ledger
from domain.grants import Attention, GrantStatus
from domain.money import Money
from domain.orders import DeliveryState, OrderState, RedemptionState
from domain.rewards import GiftCard, LoyaltyPoints, reward_of
from store.tables.columns import document, instant, one_of

_IDENTITY = ("campaign_id", "reason", "recipient_id", "ordinal")


class Grant(SQLModel, table=True):
    """One reward owed to one person for one reason. `amount` in minor units, or points."""

    __tablename__ = "grants"
    __table_args__ = (
        # Two indexes, because a tier may have rewarded each friend before it became a milestone.
        Index(
            "ux_grants_friend",
            *_IDENTITY,
            unique=True,
            postgresql_where=text("friends_counted IS NULL"),
        ),
        Index(
            "ux_grants_milestone",
            *_IDENTITY,
            unique=True,
            postgresql_where=text("friends_counted IS NOT NULL"),
        ),
        # Lists page by id, whatever they are narrowed to.
        Index("ix_grants_campaign_page", "campaign_id", "id"),
        Index("ix_grants_recipient_page", "recipient_id", "id"),
        Index("ix_grants_status_page", "status", "id"),
        Index("ix_grants_kind_page", "kind", "id"),
        # Few beside all those at rest. What is late is found by when it changed or was due.
        Index(
            "ix_grants_open_since",
            "status",
            text("coalesce(updated_at, created_at)"),
            postgresql_where=text("status NOT IN ('delivered', 'cancelled', 'failed')"),
        ),
        Index(
            "ix_grants_open_due",
            "status",
            "due_at",
            postgresql_where=text(
                "due_at IS NOT NULL AND status NOT IN ('delivered', 'cancelled', 'failed')"
            ),
        ),
        CheckConstraint("amount > 0", name="amount_positive"),
        one_of("status", GrantStatus),
        one_of("attention", Attention),
    )

    id: str = Field(primary_key=True)
    referral_id: str = Field(foreign_key="referrals.id", index=True)
    campaign_id: str = Field(foreign_key="campaigns.id")
    reason: str
    recipient_id: str = Field(foreign_key="customers.id")
    ordinal: int
    """The conversion's number, or the milestone's: never reused."""
    friends_counted: int | None = None
    """The count of friends that earned it, if it is a milestone's."""
    key_ordinal: int | None = None
    """The ordinal in its order keys, where an upgrade has renumbered the grant: a key never
    changes."""
    key_stem: str | None = None
    """What its order keys begin with, for ever. None: made before stems were frozen."""
    role: str
    """referee or referrer."""
    kind: str
    reward: dict[str, Any] = document(nullable=False)
    """The reward's definition, frozen with the grant."""
    amount: int = Field(sa_type=BigInteger)
    currency: str | None = None
    """None for points."""
    status: str
    attention: str | None = None
    attention_detail: str | None = None
    netted: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    """What was kept back of it for a debt of the person's."""
    reversal_due: int = Field(
        default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    """How much of its whole value refunds have undone so far."""
    reversed_amount: int = Field(
        default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    """How much of that has been taken back or booked as owed; the rest waits for the provider."""
    receivable_amount: int = Field(
        default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    """The part of `reversed_amount` that the person owes, for the reward stands."""
    reversed_by: str | None = None
    """The latest reversal that is due of it."""
    reopened: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How often an undone milestone was reached again."""
    review: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    """A person decides before it is ordered."""
    due_at: datetime | None = instant(nullable=True)
    """The end of its hold; parked or in review, by when a person should have acted."""
    workflow_id: str
    """Who carries it now: the referral's workflow, or an aftercare."""
    created_at: datetime = instant()
    updated_at: datetime | None = instant(nullable=True)

    @property
    def event_ids(self) -> dict[str, str]:
        """The ids that every event of the grant carries."""
        return {
            "grant_id": self.id,
            "referral_id": self.referral_id,
            "campaign_id": self.campaign_id,
            "customer_id": self.recipient_id,
        }

    @property
    def unit(self) -> str | None:
        """A currency, POINTS, or None for what has no value that could be owed (a coupon)."""
        return ledger.POINTS if self.kind == "loyalty_points" else self.currency

    @property
    def posting_subject(self) -> str:
        """A milestone that was undone and reached again is the same grant, and is booked anew."""
        return f"{self.id}/{self.reopened}" if self.reopened else self.id

    @property
    def part_subject(self) -> str:
        """The subject of a posting about a part of it: each reversal settles it once."""
        return f"{self.posting_subject}/{self.reversed_by}"

    @property
    def sold_in_one_value(self) -> bool:
        """Whether it is a card that is sold in this value only."""
        reward = reward_of(self.reward)
        return isinstance(reward, GiftCard) and reward.fixed_value

    def money(self, amount: int) -> Money | None:
        """This many minor units of it as money; None for points and coupons."""
        return Money(amount=amount, currency=self.currency) if self.currency else None

    def resize(self, amount: int) -> None:
        """Change its amount, in the reward that is frozen with it too."""
        size = "points" if isinstance(reward_of(self.reward), LoyaltyPoints) else "amount"
        self.reward, self.amount = self.reward | {size: amount}, amount


class Order(SQLModel, table=True):
    """One attempt-safe purchase of a gift card. Written down before the first byte is sent.

    `attempt` and `claimed_until` are the claim: an attempt sends only while it holds it."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("grant_id", "generation"),
        UniqueConstraint("provider", "provider_order_id"),
        Index("ix_orders_sent", "provider", "first_sent_at"),
        Index("ix_orders_birth", "created_at", "id"),
        Index("ix_orders_provider_page", "provider", "id"),
        Index("ix_orders_state_page", "state", "id"),
        # Searched without knowing the provider.
        Index("ix_orders_provider_order_id", "provider_order_id"),
        one_of("state", OrderState),
        one_of("delivery_state", DeliveryState),
        one_of("redemption_state", RedemptionState),
    )

    id: str = Field(primary_key=True)
    grant_id: str = Field(foreign_key="grants.id")
    provider: str
    key: str = Field(unique=True)
    generation: int
    fingerprint: str
    request: dict[str, Any] | None = document(default=None, nullable=True)
    """The frozen OrderRequest; emptied when its person is erased."""
    hook_token: str = Field(unique=True)
    face_amount: int = Field(sa_type=BigInteger)
    charged_amount: int | None = Field(default=None, sa_type=BigInteger)
    charged_currency: str | None = None
    """The deposit's, which may differ from the card's."""
    currency: str
    state: str = OrderState.PREPARED
    delivery_state: str = DeliveryState.PENDING
    redemption_state: str = RedemptionState.UNKNOWN
    raw_status: str | None = None
    provider_order_id: str | None = None
    attempt: int = 0
    repeats: int = 0
    """How often the key was sent again while the outcome was in doubt."""
    claimed_until: datetime | None = instant(nullable=True)
    followed_until: datetime | None = instant(nullable=True)
    """Until then the activity that places it stays with it, and hears its webhooks itself."""
    first_sent_at: datetime | None = instant(nullable=True)
    absent_since: datetime | None = instant(nullable=True)
    """Refused while in doubt: since then no search has found an order under the key."""
    issued_at: datetime | None = instant(nullable=True)
    resent_at: datetime | None = instant(nullable=True)
    """When staff last had its card sent again: from then on its delivery is followed anew."""
    resent_to: str | None = None
    """The corrected address, where they gave one: a later generation goes there. Emptied when its
    person is erased."""
    created_at: datetime = instant()
    updated_at: datetime | None = instant(nullable=True)


class ClaimLink(SQLModel, table=True):
    """A claim link and its challenge answer, encrypted; the order's id is associated data."""

    __tablename__ = "claims"

    order_id: str = Field(primary_key=True, foreign_key="orders.id")
    ciphertext: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = instant()
