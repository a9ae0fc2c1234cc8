"""What a process does with codes and with what they earn: the product's own transactions again.
A refusal is an answer; only what nobody expected is a failure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from domain.customers import Person
from domain.purchases import NO_ORDER
from domain.refusals import Refusal
from store.codes import coupons
from store.customers.upsert import upsert
from store.database import Database, Transaction
from store.grants import wallets
from store.publications import publish as publications
from store.qualification.qualify import qualify
from store.redemptions import redeem as redemptions
from store.redemptions import roll_back as rollbacks
from store.reversals import request
from store.tables import Redemption, Referral
from tests.builders import start_of
from tests.proofs.deeds import carry_out, patiently


async def redeem(database: Database, code: str, customer_id: str, identity: str | None) -> None:
    """The code is used for an order of 50.00, and the friend it brings is judged."""

    async def use() -> Referral | None:
        async with database.transaction() as tx:
            customer = await upsert(tx, Person(id=customer_id))
            asked = redemptions.RedemptionRequest(
                code=code,
                customer_id=customer.id,
                identity=identity,
                amount=50_00,
                order={"amount": 50_00},
                orders=NO_ORDER,
                tracking_id=None,
                metadata={},
                received_at=tx.now,
            )
            used = await tx.session.get_one(
                Redemption, (await redemptions.redeem(tx, asked)).redemption_id
            )
            return await tx.session.get(Referral, used.referral_id) if used.referral_id else None

    with suppress(Refusal):
        if referral := await patiently(use):
            await patiently(partial(qualify, database, start_of(referral)))


async def publish(
    database: Database,
    customer: str,
    where: dict[str, str],
    source_id: str | None,
    known: bool = False,
) -> None:
    """A customer is given a code: one that is `known` by our id, or by the caller's own name, and
    new perhaps."""

    async def do(tx: Transaction) -> None:
        person = Person(id=customer) if known else Person(source_id=customer)
        row = await upsert(tx, person)
        asked = publications.PublicationRequest(customer_id=row.id, source_id=source_id, **where)
        await publications.publish(tx, asked)

    await _ask(database, do)


async def roll_back(database: Database, redemption_id: str) -> None:
    """The whole order is undone."""

    async def do(tx: Transaction) -> None:
        asked = rollbacks.RollbackRequest(redemption_id=redemption_id, actor="app_proof")
        await rollbacks.roll_back(tx, asked)

    await _ask(database, do)


async def refund(database: Database, referral_id: str, amount: int, identity: str) -> None:
    """A part of an order of 100.00 is refunded, then carried out."""

    async def ask(tx: Transaction) -> None:
        await request.request_reversal(
            tx, referral_id, amount, "refund", identity, order_amount=100_00
        )

    await _ask(database, ask)
    await carry_out(database, referral_id)


async def mint(database: Database, grant_id: str) -> None:
    """The grant's coupon is made."""

    async def do(tx: Transaction) -> None:
        await coupons.give(tx, grant_id)

    await _ask(database, do)


async def spend(database: Database, customer_id: str, amount: int, reference: str) -> None:
    """The person uses points of the wallet."""

    async def do(tx: Transaction) -> None:
        await wallets.use(tx, customer_id, "POINTS", amount, reference)

    await _ask(database, do)


async def expire(database: Database) -> None:
    """What has lapsed in wallets is booked."""

    async def do(tx: Transaction) -> None:
        await wallets.expire(tx)

    await _ask(database, do)


async def _ask(database: Database, do: Callable[[Transaction], Awaitable[None]]) -> None:
    async def once() -> None:
        async with database.transaction() as tx:
            await do(tx)

    with suppress(Refusal):
        await patiently(once)


DEEDS_OF_CODES: dict[str, Callable[..., Awaitable[object]]] = {
    "redeem": redeem,
    "publish": publish,
    "roll_back": roll_back,
    "refund": refund,
    "carry_out": carry_out,
    "mint": mint,
    "spend": spend,
    "expire": expire,
}
