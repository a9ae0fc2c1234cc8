"""Referrals, the messages to their workflows, and each referrer's progress."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.referrals import ReferralStatus
from store.tables.columns import document, instant, keys, one_of


class Referral(SQLModel, table=True):
    """The link between a referrer and a referee in one campaign: once, for ever."""

    __tablename__ = "referrals"
    __table_args__ = (
        UniqueConstraint("campaign_id", "referee_id"),
        ForeignKeyConstraint(
            ["campaign_id", "campaign_version"],
            ["campaign_versions.campaign_id", "campaign_versions.version"],
        ),
        one_of("status", ReferralStatus),
        Index("ix_referrals_order_ids", "order_ids", postgresql_using="gin"),
        # Lists page by id, whatever they are narrowed to.
        Index("ix_referrals_campaign_page", "campaign_id", "id"),
        Index("ix_referrals_status_page", "status", "id"),
        Index("ix_referrals_referrer_page", "referrer_id", "id"),
        Index("ix_referrals_voucher_page", "voucher_id", "id"),
        # How many conversions of a code, or of a campaign, fall into a period.
        Index("ix_referrals_voucher_id", "voucher_id", "converted_at"),
        Index(
            "ix_referrals_counted",
            "campaign_id",
            "converted_at",
            postgresql_where=text("ordinal IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    campaign_id: str
    campaign_version: int
    voucher_id: str = Field(foreign_key="vouchers.id")
    referrer_id: str = Field(foreign_key="customers.id")
    referee_id: str = Field(foreign_key="customers.id", index=True)
    status: str = ReferralStatus.WAITING
    reason: str | None = None
    """Why it was rejected or expired, in words."""
    created_at: datetime = instant()
    expires_at: datetime = instant()
    converted_at: datetime | None = instant(nullable=True)
    conversion: dict[str, Any] | None = document(default=None, nullable=True)
    ordinal: int | None = None
    """The conversion's number among the referrer's unique referees."""
    verdicts: list[dict[str, Any]] = document(default_factory=list, nullable=False)
    workflow_id: str
    order_source_id: str | None = Field(default=None, index=True)
    """The id that is shown of the order behind the conversion."""
    order_ids: list[str] | None = keys()
    """Keys of every id that it came with; NULL: recorded before all of them were."""
    order_amount: int | None = Field(default=None, sa_type=BigInteger)
    """What the order behind the conversion came to before the code's discount, minor units."""
    paid_amount: int | None = Field(default=None, sa_type=BigInteger)
    """What was paid for it; refunds are shares of this. None: of `order_amount`."""
    order_currency: str | None = None
    reversed_at: datetime | None = instant(nullable=True)
    """When all of it was undone."""
    reversal_id: str | None = None
    """The latest that was asked for since it was bought last."""
    undone: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """All of it was reversed, or is about to be."""
    round: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How often it was reinstated: only reversals of this round count."""
    reinstating: dict[str, Any] | None = document(default=None, nullable=True)
    """It is to be judged anew; the conversion that it is judged by, where that is another one."""
    earlier_ordinal: int | None = None
    """The number that its conversion had before it was undone, and has again."""
    attributes: dict[str, Any] = document(default_factory=dict, nullable=False)
    updated_at: datetime | None = instant(nullable=True)

    @property
    def event_ids(self) -> dict[str, str]:
        """The ids that every event of the referral carries."""
        return {
            "referral_id": self.id,
            "campaign_id": self.campaign_id,
            "customer_id": self.referee_id,
        }


class Intake(SQLModel, table=True):
    """An accepted request on its way to its workflow, written in the transaction that accepted
    it. `sent_at` is set once Temporal has it; the redrive sends what was left."""

    __tablename__ = "intake"
    __table_args__ = (
        Index("ix_intake_unsent", "received_at", postgresql_where=text("sent_at IS NULL")),
    )

    id: str = Field(primary_key=True)
    """The message's identity: a hash of campaign, referee and the caller's event id."""
    referral_id: str = Field(foreign_key="referrals.id", index=True)
    start: dict[str, Any] = document(nullable=False)
    conversion: dict[str, Any] | None = document(default=None, nullable=True)
    reversal_id: str | None = None
    """The message asks for this reversal to be carried out."""
    received_at: datetime = instant()
    sent_at: datetime | None = instant(nullable=True)


class ReferrerProgress(SQLModel, table=True):
    """A referrer's count in a campaign. Locked first by every qualification: concurrent
    conversions of one code are judged one after the other."""

    __tablename__ = "referrer_progress"

    campaign_id: str = Field(primary_key=True, foreign_key="campaigns.id")
    referrer_id: str = Field(primary_key=True, foreign_key="customers.id")
    unique_referees: int = 0
    """Falls with a reversal."""
    conversions: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How many ever counted: the next one's number, never reused."""
    grants: int = 0


class ProgressCheck(SQLModel, table=True):
    """What the last sweep found that compared the facts with what Temporal runs: one row."""

    __tablename__ = "progress_checks"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    missing: int
    """Workflows that the facts ask for and nobody runs."""
    idle: int
    """Workflows that run for facts at rest."""
    so_far: int
    """Found missing in this round, which goes over all open referrals in a few sweeps."""
    behind: str
    """The round goes on behind this referral."""
    checked_at: datetime = instant()


class FailingWork(SQLModel, table=True):
    """An activity that fails for a reason that waiting does not mend: a constraint, an input, a
    programming error. It is tried again all the same, for a deployment may mend it."""

    __tablename__ = "failing_work"

    workflow_id: str = Field(primary_key=True)
    activity: str = Field(primary_key=True)
    error: str
    """The exception's class: its words may quote a person."""
    failures: int
    since: datetime = instant()
    last_at: datetime = instant()
    until: datetime = instant()
    """By then it has been tried again, or nobody tries any more."""


class SweepTurn(SQLModel, table=True):
    """When a sweep was last started. All workers share the row."""

    __tablename__ = "sweep_turns"

    name: str = Field(primary_key=True)
    begun_at: datetime = instant()
