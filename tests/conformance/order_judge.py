"""The judge of a scenario: the provider's book against the grants, in plain words."""

from __future__ import annotations

from typing import Any, NamedTuple

from domain.grants import Attention, GrantStatus
from store.database import Database
from store.tables import Grant, Order
from tests.builders import one, rows
from tests.conformance.provider_side import ProviderSide


class End(NamedTuple):
    """How a scenario has to end for its grants."""

    status: GrantStatus
    attention: Attention | None = None


DELIVERED = End(GrantStatus.DELIVERED)
CONFLICT = End(GrantStatus.NEEDS_ATTENTION, Attention.KEY_CONFLICT)


async def objections(
    database: Database, side: ProviderSide, grant_ids: list[str], end: End
) -> list[str]:
    """Everything that is wrong: nothing, when the book holds exactly one issued card for each
    grant, it is the one on file, and the grant has come to its end. A book may hold cards of keys
    that nobody here knows: those count too."""
    cards, found = await side.book(), []
    if len(cards) != len(grant_ids):
        found.append(f"{len(cards)} cards in the book for {len(grant_ids)} grant(s)")
    for grant_id in grant_ids:
        grant = await one(database, Grant, id=grant_id)
        stored = await rows(database, Order, grant_id=grant_id)
        if (grant.status, grant.attention) != end:
            found.append(f"the grant is {grant.status}, {grant.attention}")
        if grant.status == GrantStatus.DELIVERED:
            found += _of_delivered(grant, stored, cards)
        elif any(card["amount"] == grant.amount for card in cards):
            found.append(f"a card is in the book of a grant that is {grant.status}")
    return found


def _of_delivered(grant: Grant, stored: list[Order], cards: list[dict[str, Any]]) -> list[str]:
    order = max(stored, key=lambda order: order.generation)
    mine = [card for card in cards if card["amount"] == grant.amount]
    found = [] if len(mine) == 1 else [f"{len(mine)} cards for one grant"]
    for card in mine:
        if (card["key"], card["provider_order_id"]) != (order.key, order.provider_order_id):
            found.append("a card in the book is not the one on file")
        if card["state"] != "issued":
            found.append(f"the grant is delivered, its card {card['state']}")
    return found
