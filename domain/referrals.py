"""A referral's life, as outsiders see it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from domain.grants import GrantStatus


class ReferralStatus(StrEnum):
    """Where a referral stands."""

    WAITING = "waiting"
    """Attributed; the conversion event has not come."""
    CONVERTED = "converted"
    """The event was accepted and is being judged; or it is held, and `reason` is a Pause."""
    ON_HOLD = "on_hold"
    """Grants wait for the return window to pass."""
    IN_REVIEW = "in_review"
    """Grants wait for a person's decision."""
    FULFILLING = "fulfilling"
    """At least one grant is being fulfilled."""
    COMPLETED = "completed"
    """Every grant is finished."""
    REJECTED = "rejected"
    """The conversion did not qualify; the verdicts say why."""
    EXPIRED = "expired"
    """No conversion came within the attribution window."""
    REVERSED = "reversed"
    """A refund or a fraud finding undid it."""
    NEEDS_ATTENTION = "needs_attention"
    """A grant needs a person or the provider, or a conversion has been held for long."""


class Pause(StrEnum):
    """Why an accepted conversion is held instead of judged. Stored as the referral's reason."""

    CAMPAIGN_PAUSED = "campaign_paused"
    CODE_DISABLED = "code_disabled"
    REFUND_UNCLEAR = "refund_unclear"
    """An early refund may belong to another purchase: a person must decide."""

    @property
    def words(self) -> str:
        """The same, for people."""
        return f"the {self.replace('_', ' is ')}"


SWITCHES = frozenset({Pause.CAMPAIGN_PAUSED, Pause.CODE_DISABLED})
"""Pauses that end when somebody enables the campaign or code."""
HELD_FOR = timedelta(days=30)
"""A conversion that has been held for longer needs attention."""


def pause_of(*, campaign_active: bool, code_active: bool) -> Pause | None:
    """What stops conversions of a code, if anything."""
    if not campaign_active:
        return Pause.CAMPAIGN_PAUSED
    return None if code_active else Pause.CODE_DISABLED


def held_by(status: str, reason: str | None) -> Pause | None:
    """The pause that holds a referral's conversion, if any."""
    held = status in (ReferralStatus.CONVERTED, ReferralStatus.NEEDS_ATTENTION)
    return Pause(reason) if held and reason in set(Pause) else None


FINAL = frozenset(
    {
        ReferralStatus.COMPLETED,
        ReferralStatus.REJECTED,
        ReferralStatus.EXPIRED,
        ReferralStatus.REVERSED,
    }
)
"""Statuses that no conversion leaves."""


_WITHOUT_REWARD = {
    ReferralStatus.REJECTED: "It did not qualify",
    ReferralStatus.EXPIRED: "No purchase came in time",
    ReferralStatus.REVERSED: "All of it was undone",
}


class Expectation(NamedTuple):
    """Whether a reward can be expected, and if not, why."""

    rewarded: bool
    why_not: str | None = None


def expectation(
    status: ReferralStatus, reason: str | None, *, undone: bool, reinstating: bool
) -> Expectation:
    """What can be expected of a referral.

    `undone`: all of it is undone, whatever is still open; `reinstating`: it is to be judged anew.
    """
    if reinstating:
        return Expectation(True)
    ended = ReferralStatus.REVERSED if undone else status
    if ended not in _WITHOUT_REWARD:
        return Expectation(True)
    why = f": {reason}" if reason else ""
    return Expectation(False, f"{_WITHOUT_REWARD[ended]}{why or '.'}")


def status_of(grants: Iterable[GrantStatus], *, undone: bool = False) -> ReferralStatus:
    """A converted referral's status, computed from its grants: attention first, then what is open.
    `undone`: all of it was reversed, which shows once nothing is open."""
    seen = set(grants)
    if GrantStatus.NEEDS_ATTENTION in seen:
        return ReferralStatus.NEEDS_ATTENTION
    if seen & {GrantStatus.ORDERING, GrantStatus.ORDERED}:
        return ReferralStatus.FULFILLING
    if GrantStatus.IN_REVIEW in seen:
        return ReferralStatus.IN_REVIEW
    if GrantStatus.HELD in seen:
        return ReferralStatus.ON_HOLD
    return ReferralStatus.REVERSED if undone else ReferralStatus.COMPLETED
