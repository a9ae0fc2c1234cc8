"""The campaigns of a chaos run, and their friends."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Literal

from domain.campaigns import CampaignTerms, ConversionKind, Tier
from domain.rewards import reward_of

CANARY = "zyxqvut"
"""Part of every name and address of the run, so that a leak is found by one word."""
DIALLED = "+1917555"
"""The prefix of every phone number of the run."""
FRIENDS_PER_CODE = 5


def _card(provider: str, product_id: str, amount: int, delivery: str) -> dict[str, Any]:
    card = {"kind": "gift_card", "provider": provider, "product_id": product_id}
    return card | {"amount": amount, "currency": "USD", "delivery": delivery}


def _every(reward: dict[str, Any]) -> dict[str, Any]:
    return {"name": "every friend", "criterion": "each_unique_referee", "reward": reward}


def _many(threshold: int, reward: dict[str, Any], *, repeat: bool) -> dict[str, Any]:
    tier = {"name": f"{threshold} friends", "criterion": "min_unique_referees"}
    return tier | {"threshold": threshold, "repeat": repeat, "reward": reward}


Refund = Literal["parts", "whole"]


def refund_of(turn: int) -> Refund | None:
    """The refund of this turn's friend; None for every second one."""
    refunds: tuple[Refund | None, ...] = ("parts", None, "whole", None)
    return refunds[turn % len(refunds)]


def is_early(turn: int) -> bool:
    """Whether this turn's friend is refunded before the purchase is reported: every second refund
    of each kind."""
    return turn % 8 in (2, 4)


@dataclass(frozen=True)
class Plan:
    """A campaign to create. `hot`: one code for all of its friends; else one for every few.
    `limit`: what is used up when half of its friends have been rewarded."""

    name: str
    referee_reward: dict[str, Any]
    tiers: tuple[dict[str, Any], ...]
    hot: bool = False
    limit: Literal["budget", "grants_per_referrer"] | None = None
    returns: bool = False
    """Its friends return goods, and its manager pauses and edits it."""

    @property
    def event(self) -> str:
        """The event that the campaign waits for."""
        return f"bought_{self.name.replace(' ', '_')}"

    def fit(self, friends: int) -> int:
        """How many of so many friends are rewarded."""
        return friends // 2 if self.limit else friends

    def limits(self, friends: int) -> dict[str, Any]:
        """The campaign's limits. The budget's remainder is too small for one more friend."""
        fit = self.fit(friends)
        match self.limit:
            case "budget":
                each = sum(reward["amount"] for reward in self._rewards())
                return {"budget": {"amount": fit * each + each - 1, "currency": "USD"}}
            case "grants_per_referrer":
                return {"grants_per_referrer": fit * len(self.tiers)}
        return {}

    def _rewards(self) -> list[dict[str, Any]]:
        return [self.referee_reward, *(tier["reward"] for tier in self.tiers)]


PLANS = (
    Plan(
        "partners and tremendous",
        _card("giftcard-partners", "CVS", 15_00, "link"),
        (
            _every(_card("tremendous", "OKMHM2X2OHYV", 10_00, "link")),
            _many(5, {"kind": "loyalty_points", "points": 500}, repeat=True),
        ),
    ),
    Plan(
        "tremendous and giftbit",
        _card("tremendous", "OKMHM2X2OHYV", 20_00, "sms"),
        (_every(_card("giftbit", "amazonus", 10_00, "link")),),
    ),
    Plan(
        "tango and runa",
        _card("tango", "U000001", 12_00, "email"),
        (_every(_card("runa", "AMZ-US", 11_00, "link")),),
    ),
    Plan(
        "hot",
        {"kind": "loyalty_points", "points": 50},
        (
            _many(2, {"kind": "gift_credits", "amount": 5_00, "currency": "USD"}, repeat=True),
            _many(5, _card("giftcard-partners", "CVS", 25_00, "email"), repeat=True),
            _many(7, {"kind": "loyalty_points", "points": 900}, repeat=False),
        ),
        hot=True,
    ),
    Plan(
        "soon spent",
        _card("giftcard-partners", "CVS", 15_00, "email"),
        (_every({"kind": "gift_credits", "amount": 4_00, "currency": "USD"}),),
        limit="budget",
    ),
    Plan(
        "soon capped",
        {"kind": "loyalty_points", "points": 50},
        (_every(_card("tremendous", "OKMHM2X2OHYV", 10_00, "link")),),
        hot=True,
        limit="grants_per_referrer",
    ),
    Plan(
        "given back",
        {"kind": "loyalty_points", "points": 50},
        (_every(_card("tremendous", "OKMHM2X2OHYV", 10_00, "link")),),
        returns=True,
    ),
)


@dataclass(frozen=True)
class Friend:
    """One referral of the run, and its caller's behaviour."""

    number: int
    plan: Plan
    campaign_id: str
    code: str
    customer: dict[str, Any]
    event_id: str
    signs_up_first: bool
    two_at_once: bool
    sends_key: bool
    refund: Refund | None = None
    early: bool = False
    """The refund comes before its purchase."""


def person(seed: int, number: int, side: str) -> dict[str, Any]:
    """A customer with everything that any delivery needs."""
    name = f"{CANARY}-{side}-{seed}-{number}"
    return {
        "source_id": name,
        "name": f"{side.title()} {CANARY.title()} {number}",
        "email": f"{name}@example.com",
        "phone": f"{DIALLED}{number:04}",
    }


def friends_of(plan: Plan, referrals: int) -> int:
    """How many of a run's friends belong to this plan: friend n belongs to plan n modulo their
    number."""
    return len(range(PLANS.index(plan), referrals, len(PLANS)))


def campaign_body(plan: Plan, friends: int) -> dict[str, Any]:
    """The body that creates the plan's campaign, for so many friends."""
    return {
        "name": plan.name,
        "campaign_type": "REFERRAL_PROGRAM",
        "type": "AUTO_UPDATE",
        "referral_program": {
            "conversion_event_type": "custom_event",
            "custom_event": {"name": plan.event},
            "referee_reward": plan.referee_reward,
            "tiers": list(plan.tiers),
            "limits": plan.limits(friends),
        },
    }


def terms_of(answer: dict[str, Any]) -> CampaignTerms:
    """The terms of a created campaign, for the sequential reading."""
    program = answer["referral_program"]
    members = ("id", "name", "criterion", "threshold", "repeat")
    tiers = [
        Tier(**{m: tier[m] for m in members}, reward=reward_of(tier["reward"]))
        for tier in program["tiers"]
    ]
    event = program["custom_event"]["name"]
    return CampaignTerms(
        conversion=ConversionKind.CUSTOM_EVENT, event_name=event, tiers=tuple(tiers)
    )


def befriend(
    seed: int, number: int, plan: Plan, campaign_id: str, code: str, dice: random.Random
) -> Friend:
    """The friend of that number, with random behaviour."""
    return Friend(
        number=number,
        plan=plan,
        campaign_id=campaign_id,
        code=code,
        customer=person(seed, number, "friend"),
        event_id=f"{CANARY}-event-{seed}-{number}",
        signs_up_first=dice.random() < 0.25,
        two_at_once=dice.random() < 0.4,
        sends_key=dice.random() < 0.25,
        refund=refund_of(number // len(PLANS)) if plan.returns else None,
        early=plan.returns and is_early(number // len(PLANS)),
    )
