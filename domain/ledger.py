"""Double-entry postings.

Each names a fact and moves minor units between accounts; the entries of one posting sum to zero.
Corrections are new postings, never edits."""

from __future__ import annotations

from pydantic import BaseModel, model_validator

from domain.money import POINTS as POINTS
from domain.money import Money


class Entry(BaseModel):
    """One side of a posting: minor units of `currency` added to `account` (negative: taken off)."""

    account: str
    amount: int
    currency: str


class Posting(BaseModel):
    """A balanced set of entries.

    (`kind`, `subject`) is its identity: it is posted once. `corrects` names, as kind/subject, an
    earlier posting that this one reverses."""

    kind: str
    subject: str
    entries: list[Entry]
    corrects: str | None = None

    @model_validator(mode="after")
    def _sums_to_zero(self) -> Posting:
        totals: dict[str, int] = {}
        for entry in self.entries:
            totals[entry.currency] = totals.get(entry.currency, 0) + entry.amount
        if any(totals.values()):
            raise ValueError(f"posting {self.kind} of {self.subject} does not balance: {totals}")
        return self


Leg = tuple[str, str]
"""From one account to another."""


def _move(
    kind: str, subject: str, amount: int, unit: str, *legs: Leg, corrects: str | None = None
) -> Posting:
    """`amount` of `unit` along each leg."""
    entries = [
        Entry(account=account, amount=signed, currency=unit)
        for source, target in legs
        for account, signed in ((source, -amount), (target, amount))
    ]
    return Posting(kind=kind, subject=subject, entries=entries, corrects=corrects)


def _money(
    kind: str, subject: str, money: Money, *legs: Leg, corrects: str | None = None
) -> Posting:
    return _move(kind, subject, money.amount, money.currency, *legs, corrects=corrects)


def budget(campaign_id: str, part: str) -> str:
    """A campaign's budget account: available, reserved, committed or spent."""
    return f"campaign/{campaign_id}/{part}"


def liability(campaign_id: str) -> str:
    """What a campaign has granted and not delivered yet, including points. Fed from `granted`,
    emptied into `delivered`."""
    return f"liability/{campaign_id}"


def _granted(campaign_id: str) -> str:
    return f"rewards/{campaign_id}/granted"


def _delivered(campaign_id: str) -> str:
    return f"rewards/{campaign_id}/delivered"


def fund(campaign_id: str, version: int, money: Money) -> Posting:
    """A budget is set, or changed by `money`, in version `version` of the terms."""
    leg = ("funding", budget(campaign_id, "available"))
    return _money("fund", f"{campaign_id}/{version}", money, leg)


def reserve(campaign_id: str, subject: str, face: Money) -> Posting:
    """Qualification reserves a grant's face value: from now on it is owed."""
    aside = (budget(campaign_id, "available"), budget(campaign_id, "reserved"))
    owed = (_granted(campaign_id), liability(campaign_id))
    return _money("reserve", subject, face, aside, owed)


def release(campaign_id: str, subject: str, face: Money, *, corrects: str | None = None) -> Posting:
    """A grant, or a part of it, was cancelled before its order was issued."""
    back = (budget(campaign_id, "reserved"), budget(campaign_id, "available"))
    owed = (liability(campaign_id), _granted(campaign_id))
    return _money("release", subject, face, back, owed, corrects=corrects or f"reserve/{subject}")


def spend(campaign_id: str, subject: str, face: Money) -> Posting:
    """The recipient has the reward. `subject`: the order, or the grant if it needed none."""
    spent = (budget(campaign_id, "committed"), budget(campaign_id, "spent"))
    return _money("spend", subject, face, spent, (liability(campaign_id), _delivered(campaign_id)))


def unspend(campaign_id: str, subject: str, face: Money) -> Posting:
    """The provider took back a delivered reward."""
    back = (budget(campaign_id, "spent"), budget(campaign_id, "committed"))
    owed = (_delivered(campaign_id), liability(campaign_id))
    return _money("unspend", subject, face, back, owed, corrects=f"spend/{subject}")


def commit(campaign_id: str, order_id: str, face: Money) -> Posting:
    """The provider issued the order."""
    leg = (budget(campaign_id, "reserved"), budget(campaign_id, "committed"))
    return _money("commit", order_id, face, leg)


def withdraw(campaign_id: str, order_id: str, face: Money) -> Posting:
    """The provider took back an issued order: the reward is still owed, and not ordered."""
    leg = (budget(campaign_id, "committed"), budget(campaign_id, "reserved"))
    return _money("withdraw", order_id, face, leg, corrects=f"commit/{order_id}")


def undo(campaign_id: str, subject: str, face: Money, *, corrects: str) -> Posting:
    """A wallet gave back what it had received: the budget has it again."""
    back = (budget(campaign_id, "spent"), budget(campaign_id, "available"))
    granted = (_delivered(campaign_id), _granted(campaign_id))
    return _money("undo", subject, face, back, granted, corrects=corrects)


def promise(campaign_id: str, subject: str, points: int) -> Posting:
    """Points are granted: owed, but in no budget."""
    leg = (_granted(campaign_id), liability(campaign_id))
    return _move("promise", subject, points, POINTS, leg)


