"""Adds and removes the referees of a code."""

from __future__ import annotations

from typing import Any, NamedTuple

from domain.customers import Person
from domain.referrals import ReferralStatus
from domain.refusals import NotAllowedInState, Refusal
from store.customers.upsert import upsert
from store.database import Transaction
from store.grants.state import lock_referral
from store.holders.queries import HolderRead
from store.outbox.messages import Outgoing
from store.referrals.attribute import sign_up
from store.reversals.request import request_reversal


class Added(NamedTuple):
    """The new referees' referrals, in the given order, and the messages that start them."""

    referral_ids: list[str]
    intake: list[Outgoing]


async def add_referees(
    tx: Transaction, code: str, persons: list[Person], metadata: dict[str, Any]
) -> Added:
    """Attribute these friends to a code: all of them, or none. Raises what attribution refuses,
    naming the friend."""
    attributed = {}
    # Sorted by name, so that two requests about the same friends lock them in one order.
    for number in sorted(range(len(persons)), key=lambda n: _name(persons[n])):
        try:
            customer = await upsert(tx, persons[number])
            attributed[number] = await sign_up(
                tx, code=code, referee_id=customer.id, metadata=metadata
            )
        except Refusal as refusal:
            refusal.field = f"/holders/{number}"
            raise
    added = [attributed[number] for number in range(len(persons))]
    return Added([one.referral.id for one in added], [m for one in added for m in one.intake])


async def remove_referee(tx: Transaction, holder: HolderRead, actor: str) -> list[Outgoing]:
    """Remove a friend who has not converted; return the message for the referral's workflow. Raises
    NotAllowedInState for other holders."""
    if holder.referral_id is None:
        raise NotAllowedInState("Only a referee can be removed; this customer shares the code.")
    referral = await lock_referral(tx, holder.referral_id)
    if referral.status != ReferralStatus.WAITING:
        raise NotAllowedInState(f"The referral is {referral.status}. Reverse it instead.")
    accepted = await request_reversal(
        tx, referral.id, None, "Removed as a holder of the code.", "holder removed", actor=actor
    )
    return accepted.intake


def _name(person: Person) -> tuple[str, str]:
    return (person.source_id or "", person.id or "")
