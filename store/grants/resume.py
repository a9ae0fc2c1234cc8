"""The step from which a grant's journey continues, according to the facts."""

from __future__ import annotations

from datetime import timedelta

from domain.grants import AT_REST, RESUMES_BY_ITSELF, Attention, GrantStatus
from domain.messages import Next, Step
from domain.orders import ENDED, OrderState
from store.tables import Grant, Order

_TRIES_AGAIN = RESUMES_BY_ITSELF | {
    Attention.OUTCOME_UNKNOWN,
    Attention.CAMPAIGN_PAUSED,
    Attention.CODE_DISABLED,
}
"""Parked, and retried from time to time."""
_SOON = timedelta(seconds=1)


def resumed(grant: Grant, order: Order | None) -> Step:
    """The step of a grant whose workflow is lost; `order`: its newest. What is parked stays parked:
    no definitely refused order is followed by another without a person."""
    if grant.status in AT_REST:
        return Step(next=Next.REST)
    has_it = order is not None and order.state in (OrderState.PENDING, OrderState.ISSUED)
    if grant.status != GrantStatus.NEEDS_ATTENTION:
        return Step(next=Next.FOLLOW if has_it else Next.ORDER)
    attention = Attention(grant.attention) if grant.attention else None
    if has_it:
        return Step(next=Next.FOLLOW, after=_SOON, attention=attention)
    return Step(
        next=Next.ATTEND,
        after=_SOON if attention in _TRIES_AGAIN else None,
        attention=attention,
        cancellable=order is None or order.state in ENDED | {OrderState.PREPARED},
    )
