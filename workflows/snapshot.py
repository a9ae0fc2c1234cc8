"""The state of a grant as its journey knows it."""

from __future__ import annotations

from domain.grants import GrantStatus
from domain.messages import Next, Step
from domain.orders import OrderState
from domain.staff import IN_DOUBT, GrantSnapshot

_STATUS = {
    Next.ORDER: GrantStatus.ORDERING,
    Next.FOLLOW: GrantStatus.ORDERED,
    Next.ATTEND: GrantStatus.NEEDS_ATTENTION,
    Next.REVIEW: GrantStatus.IN_REVIEW,
    Next.REST: GrantStatus.DELIVERED,
}


def snapshot_at(step: Step, waits_as: GrantStatus | None) -> GrantSnapshot:
    """The snapshot that update validators judge by.

    What only the database knows is assumed in the caller's favour: the API has checked it before,
    and the activity checks it again."""
    if waits_as is not None:
        return GrantSnapshot(waits_as)
    parked = step.attention is not None
    status = GrantStatus.NEEDS_ATTENTION if parked else _STATUS[step.next]
    return GrantSnapshot(status, step.attention, _order(step))


def _order(step: Step) -> OrderState | None:
    if step.next is Next.ORDER or step.attention in IN_DOUBT:
        return OrderState.UNKNOWN
    return None if step.cancellable else OrderState.ISSUED
