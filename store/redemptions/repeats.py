"""Recognises repeated uses of a code: answered like the first, or refused if they differ."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from pydantic import BaseModel
from sqlalchemy import ColumnElement, bindparam, exists, select
from sqlmodel import col

from domain.discounts import Line
from domain.ids import Prefix, digest, new_id
from domain.purchases import NO_ORDER, OrderIds
from domain.refusals import CannotCount
from domain.repeats import Content, Kind, trimmed
from store.access.identities import Given, keep, must_match, recall
from store.database import Transaction
from store.referrals.purchases import erased_keys
from store.tables import Redemption, Rollback


class RedemptionRequest(BaseModel):
    """A code used by a customer.

    `amount` is the order's, in minor units, `lines` its items. `identity` distinguishes uses: the
    order's ids if it has any. None: each request is a use of its own."""

    code: str
    customer_id: str
    identity: str | None
    amount: int
    priced: bool = True
    """Whether the order has a price."""
    lines: list[Line] = []
    order: dict[str, Any] | None
    orders: OrderIds = NO_ORDER
    referrer: str | None = None
    """The holder of the code who is to be rewarded, by id or source_id; None: its owner."""
    own_names: tuple[str, ...] = ()
    """Identities of the request beside its order, such as its Idempotency-Key."""
    again: bool = False
    """True for a second redemption for the same order, after the first was rolled back."""
    tracking_id: str | None
    metadata: dict[str, Any]
    received_at: datetime
    api_key: str | None = None
    """The credential that sent it."""


def column_of(request: RedemptionRequest) -> str:
    """The redemption's own identity, for a unique constraint. An `order.id` is stored apart from
    the shop's order ids, whose form does not change."""
    given = request.identity or new_id(Prefix.REDEMPTION)
    if request.orders.ids and not request.orders.source_ids:
        given = f"order.id:{request.orders.main}"
    own = request.own_names if request.again else ()
    return digest(trimmed(given), request.code, request.customer_id, *own)


class Use(NamedTuple):
    """How a request relates to earlier ones. `earlier`: the redemption that it repeats, if any.
    `again`: it names a known order under a new identity."""

    earlier: str | None = None
    again: bool = False


async def first_use(tx: Transaction, request: RedemptionRequest) -> Use:
    """Whether this is a repeat.

    Raises IdentityReused if it differs from the first, and CannotCount if that was wholly rolled
    back and this might be a late repeat of it."""
    identity = _identity_of(request)
    if identity is None:
        return Use()
    said, own = await _said(tx, request), _own_identity(request)
    if own and (heard := await recall(tx, own)):
        repeated = must_match(own, heard, said)[0]
        return Use(await _valid_use(tx, col(Redemption.id) == repeated))
    known = await recall(tx, identity)
    if not known:
        return Use(await _recorded_before(tx, request))
    latest = must_match(identity, known, said)[0]
    if own is None or await _was_heard(tx, request, latest):
        return Use(await _valid_use(tx, col(Redemption.id) == latest))
    stands = (await tx.session.execute(_STANDS, {"redemption": latest})).scalar()
    return Use(latest if stands else None, again=True)


async def remember(tx: Transaction, request: RedemptionRequest, redemption_id: str) -> None:
    """Store the request under its identities, so that a repeat finds its redemption. After a second
    redemption for one order, the order's ids find the second."""
    identity, own = _identity_of(request), _own_identity(request)
    if identity is None:
        return
    await tx.session.flush()
    said = await _said(tx, request)
    if request.again:
        for known in await recall(tx, identity):
            known.result = [redemption_id]
    else:
        await keep(tx, identity, said, [redemption_id])
    if own:
        await keep(tx, own, said, [redemption_id])


async def remember_name(tx: Transaction, request: RedemptionRequest, redemption_id: str) -> None:
    """Store a further identity of an existing redemption, so that its repeats are recognised."""
    if own := _own_identity(request):
        await keep(tx, own, await _said(tx, request), [redemption_id])


def _own_identity(request: RedemptionRequest) -> Given | None:
    """Combined with each id of the order: the same tracking id may come with another order."""
    orders = request.orders.keys
    if not orders or not request.own_names:
        return None
    scope = (request.code, request.customer_id)
    names = tuple(
        digest("beside the order", name, order, *scope)
        for name in request.own_names
        for order in orders
    )
    return Given(Kind.REDEMPTION, request.own_names[0].partition(":")[2], names)


async def _was_heard(tx: Transaction, request: RedemptionRequest, redemption_id: str) -> bool:
    """Whether this identity was seen before. Redemptions from before identities were stored are
    recognised by their tracking id."""
    tracked = await tx.session.scalar(
        select(col(Redemption.tracking_id)).where(col(Redemption.id) == redemption_id)
    )
    return tracked is not None and f"tracking:{tracked.strip()}" in request.own_names


def _identity_of(request: RedemptionRequest) -> Given | None:
    """The identity of the use: every id of the order, with the code, because one order may use
    several, and with the customer, because the terms decide whether an order may have two."""
    if request.identity is None:
        return None
    names = request.orders.keys or [trimmed(request.identity)]
    scope = (request.code, request.customer_id)
    said = request.orders.main or request.identity.partition(":")[2]
    return Given(Kind.REDEMPTION, said, tuple(digest(name, *scope) for name in names))


async def _said(tx: Transaction, request: RedemptionRequest) -> Content:
    currency, keys = (request.order or {}).get("currency"), await erased_keys(tx, request.orders)
    return Content(amount=request.amount, currency=currency, order=keys)


_UNDONE = (
    exists()
    .where(col(Rollback.redemption_id) == Redemption.id, col(Rollback.whole))
    .correlate(Redemption)
)


_STANDS = select(~_UNDONE).where(col(Redemption.id) == bindparam("redemption"))


async def _recorded_before(tx: Transaction, request: RedemptionRequest) -> str | None:
    """A use from before contents were stored, found by its one known id."""
    given = request.identity or ""
    scope = (request.code, request.customer_id)
    spelt = [digest(spelling, *scope) for spelling in {given, trimmed(given)}]
    before = col(Redemption.order_ids).is_(None)
    return await _valid_use(tx, before, col(Redemption.identity).in_(spelt))


async def _valid_use(tx: Transaction, *conditions: ColumnElement[bool]) -> str | None:
    """The use, if it is valid. One that was wholly rolled back gives no discount again: a caller
    who trusts the success would give it away without a count."""
    statement = select(col(Redemption.id), _UNDONE).where(*conditions).limit(1)
    earlier = (await tx.session.execute(statement)).one_or_none()
    if earlier is None:
        return None
    redemption_id, undone = earlier
    if undone:
        raise CannotCount(
            "already_rolled_back",
            f"This use ({redemption_id}) was rolled back. To use the code again, send a new order "
            "id; or, if the same order is bought after all, a new tracking_id or Idempotency-Key.",
        )
    return str(redemption_id)
