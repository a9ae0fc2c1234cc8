"""What staff can do about a grant, and when.

One rule, checked in three places: the API before it accepts, the workflow's validators, and the
transaction that carries the request out."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from domain.grants import Attention, GrantStatus
from domain.orders import OrderState
from domain.rewards import Delivery


class Action(StrEnum):
    """A staff action. Each value is also the last part of its address in the API."""

    RETRY = "retry"
    CANCEL = "cancel"
    RESEND = "resend"
    RESOLVE = "resolve"
    APPROVE = "approve"
    DENY = "deny"


MEANING = {
    Action.RETRY: "Try again now, under the same order key. It never orders twice.",
    Action.CANCEL: "Withdraw the reward. No card exists, and none will.",
    Action.RESEND: "Have the provider send the card again.",
    Action.RESOLVE: "Say whether the provider issued the card, with your evidence.",
    Action.APPROVE: "Release the rewards: they are ordered now.",
    Action.DENY: "Refuse the rewards: none is ordered, and the referral is rejected.",
}
"""What each action does, as staff read it."""
_ELSEWHERE = "Have the provider send the card again, also to a corrected address."

OF_REFERRAL = frozenset({Action.APPROVE, Action.DENY})
"""Decided for a referral as a whole; the others are about one grant."""

IN_DOUBT = frozenset({Attention.OUTCOME_UNKNOWN, Attention.KEY_CONFLICT})
"""Causes for which only a person can say whether the card exists."""


class GrantSnapshot(NamedTuple):
    """The state of a grant, as far as it decides what may be done.

    `order`: the state of its latest order, None before there is one; `can_resend`: whether that
    order's provider can; `reaches_elsewhere`: whether a corrected address can be given with it."""

    status: GrantStatus
    attention: Attention | None = None
    order: OrderState | None = None
    delivery: Delivery | None = None
    can_resend: bool = True
    reaches_elsewhere: bool = True

    @property
    def card_may_exist(self) -> bool:
        return self.order in (OrderState.UNKNOWN, OrderState.PENDING, OrderState.ISSUED)


_CANCELLABLE = "Only a held grant, one in review, or a parked one with no card, can be cancelled."


def possible(grant: GrantSnapshot) -> list[Action]:
    """Every action that is allowed now."""
    return [action for action in Action if refusal(action, grant) is None]


def meaning(action: Action, grant: GrantSnapshot) -> str:
    """What the action would do now, in words. Only a mailed card has an address to correct."""
    corrects = grant.reaches_elsewhere and grant.delivery is Delivery.EMAIL
    return _ELSEWHERE if action is Action.RESEND and corrects else MEANING[action]


def refusal(action: Action, grant: GrantSnapshot) -> str | None:
    """Why this cannot be done now, in words; None if it can."""
    match action:
        case Action.RETRY if grant.status is not GrantStatus.NEEDS_ATTENTION:
            return "Only a grant that needs attention can be retried."
        case Action.CANCEL if not _can_cancel(grant):
            return _CANCELLABLE
        case Action.RESEND:
            return _no_resend(grant)
        case Action.RESOLVE if not _is_in_doubt(grant):
            return "Only a grant whose order's outcome is unknown or in conflict can be resolved."
        case Action.APPROVE | Action.DENY if grant.status is not GrantStatus.IN_REVIEW:
            return "Only rewards in review can be approved or denied."
    return None


def _can_cancel(grant: GrantSnapshot) -> bool:
    if grant.status in (GrantStatus.HELD, GrantStatus.IN_REVIEW):
        return True
    return grant.status is GrantStatus.NEEDS_ATTENTION and not grant.card_may_exist


def _is_in_doubt(grant: GrantSnapshot) -> bool:
    # PENDING: the provider has the order, and reports something adverse.
    open_ = grant.order in (OrderState.UNKNOWN, OrderState.PENDING)
    doubted = open_ and grant.attention in IN_DOUBT
    return grant.status is GrantStatus.NEEDS_ATTENTION and doubted


def _no_resend(grant: GrantSnapshot) -> str | None:
    if grant.order is not OrderState.ISSUED or grant.status is GrantStatus.CANCELLED:
        return "Only a card that the provider has issued can be sent again."
    match grant.delivery:
        case Delivery.LINK:
            return "Its claim link is handed out by GET /v1/grants/{id}/claim, as often as needed."
        case Delivery.POST:
            return "A posted card cannot be sent again from here. Ask the provider."
        case _ if not grant.can_resend:
            return "This provider cannot send a card again. Ask its support."
    return None


def words(grant: GrantSnapshot) -> str:
    """The state, and what can be done in it, for a refused request."""
    parked = grant.status is GrantStatus.NEEDS_ATTENTION
    state = "parked" if parked else grant.status.replace("_", " ")
    why = f" ({grant.attention.replace('_', ' ')})" if grant.attention else ""
    can = ", ".join(possible(grant)) or "nothing"
    return f"This one is {state}{why}. Possible now: {can}."
