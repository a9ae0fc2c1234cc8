"""Judges a run from the outside: by the callers' answers, the API's lists and the providers' books.

0 lost, 0 doubled, the books agree, and at most one referral in a hundred is parked, each for a
reason that only a person or the provider can settle."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bench.proofs import books
from bench.proofs.chaos.callers import Ledger
from bench.proofs.chaos.outside import Outside, Row
from bench.proofs.chaos.programme import PLANS, Refund
from bench.proofs.sequential import sequential
from domain.campaigns import CampaignTerms
from store.database import Database
from store.tables import Event

PARKED_SHARE = 0.01
_OF_OTHERS = {
    "insufficient_funds": "finance funds the deposit",
    "provider_misconfigured": "a person mends the credentials",
    "order_rejected": "the provider refused for good",
    "key_conflict": "a person compares two orders",
    "outcome_unknown": "the provider alone knows the outcome",
    "order_lost": "the provider withdrew the order",
    "delivery_failed": "a person corrects the address",
    "delivery_overdue": "the provider is asked",
    "recipient_incomplete": "a person adds the address",
}
_TOLD = {"referral.converted", "referral.qualified", "grant.created", "grant.delivered"}
_LIMITED = ("does not fit into", "of at most")
"""The keys of refusals by a limit."""
_POINTS = next(plan.referee_reward["points"] for plan in PLANS if plan.returns)
"""The reward of a friend whose purchase may be refunded."""
_AT_REST = {"completed", "rejected", "expired", "reversed", "needs_attention"}


@dataclass
class Verdict:
    """What was lost, doubled, wrong in the books, refused or parked: one sentence each."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    books: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)
    inexcusable: list[str] = field(default_factory=list)
    """Parked for a reason that Guerdon should have settled itself."""
    others: list[str] = field(default_factory=list)
    """Histories that do not replay, and leaked secrets."""
    reconciled: Counter[str] = field(default_factory=Counter)
    """The number of orders by reconciliation's filing."""
    limited: int = 0
    """Friends whom a limit rightly left without a reward."""
    replayed: int = 0
    referrals: int = 0
    grants: int = 0
    cards: int = 0

    @property
    def faults(self) -> list[str]:
        """Everything that makes the run fail."""
        found = [
            *self.lost,
            *self.doubled,
            *self.books,
            *self.refused,
            *self.inexcusable,
            *self.others,
        ]
        most = max(1, round(self.referrals * PARKED_SHARE))
        if len(self.parked) > most:
            found.append(f"{len(self.parked)} referrals are parked, {most} may be")
        return found

    @property
    def passed(self) -> bool:
        return not self.faults


class Due(NamedTuple):
    """What a run must result in. By campaign id: the terms, and the number of rewarded friends."""

    terms: dict[str, CampaignTerms]
    fit: dict[str, int]
    refunds: dict[int, Refund]
    """The refunds of each friend, by the friend's number."""


async def judge(outside: Outside, ledger: Ledger, due: Due, database: Database) -> Verdict:
    """Judge a run that has come to rest."""
    referrals, grants = await outside.all("/v1/referrals"), await outside.all("/v1/grants")
    orders, book = await outside.all("/v1/gift-card-orders"), await outside.book()
    verdict = Verdict(referrals=len(referrals), grants=len(grants), cards=len(book))
    verdict.refused = list(ledger.refused.values())
    verdict.doubled += ledger.contradictions
    _referrals(verdict, ledger, referrals)
    stopped = _refunds(verdict, ledger, referrals, due.refunds)
    _shares(verdict, ledger, grants, due.refunds)
    _limits(verdict, ledger, referrals, due.fit, stopped)
    _grants(verdict, referrals, grants, due.terms)
    _cards(verdict, grants, orders, book)
    _parked(verdict, referrals, grants)
    verdict.books = await books.disagreements(database)
    await _events(verdict, database, referrals, grants)
    return verdict


def _referrals(verdict: Verdict, ledger: Ledger, referrals: list[Row]) -> None:
    """Invariants 2 and 6: each accepted friend is listed once, with a final status."""
    listed = {row["id"]: row for row in referrals}
    for number, referral_id in ledger.accepted.items():
        if referral_id not in listed:
            verdict.lost.append(f"friend {number} was accepted as {referral_id}, which is gone")
    for row in referrals:
        if row["status"] not in _AT_REST:
            verdict.lost.append(f"referral {row['id']} hangs as {row['status']}")
    pairs = Counter((row["campaign_id"], row["referee_id"]) for row in referrals)
    verdict.doubled += [
        f"friend {pair[1]} was referred {n} times" for pair, n in pairs.items() if n > 1
    ]
    strange = len(referrals) - len(set(ledger.accepted.values()))
    if strange > len(ledger.refused) + len(ledger.turned_away):
        verdict.doubled.append(f"{strange} referrals that no caller was told of")


def _limits(
    verdict: Verdict, ledger: Ledger, referrals: list[Row], fit: dict[str, int], stopped: set[str]
) -> None:
    """Invariant 4: exactly as many friends are rewarded as fit; the others are told why. Those whom
    a refund stopped count as rewarded."""
    rewarded = Counter(
        row["campaign_id"] for row in referrals if row["ordinal"] or row["id"] in stopped
    )
    for campaign_id, due in fit.items():
        if (n := rewarded[campaign_id]) != due:
            where = verdict.lost if n < due else verdict.doubled
            where.append(f"campaign {campaign_id} rewarded {n} friends, {due} were due")
    verdict.limited = len(ledger.turned_away)
    for row in referrals:
        if row["status"] != "rejected" or row["id"] in stopped:
            continue
        verdict.limited += 1
        if not any(words in str(row["reason"]) for words in _LIMITED):
            verdict.lost.append(f"referral {row['id']} was rejected: {row['reason']}")


