"""Whether what a message announces still holds, judged right before it is sent."""

from __future__ import annotations

from typing import NamedTuple

from domain.grants import GrantStatus
from domain.messaging.triggers import CARD_UNCLAIMED, CODE_PUBLISHED, TIER_NEAR, event_type
from domain.orders import RedemptionState
from domain.referrals import ReferralStatus


class Standing(NamedTuple):
    """The facts now. A member is None where the message is about no such thing."""

    grant: str | None = None
    """The grant's status."""
    attention: str | None = None
    taken_back: bool = False
    """All of the grant was reversed."""
    redemption: str | None = None
    """What the provider says of the card's use."""
    referral: str | None = None
    referral_undone: bool = False
    code_usable: bool | None = None
    friends_missing: int | None = None
    """To the next tier."""


_OVER = frozenset({GrantStatus.CANCELLED, GrantStatus.FAILED})
_ENDED = frozenset({ReferralStatus.REJECTED, ReferralStatus.EXPIRED, ReferralStatus.REVERSED})
_ABOUT_AN_END = ("referral.rejected", "referral.expired", "referral.reversed", "referral.denied")


def undone(trigger: str, now: Standing) -> str | None:
    """Why the message must not be sent any more, in words; None: it still holds."""
    if trigger == CODE_PUBLISHED and now.code_usable is False:
        return "The code cannot be used any more."
    if trigger == TIER_NEAR and now.friends_missing != 1:
        return "The count of friends has changed."
    if now.grant is not None:
        return _grant_undone(trigger, now)
    ended = now.referral_undone or now.referral in _ENDED
    if ended and trigger.startswith("referral.") and not trigger.startswith(_ABOUT_AN_END):
        return "The referral was undone."
    if ended and trigger == TIER_NEAR:
        return "The referral was undone."
    return None


def _grant_undone(trigger: str, now: Standing) -> str | None:
    type = event_type(trigger)
    if type == "grant.cancelled":
        return None if now.grant in _OVER or now.taken_back else "The reward is granted again."
    if now.grant in _OVER or now.taken_back:
        return "The reward was withdrawn."
    if type == "grant.created" and now.grant == GrantStatus.DELIVERED:
        return "The reward is already here."
    if type == "grant.delivered" and now.grant != GrantStatus.DELIVERED:
        return "The reward has not arrived after all."
    if type == "grant.recipient_incomplete" and now.attention != "recipient_incomplete":
        return "The address is known by now."
    if trigger == CARD_UNCLAIMED and now.redemption != RedemptionState.UNREDEEMED:
        return "The card was used, or its provider does not say whether it was."
    return None
