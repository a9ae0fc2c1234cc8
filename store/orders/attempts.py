"""Gift-card orders: recorded and claimed before a byte is sent, updated after.

An attempt is: `claim` (one transaction), one request to the provider, `record_*` (another). The
claim is a compare-and-set on the order's row: while one attempt holds it no other sends, and an
attempt whose claim has expired must not send any more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Integer, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.grants import AT_REST, Attention, GrantStatus
from domain.messages import Next, Step
from domain.orders import ENDED, OrderRequest, OrderState
from domain.rewards import Delivery, GiftCard
from store.database import Database, Transaction
from store.grants import remainders
from store.grants.attention import clear_attention, park
from store.grants.stops import park_if_stopped
from store.ledger import taxes
from store.marks import recipient
from store.orders import double_orders
from store.orders.prepare import claimed, corrected, missing, prepare, send_to_review
from store.providers import lanes
from store.tables import Customer, Grant, Lane, Order, metadata


class Attempt(NamedTuple):
    """The right to send one order-creating request.

    `number` counts the order's attempts; `in_doubt`: an earlier attempt may have bought the card
    already; `repeats`: how often it was sent while in doubt; `absent_for`: how long searches by its
    key have found nothing since it was refused in doubt; `probes`: its lane is stopped, and this
    order tries whether the cause is gone. Times are the database's, whose clock all workers share.
    """

    order_id: str
    grant_id: str
    number: int
    in_doubt: bool
    repeats: int
    first_sent_at: datetime
    age: timedelta
    """Since it was first sent."""
    absent_for: timedelta | None
    request: OrderRequest
    probes: bool


class OpenOrder(NamedTuple):
    """An order that the provider has, with what is needed to read it."""

    id: str
    provider: str
    provider_order_id: str
    currency: str
    by_link: bool
    """Its card is delivered as a claim link."""


class Busy(NamedTuple):
    """Another attempt holds the claim until then."""

    wait: timedelta


async def claim(
    tx: Transaction,
    provider: str,
    grant_id: str,
    *,
    lifetime: timedelta,
    probe_every: timedelta,
    hooks: str,
    carrier: str,
    follows: bool = False,
) -> Attempt | Busy | Step:
    """Claim the grant's order for one attempt, writing it down first when it is new. Answers a
    Step instead when there is nothing to send, or the provider's lane is stopped. `hooks`: the
    public address for webhooks; `carrier`: the workflow that staff's decisions now go to;
    `follows`: the attempt stays with the order for a while, and hears its webhooks itself."""
    limit = await taxes.limit_of(tx, grant_id)
    # The marks of people are locked before any grant.
    judged = await recipient.judge(tx, grant_id)
    grant, order, customer, lane, at = await _load(tx, provider, grant_id)
    if settled := _nothing_to_send(grant, order):
        return settled
    grant.workflow_id = carrier
    reward = GiftCard.model_validate(grant.reward)
    if reward.provider != provider:
        return Step(next=Next.ORDER, provider=reward.provider)
    unsent = _is_unsent(order)
    if unsent and (instead := await _kept_back(tx, grant, order, limit)):
        return instead
    if lane and not await lanes.may_probe(tx, lane, probe_every):
        step = await park(tx, grant, Attention(lane.attention), lane.detail)
        return step.model_copy(update={"after": max(lane.probe_at - tx.now, _SOON)})
    if lack := missing(reward.delivery, customer, order):
        return await park(tx, grant, Attention.RECIPIENT_INCOMPLETE, lack)
    if unsent and (lack := await taxes.form_missing(tx, grant, limit, besides=order)):
        return await park(tx, grant, Attention.TAX_FORM_MISSING, lack)
    goes_on = order is not None and order.state not in ENDED
    if order and goes_on and (changed := await _changed(tx, grant, order)):
        return changed
    if judged.hits and not goes_on and corrected(customer, order) is None:
        return await send_to_review(tx, grant, judged.hits)
    await clear_attention(tx, grant, GrantStatus.ORDERING)
    if order is None or order.state in ENDED:
        if judged.particulars != (customer.email, customer.phone, customer.address):
            return Busy(_SOON)
        order = await prepare(tx, grant, reward, customer, after=order, hooks=hooks)
        written = await tx.session.execute(_INSERT, claimed(order, at, lifetime, follows=follows))
        won = written.scalar() is not None
    else:
        won = await _take_over(tx, order, at, lifetime, follows=follows)
    if not won:
        return Busy(max((order.claimed_until or at) - at, _SOON))
    return _attempt(order, at, probes=lane is not None)


def _is_unsent(order: Order | None) -> bool:
    """Judge an order again that was never sent: a stop or a changed threshold applies at once."""
    return order is None or order.state in ENDED or order.state == OrderState.PREPARED


async def _kept_back(
    tx: Transaction, grant: Grant, order: Order | None, limit: taxes.Limit | None
) -> Step | None:
    """The step instead of an order that is not sent yet and must not be, if any."""
    if stopped := await park_if_stopped(tx, grant):
        return stopped
    unordered = order is None or order.state in ENDED
    if unordered and (why := await remainders.too_little(tx, grant)):
        return await remainders.settle(tx, grant, why, limit)
    return None


async def _changed(tx: Transaction, grant: Grant, order: Order) -> Step | None:
    """A key is only sent with the contents that were frozen with it: other contents, however they
    got into the row, might buy something else, or be refused as a conflict."""
    if OrderRequest.model_validate(order.request).is_as_frozen(order.fingerprint):
        return None
    # If it was sent before, only a person can say what it bought; if not, it can still be
    # cancelled.
    sent = order.state == OrderState.UNKNOWN
    attention = Attention.KEY_CONFLICT if sent else Attention.UNEXPECTED
    return await park(tx, grant, attention, _NOT_AS_FROZEN)


_NOT_AS_FROZEN = "The order's row is not what was frozen with its key. It is not sent."
_SOON = timedelta(seconds=1)
_ORDERS = metadata.tables[str(Order.__tablename__)]
_INSERT = insert(_ORDERS).on_conflict_do_nothing().returning(_ORDERS.c.id)


_OPEN = (
    select(Grant, Order, Customer, Lane, func.clock_timestamp())
    .outerjoin(Order, col(Order.grant_id) == Grant.id)
    .join(Customer, col(Customer.id) == Grant.recipient_id)
    .outerjoin(Lane, col(Lane.provider) == bindparam("provider"))
    .where(col(Grant.id) == bindparam("grant_id"))
    .order_by(col(Order.generation).desc())
    .limit(1)
    # Locked, so that the grant cannot be cancelled at the same moment.
    .with_for_update(of=Grant)
)


async def _load(
    tx: Transaction, provider: str, grant_id: str
) -> tuple[Grant, Order | None, Customer, Lane | None, datetime]:
    row = await tx.session.execute(_OPEN, {"grant_id": grant_id, "provider": provider})
    grant, order, customer, lane, at = row.one()
    return grant, order, customer, lane, at


def _nothing_to_send(grant: Grant, order: Order | None) -> Step | None:
    if grant.status in AT_REST:
        return Step(next=Next.REST)
    if grant.status == GrantStatus.IN_REVIEW:
        return Step(next=Next.REVIEW)
    if order is not None and order.state in (OrderState.PENDING, OrderState.ISSUED):
        return Step(next=Next.FOLLOW)
    if order is not None and grant.reversal_due > grant.reversed_amount:
        # Its order has ended while a reversal of it was waiting: no new one follows.
        return Step(next=Next.REST) if order.state in ENDED else None
    return None


_TAKE_OVER = (
    update(Order)
    .where(
        col(Order.id) == bindparam("order"),
        col(Order.attempt) == bindparam("seen"),
        # An earlier attempt's answer may have arrived after this order was read.
        col(Order.state).in_((OrderState.PREPARED, OrderState.UNKNOWN)),
        or_(col(Order.claimed_until).is_(None), col(Order.claimed_until) < bindparam("now")),
    )
    .values(
        attempt=col(Order.attempt) + 1,
        repeats=col(Order.repeats) + bindparam("repeated", type_=Integer),
        claimed_until=bindparam("until"),
        followed_until=bindparam("followed"),
        first_sent_at=func.coalesce(col(Order.first_sent_at), bindparam("now")),
        # Sending again may buy again, so earlier searches prove nothing any more.
        absent_since=None,
        state=OrderState.UNKNOWN,
        updated_at=bindparam("now"),
    )
    .returning(col(Order.id))
    .execution_options(synchronize_session=False)
)


async def _take_over(
    tx: Transaction, order: Order, at: datetime, lifetime: timedelta, *, follows: bool
) -> bool:
    """Compare-and-set: while one attempt holds the claim no other gets it."""
    won = await tx.session.execute(
        _TAKE_OVER,
        {
            "order": order.id,
            "seen": order.attempt,
            "now": at,
            "until": at + lifetime,
            "followed": at + lifetime if follows else None,
            "repeated": int(order.state == OrderState.UNKNOWN),
        },
    )
    return won.scalar() is not None


def _attempt(order: Order, at: datetime, *, probes: bool) -> Attempt:
    """The attempt that has just claimed the order; `order` is its row from before."""
    in_doubt = order.state == OrderState.UNKNOWN
    return Attempt(
        order_id=order.id,
        grant_id=order.grant_id,
        number=order.attempt + 1,
        in_doubt=in_doubt,
        repeats=order.repeats + in_doubt,
        first_sent_at=order.first_sent_at or at,
        age=at - (order.first_sent_at or at),
        absent_for=at - order.absent_since if order.absent_since else None,
        request=OrderRequest.model_validate(order.request),
        probes=probes,
    )


async def record_not_bought(tx: Transaction, attempt: Attempt, detail: str) -> bool:
    """A definite no that leaves the order unchanged: the same key may be sent again. Returns False
    if a later attempt has taken over; then nothing is recorded."""
    state = OrderState.UNKNOWN if attempt.in_doubt else OrderState.PREPARED
    return await _release(tx, attempt, state, "Order not taken by the provider", detail)


async def record_unknown(tx: Transaction, attempt: Attempt, detail: str) -> bool:
    """No readable answer: the card may or may not exist."""
    title = "No answer from the provider; asking again under the same order key"
    return await _release(tx, attempt, OrderState.UNKNOWN, title, detail)


async def record_doubted(tx: Transaction, attempt: Attempt, detail: str) -> bool:
    """Not found, but an earlier request under the key may still arrive."""
    title = "Not to be found, though an earlier request may have bought it; searching again"
    if not await _release(tx, attempt, OrderState.UNKNOWN, title, detail):
        return False
    absent = attempt.absent_for or timedelta(0)
    await tx.session.execute(
        update(Order)
        .where(col(Order.id) == attempt.order_id)
        .values(absent_since=func.clock_timestamp() - absent)
    )
    return True


async def record_refused(tx: Transaction, attempt: Attempt, detail: str) -> bool:
    """A definite, terminal refusal: no value under this key, ever."""
    return await _release(tx, attempt, OrderState.FAILED, "Order refused for good", detail)


async def record_double(
    tx: Transaction, attempt: Attempt, provider_order_ids: list[str], detail: str
) -> Step:
    """More than one order exists under the attempt's key: an incident, for a person to resolve."""
    grant = await tx.session.get_one(Grant, attempt.grant_id)
    order = await tx.session.get_one(Order, attempt.order_id)
    return await double_orders.raise_double(tx, grant, order, provider_order_ids, detail)


