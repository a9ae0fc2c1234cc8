"""Eligibility: each check leaves a verdict with its numbers, also when it passes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel

from domain.campaigns import CampaignTerms
from domain.fraud import Response
from domain.refusals import CannotCount
from domain.verdict import Verdict


class Facts(BaseModel):
    """What a conversion is judged by, read under the referrer's lock."""

    referrer_id: str
    referee_id: str
    received_at: datetime
    occurred_at: datetime | None = None
    """The time of the purchase, if the caller gave it."""
    expires_at: datetime
    grants_to_referrer: int
    new_grants_to_referrer: int


REFERRER_ERASED = Verdict(
    check="referrer",
    passed=True,
    detail="The referrer was erased: the friend's reward stands, the referrer's is dropped.",
)


def judge(terms: CampaignTerms, facts: Facts) -> list[Verdict]:
    """Every check, in the order in which staff read them. Budget is judged last, by its counter."""
    granted = grants_verdict(terms, facts.grants_to_referrer, facts.new_grants_to_referrer)
    return [_own_code(facts), _live(facts), _window(facts), granted]


def _own_code(facts: Facts) -> Verdict:
    passed = facts.referrer_id != facts.referee_id
    return Verdict(
        check="own_code",
        passed=passed,
        detail="The friend is not the referrer." if passed else "The friend is the referrer.",
    )


def _live(facts: Facts) -> Verdict:
    """A disabled campaign refuses only later conversions. What was accepted before counts: the
    receipt time decides, and the caller has been told yes."""
    return Verdict(
        check="campaign_live",
        passed=True,
        detail="The campaign was live when the event was accepted.",
        numbers={"received_at": facts.received_at.isoformat()},
    )


def _window(facts: Facts) -> Verdict:
    bought_at = facts.occurred_at or facts.received_at
    passed = bought_at <= facts.expires_at
    where = "within" if passed else "after"
    detail = f"The event came {where} the attribution window."
    times = {"received_at": facts.received_at, "expires_at": facts.expires_at}
    if facts.occurred_at:
        times["occurred_at"] = facts.occurred_at
        detail = (
            f"Bought on {facts.occurred_at:%Y-%m-%d %H:%M} UTC, {where} the attribution window; "
            f"told of on {facts.received_at:%Y-%m-%d %H:%M} UTC."
        )
    numbers = {name: moment.isoformat() for name, moment in times.items()}
    return Verdict(check="attribution_window", passed=passed, detail=detail, numbers=numbers)


def grants_verdict(terms: CampaignTerms, already: int, new: int) -> Verdict:
    """How many grants the referrer may have in all."""
    limit = terms.limits.grants_per_referrer
    after = already + new
    passed = limit is None or after <= limit
    return Verdict(
        check="grants_per_referrer",
        passed=passed,
        detail="No limit." if limit is None else f"{after} of at most {limit} grants.",
        numbers={"limit": limit, "already": already, "after": after},
    )


def budget_verdict(
    passed: bool, needed: int, currency: str, limit: int | None, left: int | None = None
) -> Verdict:
    """The campaign's budget, decided by the counter's own update, so it cannot be exceeded. `left`:
    what there was when it did not fit."""
    if limit is None:
        return Verdict(check="budget", passed=True, detail="The campaign has no budget limit.")
    fits = "fits" if passed else "does not fit"
    rest = "what is" if left is None else f"the {left}"
    numbers = {"needed": needed, "limit": limit, "currency": currency}
    return Verdict(
        check="budget",
        passed=passed,
        detail=f"{needed} {currency} (minor units) {fits} into {rest} left of {limit}.",
        numbers=numbers if left is None else numbers | {"left": left},
    )


_ABOUT_THE_CUSTOMER = frozenset(
    {"own_code", "audience", "same_email", "same_phone", "same_address", "disposable_email"}
)
_ABOUT_WHAT_IS_LEFT = frozenset({"budget", "redemptions"})


def cannot_count(verdicts: list[Verdict]) -> CannotCount:
    """The refusal of a use whose reward would be refused, in the words of the first failed
    check."""
    failed = next(verdict for verdict in verdicts if not verdict.passed)
    if failed.check in _ABOUT_WHAT_IS_LEFT:
        key = "budget_exhausted"
    elif failed.check == "attribution_window":
        key = "voucher_expired"
    elif failed.check in _ABOUT_THE_CUSTOMER:
        key = "customer_rules_violated"
    else:
        key = "redemption_rules_violated"
    told = [verdict.model_dump(mode="json") for verdict in verdicts]
    return CannotCount(key, failed.detail, verdicts=told)


CAPS = frozenset({"grants_per_referrer", "max_grants", "max_grants_per_referrer"})
"""The checks that can find one of them full."""


def full_tiers(verdicts: Iterable[Verdict]) -> set[str]:
    """The tiers that may give no more."""
    return {one.numbers["tier"] for one in _full(verdicts) if "tier" in one.numbers}


def room_left(verdicts: Iterable[Verdict]) -> int | None:
    """How many more grants the referrer may have, where a conversion would pass the limit."""
    for one in _full(verdicts):
        if one.check == "grants_per_referrer":
            limit, already = int(one.numbers["limit"]), int(one.numbers["already"])
            return max(0, limit - already)
    return None


def friend_alone(verdicts: Iterable[Verdict]) -> Verdict:
    """Why the referrer is not rewarded, and the friend is."""
    reasons = " ".join(one.detail for one in _full(verdicts))
    detail = f"{reasons} The friend's reward stands, without what the referrer is not given."
    return Verdict(check="when_referrer_full", passed=True, detail=detail)


def _full(verdicts: Iterable[Verdict]) -> list[Verdict]:
    return [one for one in verdicts if one.check in CAPS and not one.passed]


CHECK = "same_order"


def same_order_verdict(response: Response, order: str, first: str | None) -> Verdict:
    """`first`: the referral whose valid conversion used the order first in this campaign."""
    hit = first is not None
    words = (
        f"This order converted referral {first} in this campaign before."
        if hit
        else "This order converted no other referral in this campaign."
    )
    return Verdict(
        check=CHECK,
        passed=not (hit and response is Response.REFUSE),
        flagged=hit and response is Response.FLAG,
        detail=words,
        numbers={"order": order, "first": first},
    )
