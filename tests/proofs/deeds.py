"""What a process of the crew can do. Each deed is the product's own transaction, tried again where
its workflow would try it again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from domain.messages import Reversed, StaffRequest
from domain.purchases import OrderIds
from domain.refusals import NotAllowedInState, Refusal
from store.campaigns.revise import lock, revise
from store.database import Database
from store.orders import attempts
from store.orders.attempts import Attempt
from store.outage import is_outage
from store.qualification.qualify import judge_again, qualify
from store.referrals.convert import Converted
from store.reversals import carry_out as reversing
from store.reversals import request as reversals
from store.reversals.early import book_purchase
from store.staff import cancel as grants
from store.terms import terms_of
from tests.builders import conversion, start_of

_DEADLOCK = "40P01"
RIGHT_TO_SEND = "callout.failed"
"""What `claim` notes: a type that no scene records otherwise."""


class Deed(NamedTuple):
    """A deed's name, and what it is done to."""

    name: str
    about: tuple[Any, ...]


async def patiently(
    do: Callable[[], Awaitable[Any]], tries: int = 40, *, deadlocks: bool = True
) -> Any:
    """A lock that could not be had in time, or a server that chose us to break a deadlock, is
    tried again; everything else is a failure."""
    for _ in range(tries):
        try:
            return await do()
        except Exception as error:
            deadlock = getattr(getattr(error, "orig", None), "sqlstate", None) == _DEADLOCK
            if not is_outage(error) or (deadlock and not deadlocks):
                raise
            await asyncio.sleep(0.01)
    raise TimeoutError("the lock was never to be had")


async def in_order(do: Callable[[], Awaitable[Any]]) -> Any:
    """The same, of what takes its locks in one order with everybody else: a deadlock is a
    failure."""
    return await patiently(do, deadlocks=False)


async def refer(database: Database, code: str, friend: str, event_id: str, *order: str) -> None:
    """The friend's event is accepted, then judged, with what was refunded before. A refusal at the
    door is an answer. `order`: keys of the ids of the order behind it."""
    request = conversion(friend, code, event_id=event_id, orders=OrderIds.of_keys(list(order)))

    async def send() -> Converted:
        async with database.transaction() as tx:
            return await book_purchase(tx, request)

    try:
        converted = await patiently(send)
    except Refusal:
        return
    for referral in converted.referrals:
        if referral.reinstating is not None:
            await look_again(database, referral.id)
            continue
        await patiently(partial(qualify, database, start_of(referral)))
        if any(message.reversal_id for message in converted.intake):
            await carry_out(database, referral.id)


async def look_again(database: Database, referral_id: str) -> None:
    """What a referral's workflow does when something has changed: a reversal is carried out, and
    what nobody has judged is judged."""
    if (await carry_out(database, referral_id)).judge:
        await patiently(partial(judge_again, database, referral_id, "proof"))
        await carry_out(database, referral_id)


async def carry_out(database: Database, referral_id: str) -> Reversed:
    """A reversal that was accepted before is carried out."""

    async def do() -> Reversed:
        async with database.transaction() as tx:
            return await reversing.carry_out(tx, referral_id)

    done: Reversed = await patiently(do)
    return done


async def refer_in_scene(
    database: Database, code: str, friend: str, event_id: str, *order: str
) -> None:
    """The same, under an event id of the scene's own: an id names one event, for ever."""
    await refer(database, code, friend, f"{code}:{event_id}", *order)


async def credit(database: Database, grant_id: str) -> None:
    """A reward that Guerdon keeps itself comes to rest."""

    async def do() -> None:
        async with database.transaction() as tx:
            await grants.credit_wallet(tx, grant_id)

    await in_order(do)


async def claim(database: Database, grant_id: str) -> None:
    """Ask for the right to send the order; a right that was given leaves a note."""

    async def do() -> None:
        async with database.transaction() as tx:
            right = await attempts.claim(
                tx,
                "giftcard-partners",
                grant_id,
                lifetime=timedelta(seconds=30),
                probe_every=timedelta(seconds=5),
                hooks="http://127.0.0.1",
                carrier="proof",
            )
            if isinstance(right, Attempt):
                tx.record(RIGHT_TO_SEND, "The right to send", grant_id=grant_id)

    await patiently(do)


async def cancel(database: Database, grant_id: str) -> None:
    """Staff cancel the grant. A refusal is an answer."""

    async def do() -> None:
        async with database.transaction() as tx:
            request = StaffRequest(grant_id=grant_id, actor="app_proof")
            await grants.cancel(tx, request, "proof")

    with suppress(NotAllowedInState):
        await patiently(do)


async def reverse(database: Database, referral_id: str, identity: str) -> None:
    """A refund of the whole order is accepted, then carried out."""

    async def ask() -> None:
        async with database.transaction() as tx:
            await reversals.request_reversal(tx, referral_id, None, "refund", identity)

    await patiently(ask)
    await carry_out(database, referral_id)


async def limit(database: Database, campaign_id: str, grants_per_referrer: int) -> None:
    """The campaign's next version has another limit; referrals that began keep theirs."""

    async def do() -> None:
        async with database.transaction() as tx:
            campaign = await lock(tx, campaign_id)
            before = await terms_of(tx, campaign_id, campaign.version)
            limits = before.limits.model_copy(update={"grants_per_referrer": grants_per_referrer})
            after = before.model_copy(update={"limits": limits})
            await revise(tx, campaign, before, after, {}, actor="app_proof")

    await patiently(do)


DEEDS: dict[str, Callable[..., Awaitable[object]]] = {
    "refer": refer_in_scene,
    "credit": credit,
    "claim": claim,
    "cancel": cancel,
    "reverse": reverse,
    "limit": limit,
}