def _refunds(
    verdict: Verdict, ledger: Ledger, referrals: list[Row], refunds: dict[int, Refund]
) -> set[str]:
    """A whole refund undoes the referral. Returns those that were stopped before they qualified."""
    whole = {ledger.accepted.get(number) for number, refund in refunds.items() if refund == "whole"}
    undone = {row["id"]: row["status"] for row in referrals if row["id"] in whole}
    verdict.books += [
        f"a whole refund left referral {id} {status}"
        for id, status in undone.items()
        if status not in ("reversed", "rejected")
    ]
    return {id for id, status in undone.items() if status == "rejected"}


def _shares(
    verdict: Verdict, ledger: Ledger, grants: list[Row], refunds: dict[int, Refund]
) -> None:
    """If half of the order was refunded, in parts, before or after its purchase, half of the
    friend's points are left."""
    parts = {ledger.accepted.get(number) for number, refund in refunds.items() if refund == "parts"}
    verdict.books += [
        f"refunds of a half left {grant['amount']} points of grant {grant['id']}"
        for grant in grants
        if grant["referral_id"] in parts
        and grant["kind"] == "loyalty_points"
        and grant["amount"] != _POINTS // 2
    ]


def _grants(
    verdict: Verdict, referrals: list[Row], grants: list[Row], terms: dict[str, CampaignTerms]
) -> None:
    """Invariant 3: the grants equal those of a sequential reading of the conversions."""
    counted = [row for row in referrals if row["ordinal"]]
    friends = Counter((row["campaign_id"], row["referrer_id"]) for row in counted)
    due: Counter[tuple[Any, ...]] = Counter()
    for (campaign_id, referrer_id), count in friends.items():
        for reason, ordinal in sequential(terms[campaign_id], count):
            due[campaign_id, referrer_id, reason, ordinal] += 1
    due.update((row["campaign_id"], row["referee_id"], None, 1) for row in counted)
    made = Counter(
        (row["campaign_id"], row["recipient"]["id"], row["tier_id"], row["ordinal"])
        for row in grants
    )
    verdict.lost += [f"no grant for {key}" for key in due - made]
    verdict.doubled += [f"a grant too many for {key}" for key in made - due]


def _cards(verdict: Verdict, grants: list[Row], orders: list[Row], book: list[Row]) -> None:
    """Invariant 1: exactly one card for each delivered grant, to the cent, and none else."""
    cards: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for card in book:
        cards[card["provider"], card["key"]].append(card)
    of_grant: defaultdict[str, list[Row]] = defaultdict(list)
    for order in orders:
        of_grant[order["grant_id"]] += cards.pop((order["provider"], order["key"]), [])
    verdict.doubled += [f"a card that no order stands for: {key}" for key in cards]
    for grant in grants:
        if grant["kind"] == "gift_card":
            _one_card(verdict, grant, of_grant[grant["id"]])


def _one_card(verdict: Verdict, grant: Row, cards: list[Row]) -> None:
    real = [card for card in cards if card["state"] == "issued"]
    whose = f"grant {grant['id']} ({grant['status']})"
    if len(cards) > 1:
        verdict.doubled.append(f"{len(cards)} cards for {whose}")
    if grant["status"] == "delivered" and not real:
        verdict.lost.append(f"no card for {whose}")
    for card in real:
        if (card["amount"], card["currency"]) != (grant["amount"], grant["currency"]):
            verdict.books.append(f"a card of {card['amount']} {card['currency']} for {whose}")


def _parked(verdict: Verdict, referrals: list[Row], grants: list[Row]) -> None:
    parked = {row["id"] for row in referrals if row["status"] == "needs_attention"}
    explained = set()
    for grant in grants:
        if grant["status"] != "needs_attention":
            continue
        explained.add(grant["referral_id"])
        reason, detail = grant["attention"], grant["attention_detail"]
        provider = grant["reward"].get("provider")
        words = f"grant {grant['id']} at {provider}: {reason}: {detail}"
        if reason in _OF_OTHERS:
            words += f" ({_OF_OTHERS[reason]})"
        else:
            verdict.inexcusable.append(words)
        verdict.parked.append(words)
    verdict.inexcusable += [
        f"referral {id} is parked without a reason" for id in parked - explained
    ]


async def _events(
    verdict: Verdict, database: Database, referrals: list[Row], grants: list[Row]
) -> None:
    """Invariant 9: one event for each fact, and none without its fact."""
    events = await books.rows(database, Event)
    told = Counter(
        (event.type, event.grant_id or event.referral_id) for event in events if event.type in _TOLD
    )
    # It was delivered, although a refund took it out of the wallet again.
    debited = {event.grant_id for event in events if event.type == "grant.debited"}
    facts = Counter(("referral.qualified", row["id"]) for row in referrals if row["ordinal"])
    facts.update(("referral.converted", row["id"]) for row in referrals if row["conversion"])
    facts.update(("grant.created", row["id"]) for row in grants)
    facts.update(
        ("grant.delivered", row["id"])
        for row in grants
        if row["status"] == "delivered" or row["id"] in debited
    )
    verdict.lost += [f"no event {key[0]} of {key[1]}" for key in facts - told]
    verdict.doubled += [f"an event too many: {key[0]} of {key[1]}" for key in told - facts]
