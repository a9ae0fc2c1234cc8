"""Judges a code's use, or the event that converts it, by the terms' validation rules.

What is known of the use is evaluated once, when it is accepted, and the results are stored with the
conversion. Only what concurrent conversions change is counted again at qualification."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select
from sqlmodel import col

from domain.amounts import Traits
from domain.campaigns import CampaignTerms
from domain.refusals import CannotCount
from domain.rules.counters import Counter, What
from domain.rules.evaluation import Basket, Seen, Use, concern, look, verdict
from domain.rules.properties import Source
from domain.verdict import Verdict
from store.database import Transaction
from store.eligibility import counting
from store.eligibility.counting import Subject
from store.eligibility.segments import segments_of
from store.tables import Customer, Redemption

SeenByRule = dict[str, dict[str, Seen]]

_PERSON = select(col(Customer.attributes)).where(col(Customer.id) == bindparam("customer"))
_LAST_ORDER = (
    select(Redemption)
    .where(
        col(Redemption.campaign_id) == bindparam("campaign"),
        col(Redemption.customer_id) == bindparam("customer"),
        col(Redemption.counts),
    )
    .order_by(col(Redemption.id).desc())
    .limit(1)
)
_OF_ORDERS = (Source.ORDER, Source.ORDER_METADATA, Source.ITEM, Source.EACH_ITEM)


class RuleContext(NamedTuple):
    """A use of a code, or (with `event`, its metadata) the custom event that converts it."""

    subject: Subject
    at: datetime
    order: Basket | None = None
    metadata: dict[str, Any] | None = None
    event: dict[str, Any] | None = None
    api_key: str | None = None


async def judge_use(
    tx: Transaction, terms: CampaignTerms, asked: RuleContext, *, binding: bool
) -> SeenByRule:
    """The result of each rule's conditions. `binding`: counted under the campaign's lock, so that
    accepted uses stay within the rules.

    Raises CannotCount with the key, the rule and every verdict if a rule is not met."""
    if not terms.rules:
        return {}
    if binding and _counters(terms):
        await counting.lock_campaign(tx, asked.subject.campaign_id)
    use = await _use(tx, terms, asked)
    seen = {rule.id: look(rule, use) for rule in terms.rules}
    _must_hold(terms, seen)
    return seen


async def judge_again(
    tx: Transaction,
    terms: CampaignTerms,
    asked: RuleContext,
    stored: dict[str, Any],
) -> list[Verdict]:
    """The verdicts on an accepted custom event: with the results from then, and new counts. The
    caller holds the campaign's lock if `counts_shared`."""
    seen = seen_of(stored)
    counts = await _counts(tx, terms, asked, asked.order)
    for rule in terms.rules:
        fresh = seen.get(rule.id, {})
        for key, condition in rule.rules.conditions.items():
            if condition.asks.counter and key in fresh:
                value = counts[condition.asks.counter]
                fresh[key] = Seen(passed=condition.holds(value), value=value)
    return verdicts_of(terms, seen)


def counts_shared(terms: CampaignTerms) -> bool:
    """Whether a rule counts something that other people's conversions change."""
    return bool(_counters(terms))


def verdicts_of(terms: CampaignTerms, seen: SeenByRule) -> list[Verdict]:
    """One verdict per rule."""
    return [verdict(rule, seen[rule.id]) for rule in terms.rules if rule.id in seen]


def seen_of(stored: dict[str, Any]) -> SeenByRule:
    """The results stored with the conversion."""
    return {
        rule_id: {key: Seen.model_validate(one) for key, one in conditions.items()}
        for rule_id, conditions in stored.items()
    }


def _must_hold(terms: CampaignTerms, seen: SeenByRule) -> None:
    verdicts = verdicts_of(terms, seen)
    for rule, found in zip(terms.rules, verdicts, strict=True):
        if not found.passed:
            raise CannotCount(
                concern(rule, seen[rule.id]),
                found.detail,
                resource_id=rule.id,
                verdicts=[one.model_dump(mode="json") for one in verdicts],
            )


async def _use(tx: Transaction, terms: CampaignTerms, asked: RuleContext) -> Use:
    order = asked.order
    if order is None and asked.event is not None and _asks(terms, *_OF_ORDERS):
        order = await _order_of_redemption(tx, asked.subject)
    return Use(
        customer=await _traits(tx, terms, asked.subject.customer_id),
        order=order,
        metadata=asked.metadata or {},
        event=asked.event,
        api_key=asked.api_key,
        counts=await _counts(tx, terms, asked, order),
        days=terms.days,
    )


async def _counts(
    tx: Transaction, terms: CampaignTerms, asked: RuleContext, order: Basket | None
) -> dict[Counter, int]:
    """The counts, including this use."""
    counters, zone = _counters(terms), terms.windows.zone
    count = counting.count_redemptions if asked.event is None else counting.count_conversions
    before = await count(tx, counters, asked.subject, asked.at, zone)
    own = {
        What.USES: 1,
        What.ORDERS: order.amount if order else 0,
        What.DISCOUNTS: order.amount - order.total_amount if order and asked.event is None else 0,
    }
    return {counter: number + own[counter.what] for counter, number in before.items()}


async def _traits(tx: Transaction, terms: CampaignTerms, customer_id: str) -> Traits:
    if not _asks(terms, Source.SEGMENT, Source.CUSTOMER_METADATA):
        return Traits({}, frozenset())
    metadata = (await tx.session.execute(_PERSON, {"customer": customer_id})).scalar_one()
    among = {segment for rule in terms.rules for segment in rule.segments()}
    return Traits(metadata, await segments_of(tx, customer_id, metadata, among))


async def _order_of_redemption(tx: Transaction, subject: Subject) -> Basket | None:
    """An event that names no order is about the order on which the friend's code was used."""
    parameters = {"campaign": subject.campaign_id, "customer": subject.customer_id}
    last = (await tx.session.scalars(_LAST_ORDER, parameters)).one_or_none()
    if last is None:
        return None
    document = last.order or {}
    return Basket(
        amount=last.amount,
        total_amount=last.amount - last.discount_amount,
        items=document.get("items") or [],
        metadata=document.get("metadata") or {},
    )


def _asks(terms: CampaignTerms, *sources: Source) -> bool:
    return any(rule.asks(*sources) for rule in terms.rules)


def _counters(terms: CampaignTerms) -> frozenset[Counter]:
    return frozenset(counter for rule in terms.rules for counter in rule.rules.counters)
