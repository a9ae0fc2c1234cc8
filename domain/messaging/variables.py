"""What a template can say: the facts behind a message, in the reader's language.

Every name exists in every message, and is empty where it does not apply, so that a template can ask
`{% if claim.url %}`. A name that does not exist is an error when the template is stored."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.messaging.liquid import Lenient
from domain.messaging.local_words import amount_words, day_words
from domain.messaging.names import first_name, shown_name


class Person(BaseModel):
    """A person in a message. `address`: e-mail or phone, of the one who receives it."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    metadata: dict[str, Any] = {}


class RewardFacts(BaseModel):
    """A grant's reward. `amount`: minor units, or points."""

    model_config = ConfigDict(frozen=True)

    kind: str
    amount: int | None = None
    unit: str | None = None
    name: str | None = None
    """Of a custom reward; else the product that a gift card is of."""
    code: str | None = None
    """Of a discount coupon."""


class Claim(BaseModel):
    """How a gift card is taken. Whoever has this has the money."""

    model_config = ConfigDict(frozen=True)

    url: str | None = None
    answer: str | None = None


class Progress(BaseModel):
    """A referrer's way to the next tier."""

    model_config = ConfigDict(frozen=True)

    friends: int
    missing: int
    threshold: int
    tier: str
    reward: RewardFacts


class Facts(BaseModel):
    """Everything that a message can speak of."""

    model_config = ConfigDict(frozen=True)

    customer: Person
    role: str | None = None
    friend: Person | None = None
    """The other side of the referral."""
    campaign_id: str | None = None
    campaign: str | None = None
    code: str | None = None
    link: str | None = None
    reward: RewardFacts | None = None
    due: date | None = None
    """The day on which a held reward is ordered."""
    claim: Claim | None = None
    progress: Progress | None = None
    reason: str | None = None
    """One of `refunded`, `not_eligible`, `other`."""
    event: str | None = None
    """The type of the event behind it, and its words: for the staff."""
    title: str | None = None
    detail: str | None = None
    unsubscribe_url: str | None = None


def variables(facts: Facts, language: str) -> dict[str, Any]:
    """The names of a template, for one language."""
    claim, progress = facts.claim or Claim(), facts.progress
    return {
        "language": language,
        "customer": _person(facts.customer)
        | {"email": facts.customer.email or "", "phone": facts.customer.phone or ""},
        "friend": _person(facts.friend),
        "role": facts.role or "",
        "campaign": {"id": facts.campaign_id or "", "name": facts.campaign or ""},
        "code": facts.code or "",
        "link": facts.link or "",
        "reward": _reward(facts.reward, language),
        "due_date": day_words(facts.due, language) if facts.due else "",
        "claim": {"url": claim.url or "", "answer": claim.answer or ""},
        "progress": {
            "friends": progress.friends if progress else 0,
            "missing": progress.missing if progress else 0,
            "threshold": progress.threshold if progress else 0,
            "tier": progress.tier if progress else "",
            "reward": _reward(progress.reward if progress else None, language),
        },
        "reason": facts.reason or "",
        "event": {
            "type": facts.event or "",
            "title": facts.title or "",
            "detail": facts.detail or "",
        },
        "unsubscribe_url": facts.unsubscribe_url or "",
    }


def _person(person: Person | None) -> dict[str, Any]:
    return {
        "id": person.id if person else "",
        "name": (person and shown_name(person.name)) or "",
        "first_name": (person and first_name(person.name)) or "",
        "metadata": Lenient(person.metadata if person else {}),
    }


def _reward(reward: RewardFacts | None, language: str) -> dict[str, Any]:
    if reward is None:
        return {"kind": "", "amount": "", "name": "", "code": ""}
    counted = reward.amount is not None and reward.kind != "discount_coupon"
    amount = amount_words(reward.amount or 0, reward.unit, language) if counted else ""
    return {
        "kind": reward.kind,
        "amount": amount,
        "name": reward.name or "",
        "code": reward.code or "",
    }


SAMPLE = Facts(
    customer=Person(
        id="cust_01jd3v5q8g6w2x4y7z9a1b3c5j",
        name="Jane Doe",
        email="jane@example.com",
        phone="+15550100",
        metadata={"lang": "en"},
    ),
    role="referrer",
    friend=Person(id="cust_01jd3v5q8g6w2x4y7z9a1b3c5b", name="Bob Roe"),
    campaign_id="camp_01jd3v5q8g6w2x4y7z9a1b3c5d",
    campaign="Refer a friend",
    code="REF-7K2M9QXA",
    link="https://shop.example/r/REF-7K2M9QXA",
    reward=RewardFacts(kind="gift_card", amount=1500, unit="USD", name="CVS"),
    due=date(2026, 12, 24),
    claim=Claim(url="https://rewards.example/claim/sample", answer=None),
    progress=Progress(
        friends=4,
        missing=1,
        threshold=5,
        tier="five friends",
        reward=RewardFacts(kind="loyalty_points", amount=500, unit="POINTS"),
    ),
    reason="refunded",
    event="grant.delivered",
    title="Reward delivered",
    detail="15.00 USD by giftcard-partners",
    unsubscribe_url="https://api.shop.example/unsubscribe/sample",
)
"""For previews: the case that the documentation tells."""

BARE = Facts(customer=Person(id="cust_01jd3v5q8g6w2x4y7z9a1b3c5j"))
"""The least that may be known: a template must render with it too."""
