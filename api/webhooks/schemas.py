"""Outgoing webhooks, as they are asked for and answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.http.fields import Strict, with_examples
from api.http.lists import Listed
from api.rewards.kinds import TargetUrl
from domain.events.catalogue import KnownTypes
from store.webhooks.queries import WebhookRead

_EXAMPLE: dict[str, Any] = {
    "url": "https://acme.example/guerdon",
    "events": ["lane.*", "incident.*"],
}
Patterns = Annotated[
    list[KnownTypes],
    Field(
        min_length=1,
        max_length=50,
        description="Types of events, or the beginning of several; `*` for all.",
        examples=[["lane.*", "incident.*"]],
    ),
]


class WebhookIn(Strict):
    """Where events are to be sent, and which."""

    model_config = with_examples(_EXAMPLE)

    url: TargetUrl
    events: Patterns = Field(default=["*"])
    active: bool = Field(default=True, description="false: nothing is sent until it is active.")


class WebhookChangeIn(Strict):
    """What is left out stays."""

    model_config = with_examples(_EXAMPLE)

    url: TargetUrl | None = None
    events: Patterns | None = None
    active: bool | None = Field(
        default=None,
        description="false: nothing is sent. What happens meanwhile waits, and is sent once it is "
        "active again.",
    )


class WebhookAnswer(BaseModel):
    """A webhook, and how it fares."""

    id: str = Field(examples=["wh_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    object: Literal["webhook"] = "webhook"
    url: str = Field(examples=["https://shop.example/hooks/guerdon"])
    events: list[str] = Field(examples=[["lane.*", "incident.*"]])
    active: bool
    created_at: datetime
    updated_at: datetime | None
    last_success_at: datetime | None = Field(description="When an event was last taken.")
    last_attempt_at: datetime | None
    failing_since: datetime | None = Field(
        description="Since when the next event is not taken; null when all is well."
    )
    failures: int = Field(description="Attempts in a row that failed.", examples=[0])
    failure: str | None = Field(description="The last one's reason.", examples=[None, "HTTP 503"])
    behind: int = Field(
        description="Its events that wait, among the next 5000 of all; they are in the event log.",
        examples=[0],
    )

    @classmethod
    def of(cls, read: WebhookRead) -> WebhookAnswer:
        return cls(behind=read.behind, **read.webhook.model_dump(include=set(cls.model_fields)))


class NewWebhookAnswer(WebhookAnswer):
    """A new webhook, with the secret that its requests are signed with."""

    secret: str = Field(
        description="Shown this once.", examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    )


class WebhookList(Listed[WebhookAnswer]):
    """Webhooks."""
