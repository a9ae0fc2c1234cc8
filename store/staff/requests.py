"""Staff requests: checked against the facts, recorded once, and passed to a workflow by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.grants import AT_REST, Attention, GrantStatus
from domain.ids import digest
from domain.messages import GrantTask, Next, Step
from domain.orders import OrderState
from domain.refusals import IdentityReused, InvalidPayload, NotAllowedInState
from domain.rewards import Delivery, GiftCard, reward_of
from domain.staff import Action, GrantSnapshot, refusal, words
from store.database import ReadSession, Transaction
from store.grants import queries as grants
from store.grants.create import task_of
from store.grants.queries import GrantRead
from store.referrals import queries as referrals
from store.tables import Grant, Order, StaffAction


class Asking(NamedTuple):
    """A person's request, about a grant or a whole referral. `identity`: what makes a repeat the
    same request."""

    action: Action
    actor: str
    identity: str
    grant_id: str | None = None
    referral_id: str | None = None
    reason: str | None = None
    evidence: str | None = None
    email: str | None = None
    issued: bool | None = None
    provider_order_id: str | None = None


class AcceptedRequest(NamedTuple):
    """A request that the facts allow, and its grants. `workflow_id`: the workflow that handles
    them; `done`: it has been carried out before."""

    id: str
    asking: Asking
    referral_id: str
    workflow_id: str
    tasks: list[GrantTask]
    done: bool


async def ask(tx: Transaction, asking: Asking, resending: Mapping[str, bool]) -> AcceptedRequest:
    """Record the request, unless it exists.

    `resending`: the providers that can send a card again, and whether to a corrected address.
    Raises NotFound, InvalidPayload for an address that cannot be used, NotAllowedInState with the
    state and the way out, and IdentityReused if the same key was used for another request."""
    about = asking.grant_id or asking.referral_id or ""
    id = digest(asking.actor, asking.action, about, asking.identity)
    found = await _concerned(tx, asking)
    before = await tx.session.get(StaffAction, id)
    if before is None:
        _must_be_possible(asking, found, resending)
        await _write_down(tx, id, asking, found[0].grant.referral_id)
    else:
        _must_be_the_same(before, asking)
    # As they are now, for a workflow that resumes them.
    tasks = [
        task_of(one.grant).model_copy(update={"step": step_of(one.grant, one.order)})
        for one in found
    ]
    done = before is not None and before.done_at is not None
    first = found[0].grant
    return AcceptedRequest(id, asking, first.referral_id, first.workflow_id, tasks, done)


async def retract(tx: Transaction, id: str) -> None:
    """The workflow refused it: delete the request."""
    await tx.session.execute(
        delete(StaffAction).where(col(StaffAction.id) == id, col(StaffAction.done_at).is_(None))
    )


async def begin(tx: Transaction, id: str) -> StaffAction | None:
    """The request, marked as carried out by this transaction; None if an earlier one did: a repeat
    has no second effect."""
    statement = (
        update(StaffAction)
        .where(col(StaffAction.id) == id, col(StaffAction.done_at).is_(None))
        .values(done_at=func.now())
        .returning(StaffAction)
    )
    return (await tx.session.scalars(statement)).one_or_none()


async def note_in_vain(tx: Transaction, id: str, detail: str) -> None:
    """The facts had changed between acceptance and execution. Recorded once."""
    asked = await begin(tx, id)
    if asked is None:
        return
    tx.record(
        f"staff.{asked.action}_in_vain",
        f"Staff asked to {asked.action}; that was not possible any more",
        source="staff",
        actor=asked.actor,
        detail=detail,
        referral_id=asked.referral_id,
        grant_id=asked.grant_id,
    )


def snapshot_of(
    grant: Grant, order: Order | None, resending: Mapping[str, bool] | None = None
) -> GrantSnapshot:
    """A grant's state, with its latest order."""
    reward = reward_of(grant.reward)
    card = reward if isinstance(reward, GiftCard) else None
    elsewhere = (resending or {}).get(card.provider) if card else None
    return GrantSnapshot(
        status=GrantStatus(grant.status),
        attention=Attention(grant.attention) if grant.attention else None,
        order=OrderState(order.state) if order else None,
        delivery=card.delivery if card else None,
        can_resend=elsewhere is not None,
        reaches_elsewhere=bool(elsewhere),
    )


def step_of(grant: Grant, order: Order | None) -> Step:
    """The grant's next step according to the facts, if nothing new has happened."""
    standing = snapshot_of(grant, order)
    if grant.status in AT_REST:
        return Step(next=Next.REST)
    if grant.status == GrantStatus.NEEDS_ATTENTION:
        cancellable = not standing.card_may_exist
        return Step(next=Next.ATTEND, attention=standing.attention, cancellable=cancellable)
    followed = standing.order in (OrderState.PENDING, OrderState.ISSUED)
    return Step(next=Next.FOLLOW if followed else Next.ORDER)


_FIRST_ADDRESS_ONLY = "This provider sends a card to its first address only. Leave this out."


def _must_be_possible(
    asking: Asking, found: Sequence[GrantRead], resending: Mapping[str, bool]
) -> None:
    for one in found:
        standing = snapshot_of(one.grant, one.order, resending)
        if refused := refusal(asking.action, standing):
            raise NotAllowedInState(f"{refused} {words(standing)}")
        if asking.email and standing.delivery is not Delivery.EMAIL:
            raise InvalidPayload("This card is not sent by e-mail.", field="/email")
        if asking.email and not standing.reaches_elsewhere:
            raise InvalidPayload(_FIRST_ADDRESS_ONLY, field="/email")


def _must_be_the_same(before: StaffAction, asking: Asking) -> None:
    """After an indefinite answer the same key may come with another body."""
    changed = [name for name in _COMPARED if getattr(before, name) != getattr(asking, name)]
    if changed:
        raise IdentityReused(
            f"This Idempotency-Key asked to {asking.action} with another "
            f"{', '.join(changed)} before. Use a key of its own.",
            differences=[(f"/{name}", "Another one was sent first.") for name in changed],
        )


_COMPARED = ("email", "issued", "provider_order_id")


async def _write_down(tx: Transaction, id: str, asking: Asking, referral_id: str) -> None:
    members = asking._asdict() | {"id": id, "referral_id": referral_id, "created_at": tx.now}
    del members["identity"]
    await tx.session.execute(insert(StaffAction).values(**members).on_conflict_do_nothing())


async def _concerned(tx: Transaction, asking: Asking) -> list[GrantRead]:
    """The grant; or for a whole referral those of its grants that are in review, all of them if
    none is."""
    session = ReadSession(tx.session)
    if asking.grant_id is not None:
        return [await grants.find(session, asking.grant_id)]
    read = await referrals.find(session, str(asking.referral_id))
    if not read.grants:
        state = read.referral.status.replace("_", " ")
        raise NotAllowedInState(f"The referral is {state}: there is no reward to decide about.")
    return [one for one in read.grants if one.grant.status == GrantStatus.IN_REVIEW] or read.grants
