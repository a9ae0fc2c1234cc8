"""The `data` of events about settings, providers and files."""

from __future__ import annotations

from pydantic import Field

from domain.events.data import EventData, OfCampaign, OfUse, PersonRef


class OfCustomer(OfCampaign):
    """About a customer."""

    customer: PersonRef


class OfMessage(OfUse):
    """About a message to a customer or to the staff."""

    message_id: str = Field(examples=["msg_01jd3v5q8g6w2x4y7z9a1b3c5d"])


class OfTemplate(EventData):
    """About a message template."""

    template_id: str = Field(examples=["tpl_01jd3v5q8g6w2x4y7z9a1b3c5d"])


class OfDistribution(EventData):
    """About a distribution of messages."""

    distribution_id: str = Field(examples=["distr_01jd3v5q8g6w2x4y7z9a1b3c5d"])


class OfProvider(EventData):
    """About a provider."""

    provider: str = Field(examples=["tremendous"])


class OfReconciliation(EventData):
    """About a reconciliation, or one of its differences."""

    reconciliation_id: str = Field(examples=["rec_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    item_id: str | None = Field(default=None, examples=["inc_01jd3v5q8g6w2x4y7z9a1b3c5d"])


class OfReward(EventData):
    """About a reward definition."""

    reward_id: str = Field(examples=["rew_01jd3v5q8g6w2x4y7z9a1b3c5d"])


class OfSegment(EventData):
    """About a segment."""

    segment_id: str = Field(examples=["seg_01jd3v5q8g6w2x4y7z9a1b3c5d"])


class OfRule(EventData):
    """About a validation rule."""

    rule_id: str = Field(examples=["val_01jd3v5q8g6w2x4y7z9a1b3c5d"])


class OfSchema(EventData):
    """About a metadata schema."""

    schema_id: str = Field(examples=["ms_01jd3v5q8g6w2x4y7z9a1b3c5d"])


class OfKey(EventData):
    """About an API key."""

    app_id: str = Field(examples=["app_01jd3v5q8g6w2x4y7z9a1b3c5d"])


class OfWebhook(EventData):
    """About an outgoing webhook."""

    webhook_id: str = Field(examples=["wh_01jd3v5q8g6w2x4y7z9a1b3c5d"])


class OfExport(EventData):
    """About an export."""

    export_id: str = Field(examples=["exp_01jd3v5q8g6w2x4y7z9a1b3c5d"])


class OfAction(EventData):
    """About a bulk action or an import."""

    action_id: str = Field(examples=["aa_01jd3v5q8g6w2x4y7z9a1b3c5d"])
