"""Messages to people: templates, distributions, what was sent, and who wants none. Ids only: names
and addresses are read when a message is sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.messaging.channels import Channel
from domain.messaging.sending import MessageStatus
from store.tables.columns import document, instant, one_of

_STANDS = text("deleted_at IS NULL")


class MessageTemplate(SQLModel, table=True):
    """A template; its texts are in its versions. Deleted ones stay, for the log refers to them."""

    __tablename__ = "message_templates"
    __table_args__ = (
        Index("ux_message_templates_name", "name", unique=True, postgresql_where=_STANDS),
        one_of("channel", Channel),
    )

    id: str = Field(primary_key=True)
    name: str
    channel: str
    version: int = 1
    """The newest, which is sent."""
    created_at: datetime = instant()
    updated_at: datetime | None = instant(nullable=True)
    deleted_at: datetime | None = instant(nullable=True)


class TemplateVersion(SQLModel, table=True):
    """A template as it was between two edits."""

    __tablename__ = "message_template_versions"

    template_id: str = Field(primary_key=True, foreign_key="message_templates.id")
    version: int = Field(primary_key=True)
    template: dict[str, Any] = document(nullable=False)
    """A domain.messaging.templates.Template."""
    actor: str | None = None
    """Who wrote it; None: it came with Guerdon."""
    created_at: datetime = instant()


class MessageDistribution(SQLModel, table=True):
    """Which event makes whom receive what. `xid` and `seq`: it is about later events only."""

    __tablename__ = "distributions"
    __table_args__ = (
        Index("ux_distributions_name", "name", unique=True, postgresql_where=_STANDS),
        one_of("channel", Channel),
    )

    id: str = Field(primary_key=True)
    name: str
    event_type: str
    channel: str
    campaign_id: str | None = Field(default=None, foreign_key="campaigns.id")
    template_id: str = Field(foreign_key="message_templates.id", index=True)
    plan: dict[str, Any] = document(nullable=False)
    """A domain.messaging.distributions.Distribution."""
    active: bool = True
    url: str | None = None
    """Where a signed HTTP call goes."""
    secret_id: str | None = Field(default=None, foreign_key="signing_secrets.id")
    xid: int = Field(sa_type=BigInteger)
    seq: int = Field(sa_type=BigInteger)
    created_at: datetime = instant()
    updated_at: datetime | None = instant(nullable=True)
    deleted_at: datetime | None = instant(nullable=True)


class MessagePosition(SQLModel, table=True):
    """How far the event table was read for distributions: one row."""

    __tablename__ = "message_position"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    xid: int = Field(sa_type=BigInteger)
    seq: int = Field(sa_type=BigInteger)


class Message(SQLModel, table=True):
    """One message to one person about one thing: once per distribution, by a unique constraint.

    `attempt` and `claimed_until` are the claim, as of an order."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("distribution_id", "recipient", "subject_id", "generation"),
        one_of("channel", Channel),
        one_of("status", MessageStatus),
        Index("ix_messages_customer_page", "customer_id", "id"),
        Index("ix_messages_distribution_page", "distribution_id", "id"),
        Index("ix_messages_status_page", "status", "id"),
        Index("ix_messages_subject", "subject_id"),
        # Few beside all those that are finished: what nobody carries is looked for among them.
        Index(
            "ix_messages_open",
            "next_at",
            postgresql_where=text("status IN ('waiting', 'sending')"),
        ),
    )

    id: str = Field(primary_key=True)
    distribution_id: str = Field(foreign_key="distributions.id")
    recipient: str
    """The customer's id, or `staff`."""
    subject_id: str
    """The grant, referral, publication or milestone that it is about."""
    generation: int = 1
    """Counts resends, each of which is a message of its own."""
    customer_id: str | None = Field(default=None, foreign_key="customers.id")
    campaign_id: str | None = Field(default=None, foreign_key="campaigns.id")
    referral_id: str | None = Field(default=None, foreign_key="referrals.id", index=True)
    grant_id: str | None = Field(default=None, foreign_key="grants.id", index=True)
    event_id: str
    """The event that caused it."""
    trigger: str
    channel: str
    marketing: bool = False
    status: str = MessageStatus.WAITING
    detail: str | None = None
    """Why it is not sent, in our own words."""
    due_at: datetime = instant()
    """When it was to be sent first."""
    next_at: datetime = instant()
    """Waiting: until then."""
    attempt: int = 0
    claimed_until: datetime | None = instant(nullable=True)
    first_sent_at: datetime | None = instant(nullable=True)
    sent_at: datetime | None = instant(nullable=True)
    template_id: str | None = Field(default=None, foreign_key="message_templates.id")
    template_version: int | None = None
    language: str | None = None
    address: bytes | None = Field(default=None, sa_type=LargeBinary)
    """An HMAC of the address it was sent to, by which a bounce is recognised."""
    carries_claim: bool = False
    """It contains a claim link: sent again where the outcome is unknown."""
    resend_of: str | None = None
    actor: str | None = None
    """Who had it sent again."""
    created_at: datetime = instant()
    updated_at: datetime | None = instant(nullable=True)

    @property
    def event_ids(self) -> dict[str, Any]:
        """The ids that every event of the message carries."""
        return {
            "customer_id": self.customer_id,
            "campaign_id": self.campaign_id,
            "referral_id": self.referral_id,
            "grant_id": self.grant_id,
        }


class MarketingConsent(SQLModel, table=True):
    """What a person said last about marketing on a channel. Deleted with the person."""

    __tablename__ = "consents"
    __table_args__ = (one_of("channel", Channel),)

    customer_id: str = Field(primary_key=True, foreign_key="customers.id")
    channel: str = Field(primary_key=True)
    granted: bool
    source: str | None = None
    at: datetime = instant()
    recorded_at: datetime = instant()


class Suppression(SQLModel, table=True):
    """An address that nothing is sent to: it does not work, or its owner complained. It outlives
    the customer, so it holds no address."""

    __tablename__ = "suppressions"
    __table_args__ = (one_of("channel", Channel),)

    channel: str = Field(primary_key=True)
    address: bytes = Field(primary_key=True, sa_type=LargeBinary)
    """An HMAC under a key that does not rotate."""
    reason: str
    message_id: str | None = None
    created_at: datetime = instant()