_RELEASE = (
    update(Order)
    .where(
        col(Order.id) == bindparam("order"),
        col(Order.attempt) == bindparam("mine"),
        col(Order.state) == OrderState.UNKNOWN,
    )
    .values(
        state=bindparam("word"),
        claimed_until=None,
        followed_until=None,
        updated_at=bindparam("now"),
    )
    .returning(col(Order.provider))
    .execution_options(synchronize_session=False)
)


async def _release(
    tx: Transaction, attempt: Attempt, state: OrderState, title: str, detail: str
) -> bool:
    released = await tx.session.execute(
        _RELEASE,
        {"order": attempt.order_id, "mine": attempt.number, "word": state, "now": tx.now},
    )
    provider = released.scalar()
    if provider is None:
        return False
    grant = await tx.session.get_one(Grant, attempt.grant_id)
    tx.record(
        f"order.{state}",
        title,
        detail=detail,
        source="provider",
        attempt=attempt.number,
        data={"provider": provider, "key": attempt.request.key},
        order_id=attempt.order_id,
        **grant.event_ids,
    )
    return True


async def open_order(database: Database, grant_id: str) -> OpenOrder | None:
    """The grant's newest order, if the provider has named it."""
    async with database.reading() as session:
        row = await session.execute(
            select(Order, Grant)
            .join(Grant, col(Grant.id) == Order.grant_id)
            .where(col(Order.grant_id) == grant_id)
            .order_by(col(Order.generation).desc())
            .limit(1)
        )
        found = row.one_or_none()
    if found is None:
        return None
    order, grant = found
    if order.provider_order_id is None:
        return None
    by_link = grant.reward.get("delivery") == Delivery.LINK
    return OpenOrder(order.id, order.provider, order.provider_order_id, order.currency, by_link)
