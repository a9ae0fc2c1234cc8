"""Steps that the processes of a schedule take: give back a wallet use, reinstate a referral, switch
a campaign or a code, erase a customer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from domain.customers import Person
from domain.refusals import Refusal
from store.campaigns import switch
from store.campaigns.switch import Switched
from store.customers import erase as erasing
from store.customers.upsert import upsert
from store.database import Database
from store.grants import wallet_returns
from store.qualification.qualify import judge_again
from store.referrals.reinstatement import request_reinstatement
from store.reversals import carry_out as reversing
from store.reversals.by_order import reverse_order
from store.reversals.order_refund import OrderRefund
from store.reversals.request import Accepted
from tests.proofs.deeds import carry_out, in_order, look_again, patiently


async def give_back(
    database: Database, customer_id: str, reference: str, amount: int, identity: str
) -> None:
    """The goods come back that points of the wallet were used for."""

    async def do() -> None:
        async with database.transaction() as tx:
            await wallet_returns.give_back(tx, customer_id, reference, amount, identity)

    with suppress(Refusal):
        await patiently(do)


async def reinstate(database: Database, referral_id: str) -> None:
    """Staff bring the referral back, and it is judged anew. Nobody may wait in a circle."""

    async def ask() -> None:
        async with database.transaction() as tx:
            await request_reinstatement(tx, referral_id, "They kept it.", actor="app_proof")

    async def apply() -> bool:
        async with database.transaction() as tx:
            return (await reversing.carry_out(tx, referral_id)).judge

    async def judge() -> None:
        await judge_again(database, referral_id, "proof")

    with suppress(Refusal):
        await in_order(ask)
    if await in_order(apply):
        await in_order(judge)
        await in_order(apply)


async def switch_campaign(database: Database, campaign_id: str, active: bool) -> None:
    """The campaign is paused, or resumed; then what it held is judged."""

    async def do() -> Switched:
        async with database.transaction() as tx:
            return await switch.set_active(tx, campaign_id, active=active, actor="app_proof")

    await _go_on(database, await patiently(do))


async def switch_code(database: Database, code: str, active: bool) -> None:
    """The same with a code."""

    async def do() -> Switched:
        async with database.transaction() as tx:
            return await switch.set_code_active(tx, code, active=active, actor="app_proof")

    await _go_on(database, await patiently(do))


async def _go_on(database: Database, switched: Switched) -> None:
    for each in switched.intake:
        await look_again(database, each.start.referral_id)


async def refund_order(
    database: Database, order_id: str, campaign_id: str | None, identity: str
) -> None:
    """All of an order is refunded, perhaps before it is bought."""
    refund = OrderRefund(
        order_id=order_id,
        campaign_id=campaign_id,
        refunded=None,
        reason="refund",
        identity=identity,
    )

    async def do() -> list[Accepted]:
        async with database.transaction() as tx:
            return await reverse_order(tx, refund)

    with suppress(Refusal):
        for each in await patiently(do):
            await look_again(database, each.referral_id)


async def move(database: Database, customer_id: str, email: str) -> None:
    """The person takes another e-mail address; the former one still recognises them."""

    async def do() -> None:
        async with database.transaction() as tx:
            await upsert(tx, Person(id=customer_id, email=email))

    await patiently(do)


async def erase(database: Database, customer_id: str) -> None:
    """The person is erased, unless something of theirs is under way."""

    async def do() -> erasing.Erased:
        async with database.transaction() as tx:
            return await erasing.erase(tx, customer_id)

    with suppress(Refusal):
        for each in (await patiently(do)).intake:
            await carry_out(database, each.start.referral_id)


DEEDS_OF_RETURNS: dict[str, Callable[..., Awaitable[object]]] = {
    "give_back": give_back,
    "reinstate": reinstate,
    "switch_campaign": switch_campaign,
    "switch_code": switch_code,
    "refund_order": refund_order,
    "erase": erase,
    "move": move,
}