def retract(campaign_id: str, subject: str, points: int, *, corrects: str) -> Posting:
    """Granted points are no longer owed."""
    leg = (liability(campaign_id), _granted(campaign_id))
    return _move("retract", subject, points, POINTS, leg, corrects=corrects)


def fulfil(campaign_id: str, subject: str, points: int) -> Posting:
    """The recipient has received the points."""
    leg = (liability(campaign_id), _delivered(campaign_id))
    return _move("fulfil", subject, points, POINTS, leg)


def unfulfil(campaign_id: str, subject: str, points: int, *, corrects: str) -> Posting:
    """Points were taken back from the wallet, and are no longer owed."""
    leg = (_delivered(campaign_id), _granted(campaign_id))
    return _move("unfulfil", subject, points, POINTS, leg, corrects=corrects)


def deposit_of(provider: str) -> str:
    """Our deposit at a provider: topped up by finance, charged for each order."""
    return f"provider/{provider}/deposit"


def deposit(provider: str, reference: str, money: Money) -> Posting:
    """Finance paid money into our deposit at a provider."""
    leg = ("treasury", deposit_of(provider))
    return _money("deposit", f"{provider}/{reference}", money, leg)


def charge(provider: str, order_id: str, face: Money, charged: Money) -> list[Posting]:
    """What the provider took from our deposit: face value, and fee or discount separately.

    A card in another currency than the deposit's passes through an exchange account, which holds
    both sums: the rate is the provider's."""
    held, cards = deposit_of(provider), f"provider/{provider}/cards"
    if charged.currency != face.currency:
        exchange = f"provider/{provider}/exchange"
        return [
            _money("charge", order_id, charged, (held, exchange)),
            _money("exchange", order_id, face, (exchange, cards)),
        ]
    fee = charged - face
    postings = [_money("charge", order_id, face, (held, cards))]
    if fee.amount:
        postings.append(_money("fee", order_id, fee, (held, f"provider/{provider}/fees")))
    return postings


def refund(provider: str, order_id: str, face: Money, charged: Money) -> list[Posting]:
    """The provider cancelled a card and credited its value to our deposit. Not the fee: what a
    provider says of fees is reconciled with its book."""
    held, cards = deposit_of(provider), f"provider/{provider}/cards"
    corrects = f"charge/{order_id}"
    if charged.currency != face.currency:
        exchange = f"provider/{provider}/exchange"
        return [
            _money("refund", order_id, charged, (exchange, held), corrects=corrects),
            _money("return", order_id, face, (cards, exchange), corrects=f"exchange/{order_id}"),
        ]
    return [_money("refund", order_id, face, (cards, held), corrects=corrects)]


def wallet(customer_id: str) -> str:
    """A person's own wallet; its balance belongs to the person."""
    return f"wallet/{customer_id}"


def credit_wallet(customer_id: str, subject: str, amount: int, unit: str) -> Posting:
    """Credits (minor units of a currency) or points are given to the person: a liability until they
    are used. The first entry opens the wallet."""
    return _move("credit", subject, amount, unit, ("wallets/issued", wallet(customer_id)))


def use_wallet(customer_id: str, subject: str, amount: int, unit: str) -> Posting:
    """The person used credits or points."""
    return _move("use", subject, amount, unit, (wallet(customer_id), "wallets/used"))


def return_to_wallet(customer_id: str, subject: str, amount: int, unit: str, use: str) -> Posting:
    """A purchase paid from the wallet was returned, so the payment or a part of it comes back."""
    leg = ("wallets/used", wallet(customer_id))
    return _move("unuse", subject, amount, unit, leg, corrects=f"use/{use}")


def debit_wallet(
    customer_id: str, subject: str, amount: int, unit: str, *, corrects: str
) -> Posting:
    """A reversal took credits or points out of the wallet."""
    leg = (wallet(customer_id), "wallets/issued")
    return _move("debit", subject, amount, unit, leg, corrects=corrects)


def expire(customer_id: str, subject: str, amount: int, unit: str) -> Posting:
    """Credits or points expired unused: breakage."""
    return _move("expire", subject, amount, unit, (wallet(customer_id), "wallets/breakage"))


def receivable(customer_id: str) -> str:
    """What a person owes us; below zero, what we took too much."""
    return f"receivable/{customer_id}"


def owe(customer_id: str, subject: str, amount: int, unit: str, *, corrects: str) -> Posting:
    """A reward was undone but cannot be taken back: the person owes its value, or a share of it."""
    leg = ("receivables/booked", receivable(customer_id))
    return _move("owe", subject, amount, unit, leg, corrects=corrects)


def forgive(customer_id: str, subject: str, amount: int, unit: str) -> Posting:
    """A booked debt is cancelled: the reward was taken back, or is earned again."""
    leg = (receivable(customer_id), "receivables/booked")
    return _move("forgive", subject, amount, unit, leg, corrects=f"owe/{subject}")


def net(customer_id: str, subject: str, amount: int, unit: str) -> Posting:
    """A new grant is reduced by what its recipient owes."""
    return _move("net", subject, amount, unit, (receivable(customer_id), "receivables/netted"))


def unnet(customer_id: str, subject: str, amount: int, unit: str, *, corrects: str) -> Posting:
    """A grant that had paid off a debt was undone: the debt is back."""
    leg = ("receivables/netted", receivable(customer_id))
    return _move("unnet", subject, amount, unit, leg, corrects=corrects)
