"""Every check that a conversion must pass before it counts, each with its verdict.

The caller holds the referrer's progress row. Lock order: friends' marks, then the campaign's row if
a limit or a rule is shared by all of its referrers."""

from __future__ import annotations

from domain.campaigns import CampaignTerms, ConversionKind, Review
from domain.fraud import fraud_verdicts
from domain.rules.evaluation import Basket
from domain.verdict import Verdict
from domain.verdicts import Facts, judge
from store.database import Transaction
from store.eligibility import counting, limits, rules
from store.eligibility.counting import Subject
from store.marks.people import People
from store.qualification import duplicates
from store.referrals.purchases import same_order
from store.tables import Grant, Referral

_AT_THE_DOOR = ("time_window", "audience", "redemptions_per_customer")
"""Judged when the referral began; these verdicts stay."""


async def run_checks(
    tx: Transaction,
    referral: Referral,
    people: People,
    terms: CampaignTerms,
    facts: Facts,
    grants: list[Grant],
) -> list[Verdict]:
    """All verdicts, in the order in which staff read them. Budget comes last, by its counter."""
    at = facts.received_at
    parties = (referral.referee_id, referral.referrer_id)
    subject = Subject(referral.campaign_id, referral.voucher_id, *parties, referral.id)
    verdicts = _from_the_door(referral) + judge(terms, facts)
    likeness = await duplicates.likeness_of(tx, referral, people, terms)
    looked = terms.review is not Review.NONE
    verdicts += fraud_verdicts(terms.fraud, likeness, looked=looked)
    verdicts += await same_order(tx, referral, terms)
    verdicts += await limits.of_referrer(tx, terms, subject, at, grants)
    if limits.are_shared(terms) or _counts_again(terms):
        await counting.lock_campaign(tx, referral.campaign_id)
    verdicts += await _rules(tx, referral, terms, subject, facts)
    return verdicts + await limits.of_campaign(tx, terms, subject, at, grants)


def _from_the_door(referral: Referral) -> list[Verdict]:
    kept = (one for one in referral.verdicts if one["check"] in _AT_THE_DOOR)
    return [Verdict.model_validate(one) for one in kept]


def _counts_again(terms: CampaignTerms) -> bool:
    """A redemption was counted when it was accepted; an event is counted now."""
    return terms.conversion is ConversionKind.CUSTOM_EVENT and rules.counts_shared(terms)


async def _rules(
    tx: Transaction, referral: Referral, terms: CampaignTerms, subject: Subject, facts: Facts
) -> list[Verdict]:
    stored = (referral.conversion or {}).get("rules", {})
    if not _counts_again(terms):
        return rules.verdicts_of(terms, rules.seen_of(stored))
    amount, paid = referral.order_amount, referral.paid_amount
    order = None
    if amount is not None:
        order = Basket(amount=amount, total_amount=amount if paid is None else paid)
    asked = rules.RuleContext(subject, facts.received_at, order=order, event={})
    return await rules.judge_again(tx, terms, asked, stored)
