"""Double-entry postings. Each names a fact and moves minor units between accounts; the entries
of one posting sum to zero. Corrections are new postings, never edits."""

from __future__ import annotations

from pydantic import BaseModel, model_validator

from domain.money import Money


class Entry(BaseModel):
    """One side of a posting: minor units of `currency` onto `account` (negative: off it)."""

    account: str
    amount: int
    currency: str


class Posting(BaseModel):
    """A balanced set of entries. (`kind`, `subject`) is its identity: it is posted once."""

    kind: str
    subject: str
    entries: list[Entry]

    @model_validator(mode="after")
    def _sums_to_zero(self) -> Posting:
        totals: dict[str, int] = {}
        for entry in self.entries:
            totals[entry.currency] = totals.get(entry.currency, 0) + entry.amount
        if any(totals.values()):
            raise ValueError(f"posting {self.kind} of {self.subject} does not balance: {totals}")
        return self


def _move(kind: str, subject: str, source: str, target: str, money: Money) -> Posting:
    return Posting(
        kind=kind,
        subject=subject,
        entries=[
            Entry(account=source, amount=-money.amount, currency=money.currency),
            Entry(account=target, amount=money.amount, currency=money.currency),
        ],
    )


def budget(campaign_id: str, part: str) -> str:
    """A campaign's budget account: available, reserved, committed or spent."""
    return f"campaign/{campaign_id}/{part}"


def fund(campaign_id: str, version: int, money: Money) -> Posting:
    """A budget is set, or changed by `money` in version `version` of the terms."""
    subject = f"{campaign_id}/{version}"
    return _move("fund", subject, "funding", budget(campaign_id, "available"), money)


def reserve(campaign_id: str, grant_id: str, face: Money) -> Posting:
    """Qualification sets a grant's face value aside."""
    source, target = budget(campaign_id, "available"), budget(campaign_id, "reserved")
    return _move("reserve", grant_id, source, target, face)


def release(campaign_id: str, grant_id: str, face: Money) -> Posting:
    """A grant was cancelled before its order was issued."""
    source, target = budget(campaign_id, "reserved"), budget(campaign_id, "available")
    return _move("release", grant_id, source, target, face)


def spend(campaign_id: str, subject: str, face: Money) -> Posting:
    """The person has the reward. `subject`: the order, or the grant that needed none."""
    source, target = budget(campaign_id, "committed"), budget(campaign_id, "spent")
    return _move("spend", subject, source, target, face)


def unspend(campaign_id: str, subject: str, face: Money) -> Posting:
    """What the person had was taken back by the provider."""
    source, target = budget(campaign_id, "spent"), budget(campaign_id, "committed")
    return _move("unspend", subject, source, target, face)


def commit(campaign_id: str, order_id: str, face: Money) -> Posting:
    """The provider issued the order."""
    source, target = budget(campaign_id, "reserved"), budget(campaign_id, "committed")
    return _move("commit", order_id, source, target, face)


def withdraw(campaign_id: str, order_id: str, face: Money) -> Posting:
    """The provider took back an order that it had issued: the promise stands, unordered."""
    source, target = budget(campaign_id, "committed"), budget(campaign_id, "reserved")
    return _move("withdraw", order_id, source, target, face)


def charge(provider: str, order_id: str, face: Money, charged: Money) -> list[Posting]:
    """What the provider took from our deposit: face value, and fee or discount apart. A card in
    another currency than the deposit's passes through an exchange account, which holds the two
    sums side by side: the rate is the provider's."""
    deposit, cards = f"provider/{provider}/deposit", f"provider/{provider}/cards"
    if charged.currency != face.currency:
        exchange = f"provider/{provider}/exchange"
        return [
            _move("charge", order_id, deposit, exchange, charged),
            _move("exchange", order_id, exchange, cards, face),
        ]
    fee = charged - face
    postings = [_move("charge", order_id, deposit, cards, face)]
    if fee.amount:
        postings.append(_move("fee", order_id, deposit, f"provider/{provider}/fees", fee))
    return postings


POINTS = "POINTS"
"""The unit of loyalty points in the ledger; no money, and in no budget."""


def credit_wallet(customer_id: str, grant_id: str, amount: int, unit: str) -> Posting:
    """Credits (minor units of a currency) or points become the person's: a liability until they
    are used. The wallet is opened by its first entry."""
    return Posting(
        kind="credit",
        subject=grant_id,
        entries=[
            Entry(account="wallets/issued", amount=-amount, currency=unit),
            Entry(account=f"wallet/{customer_id}", amount=amount, currency=unit),
        ],
    )
