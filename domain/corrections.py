"""Ledger postings that reconciliation makes: new entries that name what they correct."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from domain import ledger
from domain.ledger import Entry, Posting
from domain.money import Money

Booked = Mapping[tuple[str, str], int]
"""(account, currency) to the sum of an order's entries there, in minor units."""


def correct(
    provider: str,
    order_id: str,
    item_id: str,
    booked: Booked,
    *,
    face: Money | None,
    charged: Money | None,
) -> Posting | None:
    """Correct an order's charge in the ledger to what the provider says.

    `face` is the value of its cards, `charged` what left the deposit; the rest is the fee (or the
    exchange, between two currencies). Both None: nothing was charged. Returns None if the ledger
    agrees already."""
    wanted: Counter[tuple[str, str]] = Counter()
    if face and charged:
        wanted[_account(provider, "cards"), face.currency] = face.amount
        wanted[_account(provider, "deposit"), charged.currency] = -charged.amount
        rest = "fees" if face.currency == charged.currency else "exchange"
        for (_, currency), amount in list(wanted.items()):
            wanted[_account(provider, rest), currency] -= amount
    changes = {place: wanted[place] - booked.get(place, 0) for place in {*wanted, *booked}}
    entries = [
        Entry(account=account, amount=amount, currency=currency)
        for (account, currency), amount in sorted(changes.items())
        if amount
    ]
    if not entries:
        return None
    return Posting(
        kind=f"correct/{item_id}",
        subject=order_id,
        entries=entries,
        corrects=f"charge/{order_id}",
    )


def bind(
    campaign_id: str, order_id: str, item_id: str, *, commit: Money, spend: Money
) -> list[Posting]:
    """Correct what an order holds of its campaign's budget: `commit` more is committed, and `spend`
    more of that is spent (below zero: less)."""
    moves = [
        ("commit", ledger.commit(campaign_id, order_id, commit)),
        ("spend", ledger.spend(campaign_id, order_id, spend)),
    ]
    return [
        posting.model_copy(
            update={"kind": f"correct/{item_id}/{kind}", "corrects": f"{kind}/{order_id}"}
        )
        for kind, posting in moves
        if any(entry.amount for entry in posting.entries)
    ]


def unexplained(provider: str, incident_id: str, charged: Money) -> Posting:
    """A charge to our deposit for an order that is not ours; it stays on an account of its own
    until its cause is known."""
    return Posting(
        kind="incident",
        subject=incident_id,
        entries=[
            Entry(
                account=_account(provider, "deposit"),
                amount=-charged.amount,
                currency=charged.currency,
            ),
            Entry(
                account=_account(provider, "unexplained"),
                amount=charged.amount,
                currency=charged.currency,
            ),
        ],
    )


def _account(provider: str, part: str) -> str:
    return f"provider/{provider}/{part}"
