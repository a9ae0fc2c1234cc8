"""The constraints that stand behind the locks: each must refuse what the locks should have kept
from it. They are asked directly, for with every lock in place nothing ever reaches them."""

from __future__ import annotations

from builders import (
    add_programme,
    alter,
    budget,
    every_friend,
    gift_card,
    points,
    qualify,
    rows,
    terms,
)
from deeds import claim, credit, reverse
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from store.database import Database
from store.tables import Order, Referral

_AGAIN = (
    "INSERT INTO {table} SELECT (jsonb_populate_record(r, '{changed}')).* FROM {table} r LIMIT 1"
)
FORBIDDEN = {
    "a second referral of one friend": _AGAIN.format(table="referrals", changed='{"id": "x"}'),
    "a second grant for one reason": _AGAIN.format(table="grants", changed='{"id": "x"}'),
    "a second order of one generation": _AGAIN.format(
        table="orders",
        changed='{"id": "x", "key": "x", "hook_token": "x", "provider_order_id": "x"}',
    ),
    "a second order under one key": _AGAIN.format(
        table="orders",
        changed='{"id": "x", "generation": 9, "hook_token": "x", "provider_order_id": "x"}',
    ),
    "one provider's order for two of ours": _AGAIN.format(
        table="orders", changed='{"id": "x", "key": "x", "generation": 9, "hook_token": "x"}'
    ).replace("LIMIT", "WHERE r.provider_order_id IS NOT NULL LIMIT"),
    "a second reversal of one refund": _AGAIN.format(table="reversals", changed='{"id": "x"}'),
    "a second credit of one grant": _AGAIN.format(table="wallet_credits", changed="{}"),
    "a second count of one referrer": _AGAIN.format(table="referrer_progress", changed="{}"),
    "a fact that is posted twice": (
        "INSERT INTO ledger_entries (transaction_id, at, kind, subject, account, amount, currency)"
        " SELECT 'x', at, kind, subject, account, amount, currency FROM ledger_entries LIMIT 1"
    ),
    "a budget that is overshot": "UPDATE budgets SET reserved = ceiling - committed + 1",
    "a budget below zero": "UPDATE budgets SET reserved = -1, ceiling = NULL",
}


async def evidence(database: Database) -> None:
    """A row of each sort, for the constraints to be asked about."""
    of = terms(every_friend(gift_card()), limits=budget(1000_00), referee_reward=points())
    decision = await qualify(database, (await add_programme(database, of)).code)
    for task in decision.grants:
        await (claim if task.provider else credit)(database, task.grant_id)
    order = (await rows(database, Order))[0]
    await alter(database, order, provider_order_id="theirs")
    await reverse(database, (await rows(database, Referral))[0].id, "refund")


async def admitted(database: Database) -> list[str]:
    """What the constraints let through, or could not be asked about for want of a row."""
    found = []
    for what, statement in FORBIDDEN.items():
        try:
            async with database.transaction() as tx:
                await tx.session.execute(text(statement))
                raise _Admitted
        except _Admitted:
            found.append(f"{what} was admitted")
        except IntegrityError:
            continue
    return found


class _Admitted(Exception):
    """Rolls back what should have been refused."""
