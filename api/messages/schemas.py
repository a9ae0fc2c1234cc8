"""The log of messages, as it is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from api.http.fields import FromRow, Strict, with_examples
from api.http.ids import CampaignId, CustomerId, GrantId, ReferralId
from api.http.lists import Listed
from domain.messaging.channels import Channel
from domain.messaging.sending import MessageStatus
from store.messages.queries import MessageRead
from store.messages.resend import Report


class MessageAnswer(FromRow):
    """A message to one person about one thing. It names no person and no address."""

    id: str = Field(examples=["msg_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    object: Literal["message"] = "message"
    distribution_id: str = Field(examples=["distr_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    distribution: str = Field(examples=["reward is here"])
    trigger: str = Field(examples=["grant.delivered"])
    customer_id: CustomerId | None = Field(description="null: to the staff.")
    subject_id: str = Field(
        description="What it is about: a grant, a referral, a publication, a tier or an event.",
        examples=["gr_01jd3v5q8g6w2x4y7z9a1b3c5d"],
    )
    campaign_id: CampaignId | None
    referral_id: ReferralId | None
    grant_id: GrantId | None
    channel: Channel
    marketing: bool = Field(examples=[False])
    status: MessageStatus = Field(examples=["sent"])
    detail: str | None = Field(
        description="Why it is not sent, or not yet.", examples=[None, "The person was erased."]
    )
    at: datetime = Field(description="When it was sent, else when it is due or was to be sent.")
    due_at: datetime
    sent_at: datetime | None
    attempts: int = Field(validation_alias="attempt", examples=[1])
    template_id: str | None = Field(examples=["tpl_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    template_version: int | None = Field(examples=[1])
    language: str | None = Field(examples=["en"])
    resend_of: str | None = Field(examples=[None])
    actor: str | None = Field(description="Who had it sent again.", examples=[None])
    created_at: datetime

    @classmethod
    def of(cls, read: MessageRead) -> MessageAnswer:
        row = read.message
        given = {"distribution": read.distribution, "at": row.sent_at or row.next_at}
        return cls.model_validate(row.model_dump() | given)


class MessageList(Listed[MessageAnswer]):
    """Messages."""


class ReportIn(Strict):
    """What a mail service or gateway said after it had taken the message."""

    model_config = with_examples({"what": "bounced"})

    what: Report
