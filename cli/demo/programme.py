"""The demo's case: refer-a-friend with gift cards, for both kinds of tier."""

from typing import Any

CURRENCY = "USD"
EVENT = "first_purchase"
FRIENDS = ("Ben", "Chloe", "Dan", "Elif", "Femi")
REFERRER = "Ana"

# Face values in cents.
FOR_THE_FRIEND = 1500
FOR_EVERY_FRIEND = 2500
FOR_FIVE_FRIENDS = 10000
BUDGET = 100_000

EXPECTED = sorted(
    [FOR_THE_FRIEND] * len(FRIENDS) + [FOR_EVERY_FRIEND] * len(FRIENDS) + [FOR_FIVE_FRIENDS]
)
"""Every card that five friends earn."""


def campaign() -> dict[str, Any]:
    """The body of `POST /v1/campaigns`: double-sided, both tier criteria, a budget."""
    return {
        "name": "Refer a friend",
        "campaign_type": "REFERRAL_PROGRAM",
        "type": "AUTO_UPDATE",
        "join_once": True,
        "voucher": {
            "type": "DISCOUNT_VOUCHER",
            "discount": {"type": "PERCENT", "percent_off": 10},
            "redemption": {"quantity": None},
            "code_config": {"pattern": "REF-########"},
        },
        "referral_program": {
            "conversion_event_type": "custom_event",
            "custom_event": {"name": EVENT},
            "referee_reward": _gift_card(FOR_THE_FRIEND, "Welcome!"),
            "tiers": [
                {
                    "name": "every friend",
                    "criterion": "each_unique_referee",
                    "reward": _gift_card(FOR_EVERY_FRIEND, "Thank you for a friend!"),
                },
                {
                    "name": "five friends",
                    "criterion": "min_unique_referees",
                    "threshold": len(FRIENDS),
                    "reward": _gift_card(FOR_FIVE_FRIENDS, "Five friends!"),
                },
            ],
            "limits": {"budget": {"amount": BUDGET, "currency": CURRENCY}},
        },
    }


def person(name: str) -> dict[str, Any]:
    """A customer, in the form that every endpoint takes."""
    return {
        "source_id": f"demo-{name.lower()}",
        "name": name,
        "email": f"{name.lower()}@example.com",
    }


def _gift_card(amount: int, message: str) -> dict[str, Any]:
    return {
        "kind": "gift_card",
        "provider": "giftcard-partners",
        "product_id": "CVS",
        "amount": amount,
        "currency": CURRENCY,
        "delivery": "email",
        "personalization": {"from_name": "Marketing Team", "message": message},
    }
